package systems

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/mod/semver"
	"golang.org/x/sys/unix"
)

// etcdModule is the module of etcd's server.
const etcdModule = "go.etcd.io/etcd/server/v3"

// etcdSource is the program that is built: what etcd's own main package does, which its module does
// not hold.
const etcdSource = `package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() { etcdmain.Main(os.Args) }
`

// buildEtcd returns the exact version, and the path of the server of that version. It is built
// where it is not in the user's cache, with the local Go toolchain, in a throw-away module that
// requires it.
func buildEtcd(ctx context.Context, version string, progress io.Writer) (exact, path string, err error) {
	if _, err := exec.LookPath("go"); err != nil {
		return "", "", fmt.Errorf("building etcd %s needs a Go toolchain, and there is no go on the PATH: install one, or give the path of a binary, as in etcd@/usr/bin/etcd", version)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", "", fmt.Errorf("find the cache for etcd %s: %w", version, err)
	}
	owner := cacheOwner()
	for _, dir := range []string{"", "reckon", "etcd"} {
		cache = filepath.Join(cache, dir)
		if err := owner.mkdir(cache); err != nil {
			return "", "", fmt.Errorf("make the cache for etcd %s: %w", version, err)
		}
	}
	w, err := newWorkshop(ctx, cache, owner)
	if err != nil {
		return "", "", err
	}
	defer os.RemoveAll(w.dir)
	toolchain, err := w.run(ctx, "env", "GOVERSION")
	if err != nil {
		return "", "", err
	}
	toolchain = strings.TrimSpace(toolchain)
	program := func(version string) string {
		return filepath.Join(cache, strings.Join([]string{version, toolchain, runtime.GOOS, runtime.GOARCH}, "-"), "etcd")
	}
	if exact, err = w.exact(ctx, version); err != nil {
		if exact = newestBuilt(version, program); exact == "" || ctx.Err() != nil {
			return "", "", err
		}
		fmt.Fprintf(progress, "%s is taken for etcd %s, as the newest that was built here: there may be a newer one, but %v\n", exact, version, err)
	}
	path = program(exact)
	return exact, path, w.make(ctx, exact, path, func() {
		fmt.Fprintf(progress, "building etcd %s with %s, once; it is kept in %s\n", exact, toolchain, filepath.Dir(path))
	})
}

// keeper is the user whose caches are used, nil where that is who runs this: root with the home of
// another (sudo -E) must leave nothing there that its owner cannot change.
type keeper syscall.Credential

func cacheOwner() *keeper {
	home, err := os.UserHomeDir()
	if err != nil || os.Geteuid() != 0 {
		return nil
	}
	info, err := os.Stat(home)
	if err != nil {
		return nil
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Uid != 0 {
		return &keeper{Uid: st.Uid, Gid: st.Gid}
	}
	return nil
}

// give gives what was made to the keeper.
func (k *keeper) give(path string) error {
	if k == nil {
		return nil
	}
	return os.Lchown(path, int(k.Uid), int(k.Gid))
}

// mkdir makes the directory where it is not there.
func (k *keeper) mkdir(path string) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	if err := os.MkdirAll(path, 0o755); err != nil {
		return err
	}
	return k.give(path)
}

// workshop is the throw-away module.
type workshop struct {
	dir   string
	owner *keeper
}

func newWorkshop(ctx context.Context, cache string, owner *keeper) (*workshop, error) {
	// In the cache, so that a finished program is moved within one file system.
	dir, err := os.MkdirTemp(cache, "build-")
	if err != nil {
		return nil, fmt.Errorf("make a module to build etcd in: %w", err)
	}
	w := &workshop{dir, owner}
	if err := owner.give(dir); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(etcdSource), 0o644); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if _, err := w.run(ctx, "mod", "init", "reckon.invalid/etcd"); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return w, nil
}

// exact is the newest version of a minor; any other version is exact as it is.
func (w *workshop) exact(ctx context.Context, version string) (string, error) {
	if strings.Count(version, ".") > 1 {
		return version, nil
	}
	out, err := w.run(ctx, "list", "-m", "-versions", etcdModule)
	if err != nil {
		return "", err
	}
	all := slices.DeleteFunc(strings.Fields(out), func(v string) bool {
		return semver.MajorMinor(v) != version || semver.Prerelease(v) != ""
	})
	if len(all) == 0 {
		return "", fmt.Errorf("there is no release of etcd %s; there are %s", version, strings.Join(strings.Fields(out)[1:], ", "))
	}
	return slices.MaxFunc(all, semver.Compare), nil
}

// newestBuilt is the newest version of the minor whose program is there, "" where none is.
func newestBuilt(minor string, program func(version string) string) (newest string) {
	there, _ := filepath.Glob(filepath.Dir(program(minor+".*")) + "/etcd") // the pattern is well-formed
	for _, path := range there {
		v, _, _ := strings.Cut(filepath.Base(filepath.Dir(path)), "-go")
		if semver.MajorMinor(v) == minor && semver.Prerelease(v) == "" && semver.Compare(v, newest) > 0 && path == program(v) {
			newest = v
		}
	}
	return newest
}

// make builds the program at the path, unless it is there. Of several that want the same at once
// one builds, and the others wait.
func (w *workshop) make(ctx context.Context, version, path string, begins func()) error {
	lock := filepath.Dir(path) + ".lock"
	unlock, err := lockFile(ctx, lock)
	if err != nil {
		return err
	}
	defer unlock()
	if err := w.owner.give(lock); err != nil {
		return fmt.Errorf("give the lock to its owner: %w", err)
	}
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	begins()
	if _, err := w.run(ctx, "mod", "edit", "-require="+etcdModule+"@"+version); err != nil {
		return err
	}
	if _, err := w.run(ctx, "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", "etcd", "."); err != nil {
		return err
	}
	if err := cmp.Or(w.owner.mkdir(filepath.Dir(path)), os.Rename(filepath.Join(w.dir, "etcd"), path)); err != nil {
		return fmt.Errorf("keep the etcd that was built: %w", err)
	}
	return nil
}

// lastLines is how much of a tool's complaint is passed on.
const lastLines = 8

// run runs the go command in the module and returns what it prints; its last lines are the error.
func (w *workshop) run(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = w.dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off", "GO111MODULE=on", "CGO_ENABLED=0", "GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH)
	// Its compilers end with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: (*syscall.Credential)(w.owner)}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	err := cmd.Run()
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	if err != nil {
		lines := strings.Split(strings.TrimSpace(complaint.String()), "\n")
		lines = lines[max(0, len(lines)-lastLines):]
		return "", fmt.Errorf("go %s: %w\n  %s", args[0], err, strings.Join(lines, "\n  "))
	}
	return out.String(), nil
}

// lockPoll is how often a file is tried that another process has locked.
const lockPoll = 100 * time.Millisecond

// lockFile waits until the file is this process's alone. The lock ends with the process at the
// latest.
func lockFile(ctx context.Context, path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|unix.O_CLOEXEC, 0o644)
	if err != nil {
		return nil, fmt.Errorf("lock the cache: %w", err)
	}
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case err == nil:
			return func() { f.Close() }, nil
		case !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR):
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		select {
		case <-time.After(lockPoll):
		case <-ctx.Done():
			f.Close()
			return nil, context.Cause(ctx)
		}
	}
}
