package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/reckon-bench/reckon/cmd/reckon/exit"
	"github.com/reckon-bench/reckon/cmd/reckon/launch"
	"github.com/reckon-bench/reckon/cmd/reckon/sweep"
	"github.com/reckon-bench/reckon/results"
	"github.com/reckon-bench/reckon/results/matrix"
	"github.com/reckon-bench/reckon/results/matrix/campaign"
	"github.com/reckon-bench/reckon/results/matrix/index"
)

// matrixCall holds the flags of one call of the matrix command.
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
		Use: "matrix FILE.yaml", Short: "Run every combination in a file, and index the results", GroupID: groupRun,
		Long: `A matrix file names words and flags, each with one value or several; every combination of them
is a cell, which is run in a directory of its own, in an order that the file's seed shuffles:

  system: [etcd, etcd-no-pre-vote]
  topology: simple
  workload: uniform
  fault: [none, leader]
  flags: {duration: 10s, number-nodes: [3, 5]}
  repeats: 5
  thresholds: {max_ttr_ms: 5000}

docs/matrix.md describes the rest. The exit status is that of the worst cell: invalid 1, harness 3,
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
	fs.IntVar(&call.RetryHarness, "retry-harness", 0, "how often to repeat a cell whose run was inconclusive (harness); earlier attempts are kept and recorded")
	fs.BoolVar(&call.keepData, "keep-data", false, "keep the data of nodes and workers of every run (kept in any case when a run is not valid)")
	cmd.SetFlagErrorFunc(flagError)
	return cmd
}

// run reads the file, plans every cell and runs those of this shard.
func (m *matrixCall) run(args []string) error {
	switch {
	case m.Jobs < 1:
		return fmt.Errorf("--jobs %d: must be at least 1", m.Jobs)
	case m.RetryHarness < 0:
		return fmt.Errorf("--retry-harness %d: must not be negative", m.RetryHarness)
	case m.resume != "":
		return m.resumed(args)
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
		sweep.List(f.Seed, ours, len(cells), shard, m.Jobs)
		return nil
	}
	if err := launch.Free(m.location, "a matrix never overwrites another (--resume continues one)"); err != nil {
		return err
	}
	if err := sweep.Prepare(index.Cells(ours)); err != nil {
		return err
	}
	location := m.location
	if location == "" {
		location = sweep.Location()
	}
	dir, err := campaign.Create(location, f, cells, shard, results.Versions()["reckon"])
	if err != nil {
		return err
	}
	return m.sweep(dir)
}

// resumed goes on with a matrix. Its file and shard are those with which it was begun.
func (m *matrixCall) resumed(args []string) error {
	switch {
	case len(args) > 1:
		return fmt.Errorf("matrix --resume wants at most one file")
	case m.location != "":
		return fmt.Errorf("--resume and --result-location: a matrix goes on in its own directory")
	}
	unlock, err := sweep.Lock(m.resume)
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
		sweep.List(dir.Index.Seed, left, dir.Index.All, dir.Index.Shard, m.Jobs)
		return nil
	}
	if err := sweep.Prepare(dir.Index.Cells); err != nil {
		return err
	}
	return m.sweepLocked(dir)
}

// reopen opens the matrix and changes to the directory in which it was begun, because relative
// paths in its file refer to that.
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

// ourShard returns the shard that was asked for, or the one that the environment names.
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

// coresACell is the number of cores that a cell keeps busy: one by the system under test, one by
// the load generator and the links, which must never wait for the system.
const coresACell = 2

func (m *matrixCall) sweep(dir *campaign.Dir) error {
	unlock, err := sweep.Lock(dir.Path())
	if err != nil {
		return err
	}
	defer unlock()
	return m.sweepLocked(dir)
}

// sweepLocked runs the cells that are not finished, and prints the result.
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
		<-signals // a second one ends this at once: the runs die with us, and the index has what is finished
		os.Exit(4)
	}()
	watch := sweep.NewScreen(os.Stderr, dir, m.Jobs)
	runner := sweep.Runner{KeepData: m.keepData}
	m.Options.Start = func(ctx context.Context, c *index.Cell, dir, log string) campaign.Exit {
		return runner.Run(ctx, c.Cell, dir, log, func(line string) { watch.Line(c, line) })
	}
	m.Options.Watch = watch.Turn
	err := dir.Run(ctx, m.Options)
	watch.Close()
	if err != nil {
		return exit.Harness(err)
	}
	sweep.Print(os.Stdout, dir)
	if n := dir.Index.Verdict.Exit(); n != 0 {
		return exit.Status(n)
	}
	return nil
}
