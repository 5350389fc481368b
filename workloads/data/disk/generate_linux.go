package disk

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/reckon-bench/reckon/workloads/data/damage"
	"github.com/reckon-bench/reckon/workloads/data/tree"
)

// Generate writes the view into dir, which must be empty, absent, or hold a part
// of the same view, and labels it. When it returns without an error all of it is
// on the disk. What an interrupted call has finished is not written again.
func Generate(ctx context.Context, dir string, v *tree.View, o Options) error {
	l, err := Prepare(dir, v.Tree().Spec, v.Generation(), o)
	if err != nil {
		return err
	}
	if l.Spec.Holes > 0 && l.Holes {
		if l.Holes, err = reportsHoles(dir); err != nil {
			return err
		}
	}
	if l.Writing == none && l.Generation == none {
		l.Writing = v.Generation()
		if err := l.write(dir); err != nil {
			return err
		}
	}
	w := &writer{dir: dir, label: l, new: v, o: o}
	return w.write(ctx)
}

// Advance takes the tree in dir to its next generation, and returns which that
// is. It touches only what changes. After an interruption it goes on.
func Advance(ctx context.Context, dir string, o Options) (int, error) {
	l, err := ReadLabel(dir)
	if err != nil {
		return none, err
	}
	if l.Generation == none {
		return none, fmt.Errorf("advance %s: generation %d is there in part; finish that first, with generate", dir, l.Writing)
	}
	resuming := l.Writing != none
	l.Writing = l.Generation + 1
	t, err := tree.New(l.Spec, l.Writing)
	if err != nil {
		return none, fmt.Errorf("advance %s: %w", dir, err)
	}
	w := &writer{dir: dir, label: l, o: o, resuming: resuming}
	if w.new, err = t.At(l.Writing); err != nil {
		return none, err
	}
	if w.old, err = t.At(l.Generation); err != nil {
		return none, err
	}
	if err := l.write(dir); err != nil {
		return none, err
	}
	return l.Writing, w.write(ctx)
}

// A writer writes a view over nothing, or over the generation before.
type writer struct {
	dir      string
	root     int
	label    Label
	new, old *tree.View // old is nil where there was nothing
	resuming bool       // some of it may be done
	o        Options
	buffers  [][]byte
}

func (w *writer) write(ctx context.Context) error {
	p := w.o.Progress
	if p == nil {
		p = new(Progress)
		w.o.Progress = p
	}
	p.begin(w.new.Totals())
	var err error
	if w.root, err = unix.Open(w.dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0); err != nil {
		return fmt.Errorf("open %s: %w", w.dir, err)
	}
	defer unix.Close(w.root)
	for range w.o.workers() {
		w.buffers = append(w.buffers, make([]byte, buffer))
	}
	for _, pass := range []func(context.Context) error{w.remove, w.files, w.links} {
		if err := pass(ctx); err != nil {
			return fmt.Errorf("%w; generation %d is there in part, and the same command goes on with it", err, w.label.Writing)
		}
	}
	if err := unix.Syncfs(w.root); err != nil {
		return fmt.Errorf("sync the file system of %s: %w", w.dir, err)
	}
	w.label.Generation, w.label.Writing = w.new.Generation(), none
	return w.label.write(w.dir)
}

// remove removes the names that the old view has and the new has not.
func (w *writer) remove(ctx context.Context) error {
	if w.old == nil {
		return nil
	}
	walk := walk{
		view: w.old, root: w.root, workers: len(w.buffers),
		enter: w.open,
		pick:  func(e tree.Entry) bool { return !w.new.Has(e) },
		do: func(_ int, in *folder, e tree.Entry) error {
			if err := unix.Unlinkat(in.fd, e.Name, 0); err != nil && !errors.Is(err, unix.ENOENT) {
				return fmt.Errorf("remove %s: %w", damage.Printable(in.at(e.Name)), err)
			}
			return nil
		},
	}
	return walk.run(ctx)
}

// open opens a directory that must be there.
func (w *writer) open(_ tree.Entry, path string) (int, bool, error) {
	fd, err := openDirectory(w.root, path)
	if err != nil {
		return 0, false, fmt.Errorf("open directory %s: %w", damage.Printable(path), err)
	}
	return fd, true, nil
}

// files makes directories, files with their first name, and symbolic links.
func (w *writer) files(ctx context.Context) error {
	walk := walk{
		view: w.new, root: w.root, workers: len(w.buffers),
		enter: w.directory,
		pick:  w.differs,
		do: func(worker int, in *folder, e tree.Entry) error {
			var err error
			switch {
			case e.Kind == tree.Symlink:
				err = w.symlink(in, e)
			case w.new.First(e):
				err = w.file(w.buffers[worker], in, e)
			default:
				return nil // its turn comes when all first names are there
			}
			if err != nil {
				return fmt.Errorf("write %s: %w", damage.Printable(in.at(e.Name)), err)
			}
			w.o.Progress.files.Add(1)
			w.o.Progress.bytes.Add(w.new.Size(e))
			return nil
		},
	}
	return walk.run(ctx)
}

// differs reports whether anything is to be done about the entry.
func (w *writer) differs(e tree.Entry) bool {
	if w.old == nil || w.resuming || !w.old.Has(e) || w.new.Changed(e) || !same(w.old.Attributes(e), w.new.Attributes(e)) {
		return true
	}
	w.o.Progress.files.Add(1)
	if w.new.First(e) {
		w.o.Progress.bytes.Add(w.new.Size(e))
	}
	return false
}

func same(a, b tree.Attributes) bool {
	return maps.Equal(a.Xattrs, b.Xattrs) && a.Mode == b.Mode && a.UID == b.UID && a.GID == b.GID && a.Time.Equal(b.Time)
}

// directory makes a directory if it is not there, gives it its attributes and opens it.
func (w *writer) directory(d tree.Entry, path string) (int, bool, error) {
	if d.Number == 0 {
		return w.open(d, path)
	}
	made := false
	if w.old == nil || w.resuming {
		parent, err := openDirectory(w.root, filepath.Dir(path))
		if err != nil {
			return 0, false, fmt.Errorf("make directory %s: %w", damage.Printable(path), err)
		}
		err = unix.Mkdirat(parent, d.Name, 0o700)
		unix.Close(parent)
		if made = err == nil; err != nil && !errors.Is(err, unix.EEXIST) {
			return 0, false, fmt.Errorf("make directory %s: %w", damage.Printable(path), err)
		}
	}
	fd, ok, err := w.open(d, path)
	if err != nil {
		return fd, ok, err
	}
	a := w.new.Attributes(d)
	if made || w.resuming || w.old == nil || !same(w.old.Attributes(d), a) {
		if w.label.Owners {
			err = unix.Fchown(fd, int(a.UID), int(a.GID))
		}
		if err == nil {
			err = unix.Fchmod(fd, a.Mode)
		}
		if err != nil {
			unix.Close(fd)
			return 0, false, fmt.Errorf("set attributes of %s: %w", damage.Printable(path), err)
		}
	}
	return fd, true, nil
}

// reportsHoles finds out whether the directory's file system has holes and says where they are.
func reportsHoles(dir string) (bool, error) {
	f, err := os.CreateTemp(dir, LabelName+".probe-")
	if err != nil {
		return false, fmt.Errorf("probe %s for holes: %w", dir, err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	const half = 512 << 10
	if _, err := f.WriteAt([]byte{1}, half); err != nil {
		return false, fmt.Errorf("probe %s for holes: %w", dir, err)
	}
	at, err := unix.Seek(int(f.Fd()), 0, unix.SEEK_DATA)
	return err == nil && at > half/2, nil
}
