package mount

import (
	"context"
	"errors"
	"io"
	"strings"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"github.com/reckon-bench/reckon/workloads/data/expect"
	"github.com/reckon-bench/reckon/workloads/data/tree"
)

// restored is a node of a tree that is restored into.
type restored struct {
	fusefs.Inode
	n      *expect.Node
	r      *expect.Restore
	number uint64 // of the restore
}

func newRestored(n *expect.Node, r *expect.Restore, number uint64) *restored {
	return &restored{n: n, r: r, number: number}
}

// ino keeps the numbers of several restores apart.
func (d *restored) ino(n *expect.Node) uint64 { return d.number<<48 | n.ID() }

func (d *restored) fill(n *expect.Node, out *fuse.Attr) {
	a := n.Attributes()
	out.Ino, out.Mode, out.Nlink = d.ino(n), modes[n.Kind()]|a.Mode, uint32(n.Links())
	out.Uid, out.Gid, out.Blksize = a.UID, a.GID, 4096
	out.SetTimes(&a.Time, &a.Time, &a.Time)
	if n.Kind() == tree.Directory {
		out.Size = 4096
		return
	}
	out.Size, out.Blocks = uint64(n.Size()), uint64(n.Written()+511)/512
}

// child returns the inode of a node below, of which err says whether it is one.
func (d *restored) child(ctx context.Context, n *expect.Node, err error, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	if err != nil {
		return nil, errno(err)
	}
	d.fill(n, &out.Attr)
	return d.NewInode(ctx, newRestored(n, d.r, d.number), fusefs.StableAttr{Mode: modes[n.Kind()], Ino: d.ino(n)}), 0
}

// made gives a new node to whoever made it.
func made(ctx context.Context, n *expect.Node) {
	if caller, ok := fuse.FromContext(ctx); ok && n != nil {
		n.SetAttributes(func(a *expect.Attributes) { a.UID, a.GID = caller.Uid, caller.Gid })
	}
}

func (d *restored) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	n, err := d.n.Lookup(name)
	return d.child(ctx, n, err, out)
}

func (d *restored) Readdir(context.Context) (fusefs.DirStream, syscall.Errno) {
	var all []fuse.DirEntry
	for _, name := range d.n.Names() {
		if n, err := d.n.Lookup(name); err == nil {
			all = append(all, fuse.DirEntry{Name: name, Ino: d.ino(n), Mode: modes[n.Kind()]})
		}
	}
	return fusefs.NewListDirStream(all), 0
}

func (d *restored) Getattr(_ context.Context, _ fusefs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	d.fill(d.n, &out.Attr)
	return 0
}

func (d *restored) Setattr(_ context.Context, _ fusefs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	if size, ok := in.GetSize(); ok {
		if err := d.n.Truncate(int64(size)); err != nil {
			return errno(err)
		}
	}
	d.n.SetAttributes(func(a *expect.Attributes) {
		if mode, ok := in.GetMode(); ok {
			a.Mode = mode & 0o7777
		}
		if uid, ok := in.GetUID(); ok {
			a.UID = uid
		}
		if gid, ok := in.GetGID(); ok {
			a.GID = gid
		}
		if t, ok := in.GetMTime(); ok {
			a.Time = t
		}
	})
	d.fill(d.n, &out.Attr)
	return 0
}

func (d *restored) Mkdir(ctx context.Context, name string, mode uint32, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	n, err := d.n.Mkdir(name, mode&0o7777)
	if err == nil {
		made(ctx, n)
	}
	return d.child(ctx, n, err, out)
}

func (d *restored) Create(ctx context.Context, name string, _, mode uint32, out *fuse.EntryOut) (*fusefs.Inode, fusefs.FileHandle, uint32, syscall.Errno) {
	n, err := d.n.Create(name, mode&0o7777)
	if err == nil {
		made(ctx, n)
	}
	i, no := d.child(ctx, n, err, out)
	return i, n, fuse.FOPEN_DIRECT_IO | fuse.FOPEN_NOFLUSH, no
}

// Mknod makes files, as tar does that have extended attributes; there is nothing else to make.
func (d *restored) Mknod(ctx context.Context, name string, mode, _ uint32, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	if mode&syscall.S_IFMT != syscall.S_IFREG {
		return nil, syscall.EPERM
	}
	n, err := d.n.Create(name, mode&0o7777)
	if err == nil {
		made(ctx, n)
	}
	return d.child(ctx, n, err, out)
}

func (d *restored) Symlink(ctx context.Context, target, name string, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	n, err := d.n.Symlink(name, target)
	if err == nil {
		made(ctx, n)
	}
	return d.child(ctx, n, err, out)
}

func (d *restored) Link(_ context.Context, target fusefs.InodeEmbedder, name string, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	t, ok := target.(*restored)
	if !ok || t.r != d.r {
		return nil, syscall.EXDEV
	}
	if err := d.n.Link(name, t.n); err != nil {
		return nil, errno(err)
	}
	d.fill(t.n, &out.Attr)
	return t.EmbeddedInode(), 0
}

func (d *restored) Unlink(_ context.Context, name string) syscall.Errno {
	return errno(d.n.Unlink(name))
}
func (d *restored) Rmdir(_ context.Context, name string) syscall.Errno { return errno(d.n.Rmdir(name)) }

func (d *restored) Rename(_ context.Context, name string, to fusefs.InodeEmbedder, as string, flags uint32) syscall.Errno {
	t, ok := to.(*restored)
	if !ok || t.r != d.r {
		return syscall.EXDEV
	}
	if flags&^unix.RENAME_NOREPLACE != 0 {
		return syscall.EINVAL
	}
	return errno(d.n.Rename(name, t.n, as, flags&unix.RENAME_NOREPLACE != 0))
}

func (d *restored) Readlink(context.Context) ([]byte, syscall.Errno) { return []byte(d.n.Target()), 0 }

// Open goes past the page cache, so that writes arrive as they are made, and wrong ones fail at once.
func (d *restored) Open(_ context.Context, flags uint32) (fusefs.FileHandle, uint32, syscall.Errno) {
	if flags&syscall.O_TRUNC != 0 {
		if err := d.n.Truncate(0); err != nil {
			return nil, 0, errno(err)
		}
	}
	return d.n, fuse.FOPEN_DIRECT_IO | fuse.FOPEN_NOFLUSH, 0
}

func (d *restored) Read(_ context.Context, _ fusefs.FileHandle, b []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	n, err := d.n.ReadAt(b, off)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, errno(err)
	}
	return fuse.ReadResultData(b[:n]), 0
}

func (d *restored) Write(_ context.Context, _ fusefs.FileHandle, b []byte, off int64) (uint32, syscall.Errno) {
	n, err := d.n.WriteAt(b, off)
	return uint32(n), errno(err)
}

// Allocate makes holes; to reserve room is nothing to do.
func (d *restored) Allocate(_ context.Context, _ fusefs.FileHandle, off, size uint64, mode uint32) syscall.Errno {
	switch {
	case mode&(unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_ZERO_RANGE) != 0 && mode&unix.FALLOC_FL_KEEP_SIZE != 0:
		return errno(d.n.Punch(int64(off), int64(size)))
	case mode == 0 && int64(off+size) > d.n.Size():
		return errno(d.n.Truncate(int64(off + size)))
	case mode&^unix.FALLOC_FL_KEEP_SIZE != 0:
		return syscall.EOPNOTSUPP
	}
	return 0
}

func (d *restored) Fsync(context.Context, fusefs.FileHandle, uint32) syscall.Errno { return 0 }

func (d *restored) Getxattr(_ context.Context, name string, dest []byte) (uint32, syscall.Errno) {
	value, ok := d.n.Xattr(name)
	if !ok {
		return 0, syscall.ENODATA
	}
	return answer(dest, value)
}

func (d *restored) Listxattr(_ context.Context, dest []byte) (uint32, syscall.Errno) {
	all := strings.Join(append(d.n.Xattrs(), ""), "\x00")
	return answer(dest, all)
}

func (d *restored) Setxattr(_ context.Context, name string, data []byte, flags uint32) syscall.Errno {
	if strings.HasPrefix(name, "system.") {
		return syscall.EOPNOTSUPP // access control lists
	}
	_, there := d.n.Xattr(name)
	switch {
	case flags&unix.XATTR_CREATE != 0 && there:
		return syscall.EEXIST
	case flags&unix.XATTR_REPLACE != 0 && !there:
		return syscall.ENODATA
	}
	d.n.SetXattr(name, string(data), false)
	return 0
}

func (d *restored) Removexattr(_ context.Context, name string) syscall.Errno {
	if _, there := d.n.Xattr(name); !there {
		return syscall.ENODATA
	}
	d.n.SetXattr(name, "", true)
	return 0
}

func (d *restored) Statfs(_ context.Context, out *fuse.StatfsOut) syscall.Errno {
	*out = fuse.StatfsOut{Blocks: 1 << 40, Bfree: 1 << 40, Bavail: 1 << 40, Files: 1 << 32, Ffree: 1 << 32, Bsize: 4096, Frsize: 4096, NameLen: 255}
	return 0
}
