// Package mount serves trees through FUSE: their generations as directories to
// read, and directories to restore into, whose writes are compared as they
// arrive. Nothing of a tree is kept; inode numbers are the same at every mount.
package mount

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"github.com/reckon-bench/reckon/workloads/data/expect"
	"github.com/reckon-bench/reckon/workloads/data/tree"
)

// A Folder is what is served under a name: one of its fields.
type Folder struct {
	Name    string
	View    *tree.View      // to read
	Restore *expect.Restore // to restore into; its report is in a file beside it
	Folders []Folder        // or folders again
}

// ReportSuffix ends the name of the file that has a restore's report.
const ReportSuffix = ".report.json"

// most is how many trees one mount serves: an inode number has so much room for them.
const most = 128

// device is what is opened to serve.
const device = "/dev/fuse"

// maxWrite is how many bytes one read or write has at most.
const maxWrite = 1 << 20

// Mount serves the folders at the directory until the server is unmounted.
func Mount(at string, folders []Folder) (*fuse.Server, error) {
	f, err := os.OpenFile(device, os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("mount %s: open %s: %w; a container wants --device %s and CAP_SYS_ADMIN, a machine the module fuse; generate, verify and serve need neither", at, device, errors.Unwrap(err), device)
	}
	f.Close()
	info, err := os.Stat(at)
	if err != nil {
		return nil, fmt.Errorf("mount: %w", err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("mount %s: is no directory", at)
	}
	root := &menu{folders: folders, trees: map[*tree.Tree]uint64{}, restores: map[*expect.Restore]uint64{}}
	if len(folders) == 1 && folders[0].Name == "" && folders[0].Restore != nil {
		return serve(at, newRestored(folders[0].Restore.Root(), folders[0].Restore, 0))
	}
	if err := root.number(folders); err != nil {
		return nil, fmt.Errorf("mount %s: %w", at, err)
	}
	return serve(at, root)
}

func serve(at string, root fusefs.InodeEmbedder) (*fuse.Server, error) {
	none := time.Duration(0)
	s, err := fusefs.Mount(at, root, &fusefs.Options{
		MountOptions: fuse.MountOptions{
			FsName: "reckon-data", Name: "reckon", DirectMount: true, DisableSplice: true, MaxWrite: maxWrite, MaxBackground: 64,
			AllowOther: os.Geteuid() == 0, Options: []string{"default_permissions"},
		},
		EntryTimeout: &none, AttrTimeout: &none, NullPermissions: true, // each node says how long it stays
	})
	if err != nil {
		return nil, fmt.Errorf("mount %s: %w", at, err)
	}
	return s, nil
}

// forever is how long the kernel may keep what never changes.
const forever = 24 * time.Hour

// A menu is a directory of folders.
type menu struct {
	fusefs.Inode
	folders []Folder
	trees   map[*tree.Tree]uint64 // their numbers, in inode numbers
	// Those of restores.
	restores map[*expect.Restore]uint64
}

func (m *menu) restore(r *expect.Restore) uint64 {
	if _, ok := m.restores[r]; !ok {
		m.restores[r] = uint64(len(m.restores))
	}
	return m.restores[r]
}

// number numbers the trees.
func (m *menu) number(folders []Folder) error {
	for _, f := range folders {
		if f.View != nil {
			if _, ok := m.trees[f.View.Tree()]; !ok {
				m.trees[f.View.Tree()] = uint64(len(m.trees))
			}
		}
		if err := m.number(f.Folders); err != nil {
			return err
		}
	}
	if len(m.trees) > most {
		return fmt.Errorf("has %d trees; at most %d can be served at once", len(m.trees), most)
	}
	return nil
}

// OnAdd makes what is below.
func (m *menu) OnAdd(ctx context.Context) {
	for _, f := range m.folders {
		var child fusefs.InodeEmbedder
		switch {
		case f.View != nil:
			child = &directory{node{what: what{f.View, tree.Root, m.trees[f.View.Tree()]}}}
		case f.Restore != nil:
			child = newRestored(f.Restore.Root(), f.Restore, m.restore(f.Restore))
			m.AddChild(f.Name+ReportSuffix, m.NewPersistentInode(ctx, &report{r: f.Restore}, fusefs.StableAttr{Mode: syscall.S_IFREG}), true)
		default:
			child = &menu{folders: f.Folders, trees: m.trees, restores: m.restores}
		}
		m.AddChild(f.Name, m.NewPersistentInode(ctx, child, fusefs.StableAttr{Mode: syscall.S_IFDIR}), true)
	}
}

func (m *menu) Getattr(_ context.Context, _ fusefs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	out.Mode = syscall.S_IFDIR | 0o755
	return 0
}

// A report is a file with what a restore has come to.
type report struct {
	fusefs.Inode
	r *expect.Restore
}

func (r *report) Getattr(_ context.Context, _ fusefs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	out.Mode = syscall.S_IFREG | 0o444
	return 0
}

// Open makes the report of that moment.
func (r *report) Open(context.Context, uint32) (fusefs.FileHandle, uint32, syscall.Errno) {
	text, err := json.MarshalIndent(r.r.Report(), "", "  ")
	if err != nil {
		return nil, 0, syscall.EIO
	}
	return &text, fuse.FOPEN_DIRECT_IO, 0
}

func (r *report) Read(_ context.Context, f fusefs.FileHandle, b []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	text, ok := f.(*[]byte)
	if !ok {
		return nil, syscall.EBADF
	}
	n := 0
	if off < int64(len(*text)) {
		n = copy(b, (*text)[off:])
	}
	return fuse.ReadResultData(b[:n]), 0
}

// modes are the types of files as st_mode has them.
var modes = map[tree.Kind]uint32{tree.Directory: syscall.S_IFDIR, tree.File: syscall.S_IFREG, tree.Symlink: syscall.S_IFLNK}

// errno is the number of an error.
func errno(err error) syscall.Errno {
	for _, e := range []struct {
		err error
		no  syscall.Errno
	}{
		{nil, 0}, {expect.ErrExist, syscall.EEXIST}, {expect.ErrNotExist, syscall.ENOENT}, {expect.ErrNotEmpty, syscall.ENOTEMPTY},
		{expect.ErrIsDir, syscall.EISDIR}, {expect.ErrNotDir, syscall.ENOTDIR}, {expect.ErrInvalid, syscall.EINVAL}, {fs.ErrPermission, syscall.EPERM},
	} {
		if errors.Is(err, e.err) {
			return e.no
		}
	}
	var no syscall.Errno
	if errors.As(err, &no) {
		return no // of the spool, e.g. ENOSPC
	}
	return syscall.EIO
}
