package disk

import (
	"context"
	"errors"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/reckon-bench/reckon/workloads/data/tree"
)

// A folder is an open directory that jobs share; the last closes it.
type folder struct {
	fd     int
	number uint64
	path   string // relative to the root, "." for it
	mu     sync.Mutex
	users  int
}

func (f *folder) hold() {
	f.mu.Lock()
	f.users++
	f.mu.Unlock()
}

func (f *folder) release() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.users--; f.users == 0 {
		unix.Close(f.fd)
	}
}

// at returns the path of a name in it.
func (f *folder) at(name string) string {
	if f.path == "." {
		return name
	}
	return f.path + "/" + name
}

const dirFlags = unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC

// longest is how long a path the kernel takes at once.
const longest = unix.PathMax - 1

// openDirectory opens a directory below the root, however deep.
func openDirectory(root int, path string) (int, error) {
	at := root
	for len(path) > longest {
		i := strings.LastIndexByte(path[:longest], '/')
		fd, err := unix.Openat(at, path[:i], dirFlags, 0)
		if at != root {
			unix.Close(at)
		}
		if err != nil {
			return 0, err
		}
		at, path = fd, path[i+1:]
	}
	fd, err := unix.Openat(at, path, dirFlags, 0)
	if at != root {
		unix.Close(at)
	}
	return fd, err
}

// A job is some entries of one directory.
type job struct {
	in      *folder
	entries []tree.Entry
}

// batch is how many names one job has at most.
const batch = 64

// A walk goes through the tree with several workers.
type walk struct {
	view    *tree.View
	root    int
	workers int
	// enter opens each directory; it is called by one goroutine, parents first. False leaves out what is below.
	enter func(d tree.Entry, path string) (fd int, ok bool, err error)
	// listed, if there is one, is called after that.
	listed func(*folder) error
	// pick says which of the directory's other entries to work on; all if nil.
	pick func(tree.Entry) bool
	// do is called for these, by all workers. Each has a number of its own.
	do func(worker int, in *folder, e tree.Entry) error

	jobs   chan job
	cancel context.CancelCauseFunc
}

// run walks to the end or the first error.
func (w *walk) run(ctx context.Context) error {
	ctx, w.cancel = context.WithCancelCause(ctx)
	defer w.cancel(nil)
	w.jobs = make(chan job, w.workers)
	var all sync.WaitGroup
	for i := range w.workers {
		all.Go(func() {
			for j := range w.jobs {
				for _, e := range j.entries {
					if ctx.Err() != nil {
						break
					}
					if err := w.do(i, j.in, e); err != nil {
						w.cancel(err)
					}
				}
				j.in.release()
			}
		})
	}
	if err := w.directory(ctx, tree.Root); err != nil {
		w.cancel(err)
	}
	close(w.jobs)
	all.Wait()
	if ctx.Err() != nil {
		if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
			return cause
		}
		return errors.New("interrupted")
	}
	return nil
}

func (w *walk) directory(ctx context.Context, d tree.Entry) error {
	path := w.view.Path(d)
	fd, ok, err := w.enter(d, path)
	if err != nil || !ok {
		return err
	}
	in := &folder{fd: fd, number: d.Number, path: path, users: 1}
	if w.listed != nil {
		if err := w.listed(in); err != nil {
			in.release()
			return err
		}
	}
	var entries []tree.Entry
	var directories []tree.Entry
	for e := range w.view.Entries(d.Number) {
		if e.Kind == tree.Directory {
			directories = append(directories, e)
			continue
		}
		if w.pick != nil && !w.pick(e) {
			continue
		}
		if entries = append(entries, e); len(entries) == batch {
			w.send(ctx, in, entries)
			entries = nil
		}
	}
	if len(entries) > 0 {
		w.send(ctx, in, entries)
	}
	in.release() // before going down, however deep that is
	for _, e := range directories {
		if ctx.Err() != nil {
			return nil // run says why
		}
		if err := w.directory(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) send(ctx context.Context, in *folder, entries []tree.Entry) {
	in.hold()
	select {
	case w.jobs <- job{in, entries}:
	case <-ctx.Done():
		in.release()
	}
}
