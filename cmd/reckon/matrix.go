package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/reckon-bench/reckon/results"
	"github.com/reckon-bench/reckon/results/matrix"
	"github.com/reckon-bench/reckon/results/matrix/campaign"
	"github.com/reckon-bench/reckon/results/matrix/index"
)

// matrixCall is how the matrix command was called.
type matrixCall struct {
	location string
	resume   string
	shard    string
	dryRun   bool
	keepData bool
	campaign.Options
}

func newMatrix() *cobra.Command {
	var call matrixCall
	cmd := &cobra.Command{
		Use: "matrix FILE.yaml", Short: "Run every combination that a file names, and index what came of them", GroupID: groupRun,
		Long: `A matrix file names words and flags, each with one value or several; every combination of them
is a cell, which is run in a directory of its own, in an order that the file's seed shuffles:

  system: [etcd, etcd-no-pre-vote]
  topology: simple
  workload: uniform
  fault: [none, leader]
  flags: {duration: 10s, number-nodes: [3, 5]}
  repeats: 5
  thresholds: {max_ttr_ms: 5000}

docs/matrix.md tells the rest. The exit status is that of the worst cell: invalid 1, harness 3,
unknown or not finished 4, valid 0.`,
		Example: `  reckon matrix examples/matrix.yaml --dry-run   the cells and the time they take
  reckon matrix examples/matrix.yaml             results in runs/matrix-TIME
  reckon matrix --resume runs/matrix-TIME        go on after an interruption
  reckon matrix nightly.yaml --shard 2/4         a quarter of it; reckon merge joins them`,
		Args: cobra.ArbitraryArgs, // judged below, where an example can be given
		RunE: func(_ *cobra.Command, args []string) error { return call.run(args) },
	}
	fs := cmd.Flags()
	fs.StringVar(&call.location, "result-location", "", "the matrix's directory, which must not exist (default runs/matrix-TIME)")
	fs.StringVar(&call.resume, "resume", "", "go on with the matrix in this directory; what is finished is not repeated")
	fs.StringVar(&call.shard, "shard", "", "run part i of n, as i/n (default what a CI service or a Kubernetes Indexed Job says, else all)")
	fs.BoolVar(&call.dryRun, "dry-run", false, "list the cells and the time they take; run none")
	fs.IntVar(&call.Jobs, "jobs", 1, "how many cells to run at a time")
	fs.BoolVar(&call.FailFast, "fail-fast", false, "start no further cells once one is not valid")
	fs.IntVar(&call.RetryHarness, "retry-harness", 0, "how often to try a cell again whose run was no result; earlier attempts are kept and recorded")
	fs.BoolVar(&call.keepData, "keep-data", false, "keep the data of nodes and workers of every run (kept in any case when a run is not valid)")
	cmd.SetFlagErrorFunc(flagError)
	return cmd
}

// run is the command: read, plan every cell, and run those that are this shard's.
func (m *matrixCall) run(args []string) error {
	switch {
	case m.Jobs < 1:
		return fmt.Errorf("--jobs %d: must be at least 1", m.Jobs)
	case m.RetryHarness < 0:
		return fmt.Errorf("--retry-harness %d: must not be negative", m.RetryHarness)
	case m.resume != "":
		return m.goOn(args)
	case len(args) != 1:
		return fmt.Errorf("matrix wants one file, for example: reckon matrix examples/matrix.yaml")
	}
	f, err := matrix.Read(args[0])
	if err != nil {
		return err
	}
	cells, err := f.Cells()
	if err != nil {
		return err
	}
	if err := f.Plan(cells); err != nil {
		return err
	}
	for _, n := range f.Notes() {
		fmt.Fprintln(os.Stderr, "note:", n)
	}
	shard, err := m.ourShard()
	if err != nil {
		return err
	}
	ours := slices.DeleteFunc(slices.Clone(cells), func(c *matrix.Cell) bool { return !shard.Has(c) })
	if m.dryRun {
		listCells(f.Seed, ours, len(cells), shard, m.Jobs)
		return nil
	}
	if err := untaken(m.location, "a matrix never overwrites another (--resume continues one)"); err != nil {
		return err
	}
	if err := matrixHere(index.Cells(ours)); err != nil {
		return err
	}
	location := m.location
	if location == "" {
		location = freshLocation()
	}
	dir, err := campaign.Create(location, f, cells, shard, results.Versions()["reckon"])
	if err != nil {
		return err
	}
	return m.sweep(dir)
}

// freshLocation is runs/matrix-TIME, with a number where that is taken.
func freshLocation() string {
	base := filepath.Join("runs", "matrix-"+time.Now().Format("20060102-150405"))
	path := base
	for i := 2; i < 100; i++ {
		if _, err := os.Lstat(path); err != nil {
			break
		}
		path = fmt.Sprintf("%s-%d", base, i)
	}
	return path
}

// goOn resumes a matrix. Its file and shard are those that it was begun with.
func (m *matrixCall) goOn(args []string) error {
	switch {
	case len(args) > 1:
		return fmt.Errorf("matrix --resume wants at most one file")
	case m.location != "":
		return fmt.Errorf("--resume and --result-location: a matrix goes on in its own directory")
	}
	unlock, err := lockMatrix(m.resume)
	if err != nil {
		return err
	}
	defer unlock()
	var f *matrix.File
	if len(args) == 1 {
		if f, err = matrix.Read(args[0]); err != nil {
			return err
		}
	}
	dir, err := m.reopen()
	if err != nil {
		return err
	}
	if f != nil && f.Sum() != dir.Index.Sum {
		return fmt.Errorf("--resume %s: it was begun with another file than %s now is: resume it without naming a file, or begin a new matrix", m.resume, args[0])
	}
	if m.shard != "" && m.shard != dir.Index.Shard.String() {
		return fmt.Errorf("--resume %s: it is shard %s, not %s", m.resume, dir.Index.Shard, m.shard)
	}
	if m.dryRun {
		var left []*matrix.Cell
		for _, c := range dir.Index.Cells {
			if c.State != index.Finished {
				left = append(left, c.Cell)
			}
		}
		fmt.Printf("%d of %d cells are finished\n", len(dir.Index.Cells)-len(left), len(dir.Index.Cells))
		listCells(dir.Index.Seed, left, dir.Index.All, dir.Index.Shard, m.Jobs)
		return nil
	}
	if err := matrixHere(dir.Index.Cells); err != nil {
		return err
	}
	return m.sweepLocked(dir)
}

// reopen opens the matrix in the directory where it was begun, for relative paths in its file are of there.
func (m *matrixCall) reopen() (*campaign.Dir, error) {
	dir, err := campaign.Open(m.resume)
	if err != nil {
		return nil, err
	}
	here, err := os.Getwd()
	if begun := dir.Index.Directory; err == nil && begun != "" && begun != here {
		if err := os.Chdir(begun); err != nil {
			fmt.Fprintf(os.Stderr, "warning: it was begun in another directory, and paths in its file that are relative are now of this one: %v\n", err)
		} else {
			fmt.Fprintf(os.Stderr, "going on in %s, where it was begun: paths in its file that are relative are of there\n", begun)
		}
	}
	return campaign.Resume(dir.Path())
}

// ourShard is the one that was asked for, or the one that the environment says.
func (m *matrixCall) ourShard() (matrix.Shard, error) {
	if m.shard != "" {
		s, err := matrix.ParseShard(m.shard)
		if err != nil {
			return s, fmt.Errorf("--%w", err)
		}
		return s, nil
	}
	s, from, ok, err := matrix.ShardFromEnvironment(os.Getenv)
	if ok {
		fmt.Fprintf(os.Stderr, "shard %s, as %s says\n", s, from)
	}
	return s, err
}

// matrixHere refuses a matrix that this machine cannot run, and finds or makes
// every system's program, before anything is made of the matrix itself.
func matrixHere(cells []*index.Cell) error {
	for _, f := range examine() {
		if f.Needed && !f.OK {
			return fmt.Errorf("%w: %s: %s", errLacking, f.What, f.Detail)
		}
	}
	exact := map[string]string{} // systems' words by those of the file: what is the newest now may not be when the last cell is run
	for _, c := range cells {
		if c.System != "" {
			exact[c.Words.System] = c.System
		}
	}
	key := func(c *index.Cell) string { return fmt.Sprintln(c.Plan().Words.System, c.Flags) } // what a machine, or a program, may lack hangs on these alone
	seen := map[string]bool{}
	for _, c := range cells {
		if c.State == index.Finished {
			continue
		}
		if word := exact[c.Words.System]; word != "" && c.System == "" {
			if err := c.Pin(word); err != nil {
				return err
			}
		}
		if seen[key(c)] {
			continue
		}
		if err := allHere(c.Plan()); err != nil {
			return fmt.Errorf("cell %d: %w", c.Number, err)
		}
		if err := prepare(c.Plan()); err != nil {
			return err
		}
		exact[c.Words.System] = c.Plan().Words.System
		if err := c.Pin(exact[c.Words.System]); err != nil {
			return err
		}
		seen[key(c)] = true
	}
	return nil
}

// coresACell is what a cell keeps busy: the system under test, and beside it the
// load generator with the links, which must never wait for it.
const coresACell = 2

func (m *matrixCall) sweep(dir *campaign.Dir) error {
	unlock, err := lockMatrix(dir.Path())
	if err != nil {
		return err
	}
	defer unlock()
	return m.sweepLocked(dir)
}

// sweepLocked runs what is not finished and says what came of it.
func (m *matrixCall) sweepLocked(dir *campaign.Dir) error {
	if cores := runtime.NumCPU(); m.Jobs > 1 && m.Jobs*coresACell > cores {
		fmt.Fprintf(os.Stderr, "warning: --jobs %d on %d processors: cells share cores, and what one does shows in the latencies of another (a cell keeps %d busy; at most --jobs %d here)\n",
			m.Jobs, cores, coresACell, max(1, cores/coresACell))
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	go func() {
		<-signals
		stop()
		<-signals // the second time is meant: the runs die with us, and the index has all that is finished
		os.Exit(4)
	}()
	watch := newSweepScreen(os.Stderr, dir, m.Jobs)
	m.Options.Start = func(ctx context.Context, c *index.Cell, dir, log string) campaign.Exit {
		return runCell(ctx, c.Cell, dir, log, m.keepData, func(line string) { watch.says(c, line) })
	}
	m.Options.Watch = watch.turn
	err := dir.Run(ctx, m.Options)
	watch.close()
	if err != nil {
		return harnessError{err}
	}
	printMatrix(os.Stdout, dir)
	if n := dir.Index.Verdict.Exit(); n != 0 {
		return exitStatus(n)
	}
	return nil
}

// lockMatrix keeps a second reckon away from the directory while this one works in it.
func lockMatrix(path string) (unlock func(), err error) {
	f, err := os.Open(filepath.Join(path, "matrix.yaml"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("open matrix directory %s: not a matrix: it has no matrix.yaml", path)
	} else if err != nil {
		return nil, fmt.Errorf("open matrix directory: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: another reckon is at work in it", path)
	}
	return func() { f.Close() }, nil
}
