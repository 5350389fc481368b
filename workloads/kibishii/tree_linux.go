package kibishii

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Generate writes the tree below root, a directory that must exist, over what is there. When it
// returns without an error, all of it is on the disk: files of at least 1 MiB by an fsync each,
// everything else by one syncfs at the end. What else stands below root is left alone, and Verify
// will call it extra.
func Generate(ctx context.Context, root string, s Spec, o Options) (Result, error) {
	return do(ctx, CmdGenerate, root, s, o)
}

// Verify reads the tree below root and compares it with what Generate writes there. What is wrong
// is in the Result; an error means that the verifying could not be carried through, and then
// nothing is a success.
func Verify(ctx context.Context, root string, s Spec, o Options) (Result, error) {
	return do(ctx, CmdVerify, root, s, o)
}

// do does the command, and writes down its end.
func do(ctx context.Context, cmd Command, root string, s Spec, o Options) (Result, error) {
	p := o.Progress
	if p == nil {
		p = new(Progress)
	}
	p.begin(cmd)
	err := carryOut(ctx, cmd, root, s, o, p)
	p.end(err)
	return p.Result(), err
}

func carryOut(ctx context.Context, cmd Command, root string, s Spec, o Options, p *Progress) error {
	if err := o.Validate(s); err != nil {
		return err
	}
	p.expect(s.Size())
	if o.Workers <= 0 {
		o.Workers = min(max(leastWorkers, 2*runtime.GOMAXPROCS(0)), mostWorkers)
	}
	t := &tree{cmd: cmd, spec: s, o: o, p: p, jobs: make(chan job, o.Workers)}
	top, err := t.openRoot(root)
	if err != nil {
		return err
	}
	defer top.release()
	t.stencil = newStencil(s, o.Identity.longest(s), o.Workers)
	if err := t.run(ctx, top); err != nil {
		return err
	}
	if cmd == CmdVerify {
		return nil
	}
	if err := unix.Syncfs(top.fd); err != nil {
		return fmt.Errorf("sync the file system of %s: %w", root, err)
	}
	return nil
}

// More workers than processors, because they wait for the disk; each holds a file open and a buffer
// or two.
const (
	leastWorkers = 8
	mostWorkers  = 64
)

// A tree is one that is being generated or verified: one goroutine walks it and opens its
// directories, the workers take its files. At no time is there a list of either.
type tree struct {
	cmd     Command
	spec    Spec
	o       Options
	p       *Progress
	stencil *stencil
	jobs    chan job
	cancel  context.CancelFunc
	mu      sync.Mutex
	err     error       // the first
	atime   atomic.Bool // O_NOATIME is not allowed
}

// A job is for one worker: the files of a directory with the numbers from up to to; or of one open
// file those blocks.
type job struct {
	dir      *dir
	file     *file
	from, to int64
}

func (t *tree) run(ctx context.Context, top *dir) error {
	ctx, t.cancel = context.WithCancel(ctx)
	defer t.cancel()
	var all sync.WaitGroup
	all.Go(func() {
		defer close(t.jobs)
		t.fail(t.walk(ctx, top, max(t.spec.Levels, 1)))
	})
	for range t.o.Workers {
		w := t.newWorker()
		all.Go(func() {
			for j := range t.jobs { // to the end, so that everything is closed
				t.fail(w.do(ctx, j))
			}
		})
	}
	all.Wait()
	return t.err
}

// fail stops everything at the first error.
func (t *tree) fail(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil && t.err == nil {
		t.err = err
		t.cancel()
	}
}

// interrupted is why to stop, if that is so.
func interrupted(ctx context.Context) error {
	if ctx.Err() != nil {
		return fmt.Errorf("interrupted: %w", context.Cause(ctx))
	}
	return nil
}

// walk visits a directory with that many levels, its own among them.
func (t *tree) walk(ctx context.Context, d *dir, levels int) error {
	if t.cmd == CmdVerify && !t.o.AllowExtra {
		if err := t.findExtra(ctx, d, levels); err != nil {
			return err
		}
	}
	if err := t.files(ctx, d); err != nil || levels == 1 {
		return err
	}
	for i := range t.spec.Dirs {
		if err := interrupted(ctx); err != nil {
			return err
		}
		below, err := t.openDir(d, "dir"+strconv.Itoa(i), levels-1)
		if err != nil {
			return err
		}
		if below == nil {
			continue // it is missing, and everything below it
		}
		err = t.walk(ctx, below, levels-1)
		if err := cmp.Or(err, below.release()); err != nil {
			return err
		}
	}
	return nil
}

const (
	batchFiles = 64      // at most so many files a job
	batchBytes = 1 << 20 // and at most so many bytes, unless one file has more
	partBytes  = 4 << 20 // a file that is to be shared by workers is cut at blocks after so many
)

// files hands the directory's files to the workers.
func (t *tree) files(ctx context.Context, d *dir) error {
	if t.spec.Files == 0 {
		return nil
	}
	if t.spec.Length > partBytes && t.spec.Size().Files < int64(4*t.o.Workers) {
		return t.parts(ctx, d)
	}
	batch := int64(batchFiles)
	if t.spec.Length > 0 {
		batch = max(1, min(batch, batchBytes/t.spec.Length))
	}
	for i := int64(0); i < int64(t.spec.Files); i += batch {
		if err := t.send(ctx, job{dir: d, from: i, to: min(i+batch, int64(t.spec.Files))}); err != nil {
			return err
		}
	}
	return nil
}

// parts hands over large files of which there are too few to busy every worker, in parts.
func (t *tree) parts(ctx context.Context, d *dir) error {
	blocks, part := t.spec.blocks(), max(1, partBytes/t.spec.BlockSize)
	for i := range int64(t.spec.Files) {
		f := &file{dir: d, name: fileName(i)}
		if ok, err := t.open(f); !ok {
			if err != nil {
				return err
			}
			continue
		}
		f.held.Add(1)
		var err error
		for n := int64(0); n < blocks && err == nil; n += part {
			f.held.Add(1)
			err = t.send(ctx, job{dir: d, file: f, from: n, to: min(n+part, blocks)})
		}
		if err = cmp.Or(err, t.leave(f, err == nil)); err != nil {
			return err
		}
	}
	return nil
}

// send waits for a worker to be free. The directory is held until the job is done.
func (t *tree) send(ctx context.Context, j job) error {
	j.dir.held.Add(1)
	t.jobs <- j // workers take jobs to the end, whatever happens
	return interrupted(ctx)
}
