package kibishii

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// A dir is an open directory of the tree. Its files are opened by their names in it, so nobody who
// renames it or puts a link in its place leads them elsewhere.
type dir struct {
	fd   int
	path string // below the root, with a slash at the end; "" is the root
	dev  uint64
	held atomic.Int32 // who still needs it
	sync bool         // another file system begins here, and has been written to
}

// release closes the directory when nobody needs it any longer.
func (d *dir) release() error {
	if d.held.Add(-1) > 0 {
		return nil
	}
	defer unix.Close(d.fd)
	if !d.sync {
		return nil
	}
	if err := unix.Syncfs(d.fd); err != nil {
		return fmt.Errorf("sync the file system of %s: %w", d.path, err)
	}
	return nil
}

// dirFlags never follow a link.
const dirFlags = unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC

// openRoot opens the root. It alone may be reached through links, as mounted volumes are.
func (t *tree) openRoot(root string) (*dir, error) {
	fd, err := again(func() (int, error) { return unix.Open(root, dirFlags&^unix.O_NOFOLLOW, 0) })
	switch {
	case errors.Is(err, unix.ENOENT):
		return nil, fmt.Errorf("root %s: does not exist; it must be a directory", root)
	case errors.Is(err, unix.ENOTDIR):
		return nil, fmt.Errorf("root %s: is not a directory", root)
	case err != nil:
		return nil, fmt.Errorf("open root %s: %w", root, err)
	}
	d := &dir{fd: fd}
	d.held.Store(1)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		d.release()
		return nil, fmt.Errorf("look at root %s: %w", root, err)
	}
	d.dev = st.Dev
	return d, nil
}

// openDir opens a directory, and makes it first if that is what is to be done. Where there is none
// to verify, it counts what is missing by that and returns nil.
func (t *tree) openDir(parent *dir, name string, levels int) (*dir, error) {
	d := &dir{path: parent.path + name + "/"}
	if t.cmd == CmdGenerate {
		_, err := again(func() (int, error) { return 0, unix.Mkdirat(parent.fd, name, 0o777) })
		if err != nil && !errors.Is(err, unix.EEXIST) {
			return nil, fmt.Errorf("make directory %s: %w", parent.path+name, err)
		}
	}
	fd, err := again(func() (int, error) { return unix.Openat(parent.fd, name, dirFlags, 0) })
	if err != nil {
		what := notOpened(parent.fd, name, unix.S_IFDIR, err)
		if t.cmd == CmdGenerate || exhausted(err) {
			return nil, fmt.Errorf("open directory %s: %s", parent.path+name, what)
		}
		rest, _ := t.spec.below(levels)
		t.p.missingDir(parent.path+name, what, rest)
		return nil, nil
	}
	d.fd = fd
	d.held.Store(1)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, cmp.Or(fmt.Errorf("look at directory %s: %w", parent.path+name, err), d.release())
	}
	d.dev = st.Dev
	d.sync = t.cmd == CmdGenerate && d.dev != parent.dev
	t.p.foundDir(t.cmd)
	return d, nil
}

// findExtra notes what is in the directory and not in the Spec.
func (t *tree) findExtra(ctx context.Context, d *dir, levels int) error {
	buffer := make([]byte, 16<<10)
	var names []string
	for {
		if err := interrupted(ctx); err != nil {
			return err
		}
		n, err := again(func() (int, error) { return unix.ReadDirent(d.fd, buffer) })
		if err != nil {
			t.p.damaged(strings.TrimSuffix(d.path, "/"), unreadable(err))
			return nil
		}
		if n == 0 {
			return nil
		}
		_, _, names = unix.ParseDirent(buffer[:n], -1, names[:0])
		for _, name := range names {
			if !t.expects(d, levels, name) {
				t.p.extra(d.path + name)
			}
		}
	}
}

// expects says whether that name belongs into the directory.
func (t *tree) expects(d *dir, levels int, name string) bool {
	if number, ok := strings.CutPrefix(name, "file"); ok && below(number, t.spec.Files) {
		return true
	}
	if number, ok := strings.CutPrefix(name, "dir"); ok && levels > 1 && below(number, t.spec.Dirs) {
		return true
	}
	return d.path == "" && name == "lost+found" && kind(d.fd, name) == unix.S_IFDIR // of a volume's own file system
}

// below says whether s is one of the numbers below n, as strconv writes them.
func below(s string, n int) bool {
	i, err := strconv.Atoi(s)
	return err == nil && i >= 0 && i < n && strconv.Itoa(i) == s
}

// notOpened says in words why something that should be of that type did not open.
func notOpened(dir int, name string, want uint32, err error) string {
	if errors.Is(err, unix.ENOENT) {
		return missing
	}
	if is := kind(dir, name); is != 0 && is != want {
		return mismatch(is, want)
	}
	return unreadable(err)
}

func unreadable(err error) string { return "unreadable: " + err.Error() }

// mismatch says what is there, by the type bits of stat, and what should be.
func mismatch(is, want uint32) string { return kinds[is] + ", want " + kinds[want] }

// kind is the type of what has that name, as of stat; 0 where that cannot be told.
func kind(dir int, name string) uint32 {
	var st unix.Stat_t
	if _, err := again(func() (int, error) { return 0, unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW) }); err != nil {
		return 0
	}
	return st.Mode & unix.S_IFMT
}

var kinds = map[uint32]string{
	unix.S_IFREG: "a file", unix.S_IFDIR: "a directory", unix.S_IFLNK: "a symbolic link", unix.S_IFIFO: "a named pipe",
	unix.S_IFSOCK: "a socket", unix.S_IFBLK: "a block device", unix.S_IFCHR: "a character device",
}

// exhausted says that it is this process that cannot open more, and not the tree that is wrong.
func exhausted(err error) bool {
	return errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE) || errors.Is(err, unix.ENOMEM)
}

// again repeats a call that a signal interrupted.
func again(call func() (int, error)) (int, error) {
	for {
		if n, err := call(); !errors.Is(err, unix.EINTR) {
			return n, err
		}
	}
}
