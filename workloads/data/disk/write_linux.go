package disk

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reckon-bench/reckon/workloads/data/damage"
	"github.com/reckon-bench/reckon/workloads/data/stream"
	"github.com/reckon-bench/reckon/workloads/data/tree"
)

// buffer is how many bytes are made and written at a time.
const buffer = 1 << 20

// file makes the file what the new view says, whatever stands there of it.
func (w *writer) file(buf []byte, in *folder, e tree.Entry) error {
	want := w.new.Attributes(e)
	content, err := w.new.File(e)
	if err != nil {
		return err
	}
	var st unix.Stat_t
	err = unix.Fstatat(in.fd, e.Name, &st, unix.AT_SYMLINK_NOFOLLOW)
	switch {
	case errors.Is(err, unix.ENOENT):
		return w.rewrite(buf, in, e, content, want)
	case err != nil:
		return err
	case st.Mode&unix.S_IFMT != unix.S_IFREG:
		return fmt.Errorf("is a %s where a file should be", kindOf(st.Mode))
	case w.looks(&st, content.Size(), want) && !w.otherXattrs(e, want):
		return nil // the time is set last, so all else is done
	case w.old == nil || !w.old.Has(e):
		return w.rewrite(buf, in, e, content, want)
	}
	if had := w.old.Attributes(e); !w.looks(&st, w.old.Size(e), had) {
		return w.rewrite(buf, in, e, content, want)
	}
	fd, err := openWritable(in.fd, e.Name, 0)
	if err != nil {
		return err
	}
	if w.new.Changed(e) {
		err = w.patch(fd, buf, content)
	}
	return w.finish(fd, in, e, want, err)
}

// otherXattrs reports whether the generation gives the file other extended
// attributes, which a look at it does not tell.
func (w *writer) otherXattrs(e tree.Entry, a tree.Attributes) bool {
	return w.old != nil && w.old.Has(e) && !maps.Equal(w.old.Attributes(e).Xattrs, a.Xattrs)
}

// looks reports whether the file has this size and these attributes. If so, it
// was completed as that: its content was, too.
func (w *writer) looks(st *unix.Stat_t, size int64, a tree.Attributes) bool {
	return st.Size == size && st.Mode&0o7777 == a.Mode && st.Mtim.Sec == a.Time.Unix() && st.Mtim.Nsec == 0 &&
		(!w.label.Owners || st.Uid == a.UID && st.Gid == a.GID)
}

// openWritable opens the file to write, also one whose owner may not.
func openWritable(dir int, name string, flags int) (int, error) {
	flags |= unix.O_WRONLY | unix.O_NOFOLLOW | unix.O_CLOEXEC
	fd, err := unix.Openat(dir, name, flags, 0o600)
	if errors.Is(err, unix.EACCES) && unix.Fchmodat(dir, name, 0o600, 0) == nil {
		fd, err = unix.Openat(dir, name, flags, 0o600)
	}
	return fd, err
}

// rewrite writes all of the file.
func (w *writer) rewrite(buf []byte, in *folder, e tree.Entry, v *stream.View, a tree.Attributes) error {
	fd, err := openWritable(in.fd, e.Name, unix.O_CREAT|unix.O_TRUNC)
	if err != nil {
		return err
	}
	return w.finish(fd, in, e, a, w.whole(fd, buf, v))
}

// whole writes what the view holds into an empty file.
func (w *writer) whole(fd int, buf []byte, v *stream.View) (err error) {
	end := int64(0)
	v.Segments(func(off, n int64, hole bool) bool {
		if hole && w.label.Holes {
			return true
		}
		err = writeRange(fd, buf, v, off, n)
		end = off + n
		return err == nil
	})
	if err == nil && end < v.Size() {
		err = unix.Ftruncate(fd, v.Size())
	}
	return err
}

// writeRange writes [off, off+n) of the view to the same place.
func writeRange(fd int, buf []byte, v *stream.View, off, n int64) error {
	for n > 0 {
		b := buf[:min(n, int64(len(buf)))]
		if _, err := v.ReadAt(b, off); err != nil {
			return err
		}
		for len(b) > 0 {
			k, err := unix.Pwrite(fd, b, off)
			if errors.Is(err, unix.EINTR) {
				continue
			}
			if err != nil {
				return err
			}
			b, off, n = b[k:], off+int64(k), n-int64(k)
		}
	}
	return nil
}

// patch writes what differs from the old generation, and makes the holes.
func (w *writer) patch(fd int, buf []byte, v *stream.View) error {
	if err := unix.Ftruncate(fd, v.Size()); err != nil {
		return err
	}
	var err error
	v.Differ(uint16(w.old.Generation()), func(off, n int64) bool {
		v.Runs(off, n, func(n int64, hole bool) bool {
			if !hole || !w.label.Holes {
				err = writeRange(fd, buf, v, off, n)
			}
			off += n
			return err == nil
		})
		return err == nil
	})
	if err != nil || !w.label.Holes {
		return err
	}
	// All holes again: one that moved by a few bytes frees blocks of which only a part differs.
	v.Segments(func(off, n int64, hole bool) bool {
		if hole {
			err = unix.Fallocate(fd, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, off, n)
		}
		return err == nil
	})
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) {
		if err = unix.Ftruncate(fd, 0); err == nil {
			err = w.whole(fd, buf, v)
		}
	}
	return err
}

// finish gives the file its attributes, the time last, and closes it.
func (w *writer) finish(fd int, in *folder, e tree.Entry, a tree.Attributes, err error) error {
	if err == nil && w.label.Xattrs {
		for name, value := range a.Xattrs {
			if err = unix.Fsetxattr(fd, name, []byte(value), 0); err != nil {
				err = fmt.Errorf("set extended attribute %s: %w (--no-xattrs leaves them out)", name, err)
				break
			}
		}
	}
	if err == nil && w.label.Owners {
		if err = unix.Fchown(fd, int(a.UID), int(a.GID)); errors.Is(err, unix.EPERM) {
			err = fmt.Errorf("set owner: %w (--no-owners leaves owners alone)", err)
		}
	}
	if err == nil {
		err = unix.Fchmod(fd, a.Mode)
	}
	if closed := unix.Close(fd); err == nil {
		err = closed
	}
	if err == nil {
		err = setTime(in.fd, e.Name, a.Time)
	}
	return err
}

func setTime(dir int, name string, t time.Time) error {
	ts := unix.NsecToTimespec(t.UnixNano())
	return unix.UtimesNanoAt(dir, name, []unix.Timespec{ts, ts}, unix.AT_SYMLINK_NOFOLLOW)
}

// symlink makes the symbolic link, or gives it another target and attributes.
func (w *writer) symlink(in *folder, e tree.Entry) error {
	want, a := w.new.Target(e), w.new.Attributes(e)
	got, err := readlink(in.fd, e.Name)
	if err == nil && got != want {
		if err := unix.Unlinkat(in.fd, e.Name, 0); err != nil {
			return err
		}
		err = unix.ENOENT
	}
	if errors.Is(err, unix.ENOENT) {
		err = unix.Symlinkat(want, in.fd, e.Name)
	}
	if errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("is no symbolic link, and should be one")
	}
	if err == nil && w.label.Owners {
		err = unix.Fchownat(in.fd, e.Name, int(a.UID), int(a.GID), unix.AT_SYMLINK_NOFOLLOW)
	}
	if err == nil {
		err = setTime(in.fd, e.Name, a.Time)
	}
	return err
}

func readlink(dir int, name string) (string, error) {
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(dir, name, buf)
	return string(buf[:max(n, 0)]), err
}

// links makes the further names of files that have several.
func (w *writer) links(ctx context.Context) error {
	if w.label.Spec.HardLinks == 0 {
		return nil
	}
	walk := walk{
		view: w.new, root: w.root, workers: len(w.buffers),
		enter: w.open,
		pick: func(e tree.Entry) bool {
			return !w.new.First(e) && (w.old == nil || w.resuming || !w.old.Has(e))
		},
		do: func(_ int, in *folder, e tree.Entry) error {
			if err := w.link(in, e); err != nil {
				return fmt.Errorf("link %s: %w", damage.Printable(in.at(e.Name)), err)
			}
			w.o.Progress.files.Add(1)
			return nil
		},
	}
	return walk.run(ctx)
}

// first opens the directory of the file's first name, and returns that name.
func first(root int, v *tree.View, e tree.Entry) (dir int, name string, err error) {
	for f := range v.Names(uint32(e.Number)) {
		dir, err = openDirectory(root, v.Path(v.Tree().Directory(f.Parent)))
		return dir, f.Name, err
	}
	return 0, "", unix.ENOENT
}

func (w *writer) link(in *folder, e tree.Entry) error {
	dir, name, err := first(w.root, w.new, e)
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	err = unix.Linkat(dir, name, in.fd, e.Name, 0)
	if !errors.Is(err, unix.EEXIST) {
		return err
	}
	var a, b unix.Stat_t
	if err := unix.Fstatat(dir, name, &a, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	if err := unix.Fstatat(in.fd, e.Name, &b, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	if a.Dev == b.Dev && a.Ino == b.Ino {
		return nil
	}
	if err := unix.Unlinkat(in.fd, e.Name, 0); err != nil {
		return err
	}
	return unix.Linkat(dir, name, in.fd, e.Name, 0)
}

// kindOf is what a file of this mode is called.
func kindOf(mode uint32) string {
	switch mode & unix.S_IFMT {
	case unix.S_IFREG:
		return "file"
	case unix.S_IFDIR:
		return "directory"
	case unix.S_IFLNK:
		return "symbolic link"
	case unix.S_IFIFO:
		return "FIFO"
	case unix.S_IFSOCK:
		return "socket"
	}
	return "device"
}
