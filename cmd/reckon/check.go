package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/moby/sys/reexec"
	"github.com/spf13/cobra"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/check"
	"github.com/reckon-bench/reckon/reckon/plan"
	"github.com/reckon-bench/reckon/results"
)

func newCheck() *cobra.Command {
	return &cobra.Command{
		Use: "check DIR", Short: "Check a recorded run again; its verdict is the exit status", GroupID: groupRead,
		Args: oneDir, RunE: func(_ *cobra.Command, args []string) error {
			dir, err := results.Open(args[0])
			if err != nil {
				return err
			}
			summary, err := conclude(dir)
			if err != nil {
				return harnessError{err}
			}
			printSummary(os.Stdout, dir, summary)
			return statusError(summary)
		},
	}
}

func newReport() *cobra.Command {
	return &cobra.Command{
		Use: "report DIR", Short: "Summarise and draw a recorded run again, with the verdicts of its last check", GroupID: groupRead,
		Args: oneDir, RunE: func(_ *cobra.Command, args []string) error {
			dir, err := results.Open(args[0])
			if err != nil {
				return err
			}
			old, err := dir.ReadSummary()
			if errors.Is(err, os.ErrNotExist) {
				_, err = conclude(dir)
			} else if err == nil {
				err = redraw(dir, old.Checks)
			}
			if err != nil {
				return harnessError{err}
			}
			fmt.Println(dir.Path("report.html"))
			return nil
		},
	}
}

func redraw(dir *results.Dir, checks []check.Result) error {
	file, err := readPlan(dir)
	if err != nil {
		return err
	}
	_, err = draw(dir, file, readRecord(dir), checks)
	return err
}

func oneDir(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("%s wants the directory of one run, for example runs/latest", cmd.Name())
	}
	return nil
}

// conclude checks, summarises and draws what was recorded.
func conclude(dir *results.Dir) (results.Summary, error) {
	r := readRecord(dir)
	file, err := readPlan(dir)
	if err != nil {
		return results.Summary{}, err
	}
	return draw(dir, file, r, runChecks(dir, file.plan))
}

// record is a run's history, being read: that takes about as long as checking, and runs beside it.
type record struct {
	done  chan struct{}
	h     *reckon.History
	notes []string
	err   error
}

func readRecord(dir *results.Dir) *record {
	r := &record{done: make(chan struct{})}
	go func() {
		defer close(r.done)
		r.h, r.notes, r.err = dir.History()
	}()
	return r
}

// draw summarises and draws, given the verdicts.
func draw(dir *results.Dir, file planFile, r *record, checks []check.Result) (results.Summary, error) {
	<-r.done
	if r.err != nil {
		return results.Summary{}, r.err
	}
	in := info(file, r.notes)
	if end := readEnd(dir); end != "" {
		in.Defects = append(in.Defects, end)
	}
	s := results.Summarise(r.h, in, checks)
	if err := dir.WriteSummary(s); err != nil {
		return s, err
	}
	return s, results.Render(dir, r.h, s, in)
}

// info is what the summary needs to know of the plan.
func info(f planFile, notes []string) results.Info {
	p := f.plan
	in := results.Info{
		Words: p.Words.List(), Seed: p.Options.Seed, Duration: p.Options.Duration, ElectionTimeout: p.Options.FailureTimeout,
		Nodes: p.Setting.Nodes, Clients: p.Setting.Clients, Backend: f.Backend, Links: p.Links,
		LagBound: p.Bounds.Lag, LateBound: p.Bounds.Late, Command: f.Command, Notes: notes,
	}
	for _, s := range p.Strikes {
		in.Planned = append(in.Planned, results.Planned{Fault: s.Fault, Name: s.Name, From: s.From, To: s.To})
	}
	in.Facts = append(in.Facts, results.Fact{Group: "Machine", Name: "started", Value: f.Started.Format(time.RFC3339)})
	for _, fl := range p.Effective() {
		in.Facts = append(in.Facts, results.Fact{Group: "Flags", Name: "--" + fl.Name, Value: fl.Value})
	}
	in.Facts = append(in.Facts, facts("Versions", f.Versions)...)
	in.Facts = append(in.Facts, facts("Machine", f.Machine)...)
	if f.Machine["file_system"] == "tmpfs" {
		in.Notes = append(in.Notes, "the data directories were on tmpfs, where fsync costs nothing: latencies are not those of a disk")
	}
	return in
}

func facts(group string, m map[string]string) (all []results.Fact) {
	for _, k := range slices.Sorted(maps.Keys(m)) {
		all = append(all, results.Fact{Group: group, Name: strings.ReplaceAll(k, "_", " "), Value: m[k]})
	}
	return all
}

// checkerRole is the name under which the binary judges a run: reckon-check DIR.
// It is a process of its own so that its time and its memory can be bounded.
const checkerRole = "reckon-check"

// The bounds of the checking process.
const (
	checkTime   = 5 * time.Minute
	checkMemory = 4 << 30 // bytes
)

// runChecks has the checks run in a process of their own. One that did not come
// to its verdict is Unknown, and says why.
func runChecks(dir *results.Dir, p *plan.Plan) []check.Result {
	got, why := collectVerdicts(dir)
	var all []check.Result
	for _, c := range p.Checks() {
		r, ok := got[c.Name]
		if !ok {
			r = check.Result{Name: c.Name, Detail: "not decided: " + why}
		}
		all = append(all, r)
	}
	return all
}

func collectVerdicts(dir *results.Dir) (got map[string]check.Result, why string) {
	got = map[string]check.Result{}
	ctx, cancel := context.WithTimeout(context.Background(), checkTime+10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, reexec.Self())
	cmd.Args = []string{checkerRole, dir.Path()}
	// A group of its own: a Ctrl-C at the terminal is for us, who may go on to judge what was cut short.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	runtime.LockOSThread() // the signal comes when the thread that forked ends, so that is kept
	defer runtime.UnlockOSThread()
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return got, fmt.Sprintf("start the checking process: %v", err)
	}
	dec := json.NewDecoder(bufio.NewReader(out))
	for {
		var r check.Result
		if dec.Decode(&r) != nil {
			break
		}
		got[r.Name] = r
	}
	_, _ = io.Copy(io.Discard, out)
	err = cmd.Wait()
	last := strings.TrimSpace(complaint.String())
	if i := strings.IndexByte(last, '\n'); i >= 0 {
		last = last[:i]
	}
	return got, cmp.Or(last, fmt.Sprint(err))
}

// checkerMain judges, a JSON object a check.
func checkerMain() {
	if err := judge(os.Args[1], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func judge(path string, w io.Writer) error {
	dir, err := results.Open(path)
	if err != nil {
		return err
	}
	file, err := readPlan(dir)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), checkTime)
	defer cancel()
	go boundMemory()
	h, _, err := dir.History()
	if err != nil {
		return err
	}
	enc := json.NewEncoder(w)
	for _, c := range file.plan.Checks() {
		if err := enc.Encode(guarded(ctx, c, h)); err != nil {
			return err
		}
	}
	return nil
}

// guarded runs the check; a crash of it is Unknown and does not take the others along.
func guarded(ctx context.Context, c reckon.Check, h *reckon.History) (r check.Result) {
	defer func() {
		if x := recover(); x != nil {
			r = check.Result{Detail: fmt.Sprintf("the check crashed: %v", x)}
		}
		r.Name = c.Name
	}()
	return c.Run(ctx, h)
}

// boundMemory ends the process when it holds more than it may. The soft limit makes the
// collector work before that happens.
func boundMemory() {
	debug.SetMemoryLimit(checkMemory * 3 / 4)
	sample := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	for range time.Tick(50 * time.Millisecond) {
		metrics.Read(sample)
		if held := sample[0].Value.Uint64() - sample[1].Value.Uint64(); held > checkMemory {
			fmt.Fprintf(os.Stderr, "out of memory: checking may hold %d MiB\n", checkMemory>>20)
			os.Exit(1)
		}
	}
}
