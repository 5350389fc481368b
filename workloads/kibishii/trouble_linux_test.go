package kibishii

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/moby/sys/reexec"
	"golang.org/x/sys/unix"
)

// mounted is a file system of its own in memory, that is seen nowhere but through its descriptor.
func mounted(t *testing.T, size string, attributes int) *testTree {
	t.Helper()
	fsys, err := unix.Fsopen("tmpfs", unix.FSOPEN_CLOEXEC)
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSYS) {
		t.Skip("mounting needs a privileged user: ", err)
	}
	tree := &testTree{T: t}
	tree.must(err)
	defer unix.Close(fsys)
	tree.must(unix.FsconfigSetString(fsys, "size", size))
	tree.must(unix.FsconfigCreate(fsys))
	mount, err := unix.Fsmount(fsys, unix.FSMOUNT_CLOEXEC, attributes)
	tree.must(err)
	t.Cleanup(func() { unix.Close(mount) })
	tree.root = fmt.Sprintf("/proc/self/fd/%d", mount)
	return tree
}

// A disk that is full in the middle of a file takes a part of a write and reports no error for it:
// the original calls that success.
func TestFullDisk(t *testing.T) {
	for _, s := range []Spec{
		{Files: 40, Length: 10 * 10001, BlockSize: 10001},
		{Files: 1, Length: 40 * 100_000, BlockSize: 100_000},
		{Levels: 2, Dirs: 1, Files: 3, Length: partBytes + 4096, BlockSize: 4096}, // in parts
	} {
		tree := mounted(t, "1M", 0)
		r := tree.fail(CmdGenerate, s, Options{})
		if !strings.HasPrefix(r.Error, "write file ") || !strings.HasSuffix(r.Error, ": no space left on device") {
			t.Errorf("%+v: %s", s, r.Error)
		}
		if r := tree.verify(s, Options{}); r.Success() {
			t.Errorf("%+v: %v", s, r)
		}
	}
}

func TestFullDevice(t *testing.T) {
	f, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("there is no /dev/full: ", err)
	}
	defer f.Close()
	if err := writeAt(int(f.Fd()), []byte("x"), 0); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("error %v", err)
	}
}

// Directories that cannot be made are errors; the original does not look.
func TestReadOnlyDisk(t *testing.T) {
	tree := mounted(t, "1M", unix.MOUNT_ATTR_RDONLY)
	for want, s := range map[string]Spec{
		"make directory dir0: read-only file system": {Levels: 2, Dirs: 1, Files: 0, Length: 40, BlockSize: 40},
		"create file file0: read-only file system":   {Files: 1, Length: 40, BlockSize: 40},
	} {
		if r := tree.fail(CmdGenerate, s, Options{}); r.Error != want {
			t.Errorf("%s, want %s", r.Error, want)
		}
	}
}

const mountRole = "kibishii-mount"

func init() {
	reexec.Register(mountRole, func() {
		must(unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
		must(unix.Mount("tmpfs", filepath.Join(os.Args[1], "dir0"), "tmpfs", 0, "size=1M"))
		r, _ := Generate(context.Background(), os.Args[1], damageSpec, Options{})
		if r.Success() {
			r, _ = Verify(context.Background(), os.Args[1], damageSpec, Options{})
		}
		must(json.NewEncoder(os.Stdout).Encode(r))
	})
}

// A tree may have another file system in it.
func TestTwoFileSystems(t *testing.T) {
	mounted(t, "1M", 0) // or skip
	tree := grown(t)
	tree.must(os.Mkdir(tree.path("dir0"), 0o777))
	cmd := reexec.Command(mountRole, tree.root)
	cmd.SysProcAttr.Cloneflags = unix.CLONE_NEWNS // nobody else sees the mount, and it ends with the process
	if r := tree.resultOf(cmd); !r.Success() || r.VerifiedFiles != damageSpec.Size().Files {
		t.Errorf("%v %s", r, r.Error)
	}
	if r := tree.verify(damageSpec, Options{}); r.MissingFiles != 2 {
		t.Errorf("nothing was mounted: %v", r)
	}
}

// resultOf is what a command says.
func (t *testTree) resultOf(cmd *exec.Cmd) (r Result) {
	t.Helper()
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		t.Fatalf("%s", exit.Stderr)
	}
	t.must(err)
	t.must(json.Unmarshal(out, &r))
	return r
}

const nobodyRole = "kibishii-nobody"

func init() {
	reexec.Register(nobodyRole, func() {
		r, _ := Verify(context.Background(), "/proc/self/fd/3", damageSpec, Options{Identity: ours})
		must(json.NewEncoder(os.Stdout).Encode(r))
	})
}

// What may not be read is damage, and verifying goes on; so it does with files of others, whose
// access time may not be kept. Root may read everything, so somebody else reads here.
func TestUnreadable(t *testing.T) {
	tree := planted(t, damageSpec, Options{Identity: ours})
	tree.must(os.Chmod(tree.path("dir2/file1"), 0))
	tree.must(os.Chmod(tree.path("dir1"), 0))
	defer os.Chmod(tree.path("dir1"), 0o777)
	root, err := os.Open(tree.root)
	tree.must(err)
	defer root.Close()
	cmd := reexec.Command(nobodyRole)
	cmd.ExtraFiles = []*os.File{root}
	if os.Geteuid() == 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: 65534, Gid: 65534}
	}
	r := tree.resultOf(cmd)
	want := "dir1: unreadable: permission denied\ndir2/file1: unreadable: permission denied"
	if got := damageOf(r); got != want || r.CorruptedFiles != 1 || r.MissingDirs != 1 || r.VerifiedFiles != 5 || r.Success() {
		t.Errorf("%v: %s", r, got)
	}
}

// A file whose blocks cannot be read is damage, and says which block.
func TestReadError(t *testing.T) {
	tr := &tree{cmd: CmdVerify, spec: damageSpec, p: new(Progress), stencil: newStencil(damageSpec, 0, 1)}
	f := &file{dir: &dir{path: "dir0/"}, name: "file1", fd: -1}
	if err := tr.newWorker().blocks(t.Context(), f, 3, 5); err != nil {
		t.Fatal(err)
	}
	if got := f.damage(); got != "unreadable: block 3: bad file descriptor" {
		t.Error(got)
	}
	null, err := os.Open(os.DevNull) // ends at once
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	f = &file{dir: f.dir, name: f.name, fd: int(null.Fd())}
	if err := tr.newWorker().blocks(t.Context(), f, 3, 5); err != nil {
		t.Fatal(err)
	}
	if got := f.damage(); got != "corrupt: block 3: the file was cut while it was read" {
		t.Error(got)
	}
}

// However large and however damaged a tree is, a bounded number of descriptors is open at a time,
// and afterwards none.
func TestDescriptors(t *testing.T) {
	for _, s := range []Spec{
		{Levels: 4, Dirs: 5, Files: 3, Length: 80, BlockSize: 40},
		{Levels: MaxLevels, Dirs: 1, Files: 1, Length: 80, BlockSize: 40},
		{Levels: 2, Dirs: 5, Files: 2, Length: partBytes + 4096, BlockSize: 4096},
	} {
		before := openHandles()
		tree := grown(t)
		most := watchHandles()
		tree.generate(s, Options{})
		tree.must(os.Truncate(tree.path("file0"), 3))
		tree.must(os.Remove(tree.path("dir0/file0")))
		if r := tree.verify(s, Options{}); r.Success() {
			t.Errorf("%v", r)
		}
		tree.must(filepath.WalkDir(tree.root, func(path string, d fs.DirEntry, err error) error { // now all files are the wrong thing
			if err == nil && !d.IsDir() {
				err = errors.Join(os.Remove(path), os.Symlink("x", path))
			}
			return err
		}))
		tree.verify(s, Options{})
		tree.fail(CmdGenerate, s, Options{})
		if n := most() - before; n > s.Levels+4*mostWorkers {
			t.Errorf("%+v: %d descriptors", s, n)
		}
		if after := openHandles(); after != before {
			t.Errorf("%+v: %d descriptors before, %d after", s, before, after)
		}
	}
}

// Who interrupts gets an error and what was done so far, never a success.
func TestInterrupt(t *testing.T) {
	s := Spec{Levels: 3, Dirs: 10, Files: 20, Length: 4096, BlockSize: 1024, Pass: 1}
	tree := planted(t, s, Options{})
	before := openHandles()
	for _, cmd := range []Command{CmdGenerate, CmdVerify} {
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errors.New("enough"))
		r := tree.failIn(ctx, cmd, s, Options{})
		if r.Error != "interrupted: enough" || r.GeneratedFiles+r.VerifiedFiles > 0 {
			t.Errorf("%s: %+v", cmd, r)
		}
		ctx, cancel = context.WithCancelCause(t.Context())
		p := new(Progress)
		go func() {
			for p.Done().Files < 100 && ctx.Err() == nil {
				_ = p.Result() // in the middle
			}
			cancel(errors.New("that will do"))
		}()
		r = tree.failIn(ctx, cmd, s, Options{Progress: p})
		n := r.GeneratedFiles + r.VerifiedFiles
		if r.Error != "interrupted: that will do" || n < 100 || n >= s.Size().Files || r.MissingFiles+r.CorruptedFiles > 0 {
			t.Errorf("%s: %+v", cmd, r)
		}
	}
	if after := openHandles(); after != before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}
