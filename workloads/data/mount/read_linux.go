package mount

import (
	"context"
	"errors"
	"io"
	"iter"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"github.com/reckon-bench/reckon/workloads/data/stream"
	"github.com/reckon-bench/reckon/workloads/data/tree"
)

// A node is an entry of a view.
type node struct {
	fusefs.Inode
	what
}

// What a node is.
type what struct {
	v    *tree.View
	e    tree.Entry
	tree uint64
}

// ino returns the inode number: kind 2 bits, tree 7, generation 11, cohort 11, number 32. Files keep theirs from
// one mount to the next, and differ between generations.
func (n *what) ino(e tree.Entry) uint64 {
	number, kind := e.Number, map[tree.Kind]uint64{tree.Directory: 1, tree.File: 2, tree.Symlink: 3}[e.Kind]
	birth := uint64(0)
	if e.Kind == tree.Symlink {
		birth = e.ID() >> 32 & 0x7ff
	}
	return kind<<61 | n.tree<<54 | uint64(n.v.Generation())<<43 | birth<<32 | number
}

// fill says what the entry is.
func (n *what) fill(e tree.Entry, out *fuse.Attr) syscall.Errno {
	a := n.v.Attributes(e)
	out.Ino, out.Mode, out.Nlink = n.ino(e), modes[e.Kind]|a.Mode, uint32(n.v.Links(e))
	out.Uid, out.Gid, out.Blksize = a.UID, a.GID, 4096
	if e.Kind == tree.Directory && e.Number == 0 {
		out.Mode, out.Uid, out.Gid = syscall.S_IFDIR|0o755, 0, 0
	}
	if t := a.Time; !t.IsZero() {
		out.SetTimes(&t, &t, &t)
	}
	switch e.Kind {
	case tree.Directory:
		out.Nlink, out.Size = 2, 4096
	case tree.Symlink:
		out.Size = uint64(len(n.v.Target(e)))
	case tree.File:
		size := n.v.Size(e)
		data := size
		if n.v.Tree().Spec.Holes > 0 && size > stream.HoleUnit {
			f, err := n.v.File(e)
			if err != nil {
				return syscall.EIO
			}
			data = 0
			f.Runs(0, size, func(k int64, hole bool) bool {
				if !hole {
					data += k
				}
				return true
			})
		}
		out.Size, out.Blocks = uint64(size), uint64(data+511)/512
	}
	return 0
}

func (n *node) Getattr(_ context.Context, _ fusefs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	out.SetTimeout(forever)
	return n.fill(n.e, &out.Attr)
}

// child returns the inode of an entry in the directory.
func (n *node) child(ctx context.Context, e tree.Entry) *fusefs.Inode {
	c := what{n.v, e, n.tree}
	var ops fusefs.InodeEmbedder
	switch e.Kind {
	case tree.Directory:
		ops = &directory{node{what: c}}
	case tree.Symlink:
		ops = &link{node{what: c}}
	default:
		ops = &file{node{what: c}}
	}
	return n.NewInode(ctx, ops, fusefs.StableAttr{Mode: modes[e.Kind], Ino: n.ino(e)})
}

type directory struct{ node }

func (d *directory) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	e, ok := d.v.Lookup(d.e.Number, name)
	if !ok {
		out.SetEntryTimeout(forever)
		return nil, syscall.ENOENT
	}
	out.SetEntryTimeout(forever)
	out.SetAttrTimeout(forever)
	return d.child(ctx, e), d.fill(e, &out.Attr)
}

func (d *directory) Readdir(context.Context) (fusefs.DirStream, syscall.Errno) {
	next, stop := iter.Pull(d.v.Entries(d.e.Number))
	l := &listing{d: d, next: next, stop: stop}
	l.e, l.ok = next()
	return l, 0
}

// A listing is a directory that is being read.
type listing struct {
	d    *directory
	next func() (tree.Entry, bool)
	stop func()
	e    tree.Entry
	ok   bool
}

func (l *listing) HasNext() bool { return l.ok }
func (l *listing) Close()        { l.stop() }

func (l *listing) Next() (fuse.DirEntry, syscall.Errno) {
	d := fuse.DirEntry{Name: l.e.Name, Ino: l.d.ino(l.e), Mode: modes[l.e.Kind]}
	l.e, l.ok = l.next()
	return d, 0
}

type link struct{ node }

func (l *link) Readlink(context.Context) ([]byte, syscall.Errno) { return []byte(l.v.Target(l.e)), 0 }

type file struct{ node }

// Open prepares the file's history, and lets the kernel keep what it has read: it never changes.
func (f *file) Open(_ context.Context, flags uint32) (fusefs.FileHandle, uint32, syscall.Errno) {
	if flags&syscall.O_ACCMODE != syscall.O_RDONLY {
		return nil, 0, syscall.EROFS
	}
	content, err := f.v.File(f.e)
	if err != nil {
		return nil, 0, syscall.EIO
	}
	return content, fuse.FOPEN_KEEP_CACHE | fuse.FOPEN_NOFLUSH, 0
}

func (f *file) Read(_ context.Context, h fusefs.FileHandle, b []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	content, ok := h.(*stream.View)
	if !ok {
		return nil, syscall.EBADF
	}
	n, err := content.ReadAt(b, off)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, syscall.EIO
	}
	return fuse.ReadResultData(b[:n]), 0
}

// What lseek(2) is asked.
const (
	seekData = 3
	seekHole = 4
)

func (f *file) Lseek(_ context.Context, h fusefs.FileHandle, off uint64, whence uint32) (uint64, syscall.Errno) {
	content, ok := h.(*stream.View)
	if !ok || whence != seekData && whence != seekHole {
		return 0, syscall.EINVAL
	}
	if off >= uint64(content.Size()) {
		return 0, syscall.ENXIO
	}
	at, found := int64(off), false
	content.Segments(func(start, n int64, hole bool) bool {
		if start+n > at && hole == (whence == seekHole) {
			at, found = max(at, start), true
		}
		return !found
	})
	switch {
	case found:
		return uint64(at), 0
	case whence == seekHole:
		return uint64(content.Size()), 0
	}
	return 0, syscall.ENXIO
}

func (f *file) Getxattr(_ context.Context, name string, dest []byte) (uint32, syscall.Errno) {
	value, ok := f.v.Attributes(f.e).Xattrs[name]
	if !ok {
		return 0, syscall.ENODATA
	}
	return answer(dest, value)
}

func (f *file) Listxattr(_ context.Context, dest []byte) (uint32, syscall.Errno) {
	var all string
	for name := range f.v.Attributes(f.e).Xattrs {
		all += name + "\x00"
	}
	return answer(dest, all)
}

// answer gives an extended attribute to a buffer that may be too small, which asks for its size.
func answer(dest []byte, value string) (uint32, syscall.Errno) {
	if len(dest) < len(value) {
		return uint32(len(value)), syscall.ERANGE
	}
	return uint32(copy(dest, value)), 0
}
