package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/moby/sys/reexec"
	"github.com/spf13/cobra"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/host"
	"github.com/reckon-bench/reckon/reckon/plan"
	"github.com/reckon-bench/reckon/reckon/runner"
	"github.com/reckon-bench/reckon/results"
)

// runWords runs the plan in a new directory, judges what was recorded, draws it and says what came of it.
func runWords(_ *cobra.Command, p *plan.Plan, l local) error {
	if err := untaken(l.location, "a run never overwrites another"); err != nil {
		return err
	}
	if err := allHere(p); err != nil {
		return err
	}
	if err := prepare(p); err != nil {
		return err
	}
	if l.debug {
		return debugWords(p, l)
	}
	dir, err := createDir(p, l.location)
	if err != nil {
		return err
	}
	file := newPlanFile(p, dir.Path())
	if err := dir.WritePlan(file); err != nil {
		return harnessError{err}
	}
	if l.location == "" {
		_ = results.PointLatest(dir.Path()) // a convenience; the path is printed below
	}
	fmt.Fprintf(os.Stderr, "seed %d  %s  %s\n", p.Options.Seed, p.Words, dir)
	judging, release := untilJudged(func() { os.Exit(results.StatusUnknown.Exit()) })
	defer release()
	runErr := runIsolated(dir)
	judging()
	if refused(runErr) {
		return errors.Join(runErr, removeEmpty(dir))
	}
	if runErr != nil {
		if err := noteEnd(dir, runErr); err != nil {
			fmt.Fprintln(os.Stderr, "reckon:", err)
		}
	}
	summary, err := conclude(dir)
	if err != nil {
		return harnessError{fmt.Errorf("%w\nWhat was recorded is kept: once this is mended, run reckon check %s", errors.Join(runErr, err), dir)}
	}
	if summary.Verdict == results.StatusValid && !l.keepData {
		if err := dir.RemoveScratch(); err != nil {
			return harnessError{err}
		}
	}
	if err := dir.GiveBack(); err != nil {
		return harnessError{err}
	}
	printSummary(os.Stdout, dir, summary)
	printPackets(os.Stdout, dir)
	if size := sizeOf(dir.Path("scratch")); size > 0 {
		fmt.Printf("data:   %s (%.0f MB; kept%s)\n", dir.Path("scratch"), float64(size)/1e6, map[bool]string{true: ", as asked", false: ", as the run is not valid"}[l.keepData])
	}
	return statusError(summary)
}

// untilJudged takes interrupts from here to release, so that none ends this process before what was recorded is judged and
// drawn. Before judging is called they are the run's, which gets them itself; of those after it the
// second is meant, and calls end.
func untilJudged(end func()) (judging, release func()) {
	signals, released := make(chan os.Signal, 8), make(chan struct{})
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	judging = func() {
		for len(signals) > 0 {
			<-signals
		}
		go func() {
			for i := 0; ; i++ {
				select {
				case <-released:
					return
				case <-signals:
				}
				if i > 0 {
					end()
					return
				}
				fmt.Fprintln(os.Stderr, "what was recorded is being judged and drawn; interrupt once more to leave that to reckon check")
			}
		}()
	}
	return judging, func() { signal.Stop(signals); close(released) }
}

// prepare finds or makes the system's program. A signal ends that, and leaves nothing half made.
func prepare(p *plan.Plan) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := p.Prepare(ctx, os.Stderr)
	if ctx.Err() != nil {
		return harnessError{fmt.Errorf("prepare %s: interrupted; nothing was started", p.Words.System)}
	}
	return err
}

// sizeOf is the bytes that the files below a directory take up; what cannot be read counts nothing.
func sizeOf(dir string) (bytes int64) {
	_ = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			if info, err := e.Info(); err == nil {
				bytes += info.Size()
			}
		}
		return nil
	})
	return bytes
}

// removeEmpty removes the directory of a run in which nothing was recorded.
func removeEmpty(dir *results.Dir) error {
	if err := os.Remove(dir.Path("plan.json")); err != nil {
		return err
	}
	return os.Remove(dir.Path()) // refuses where there is anything else
}

// endFile says how a runner ended that could not record it itself.
const endFile = "runner.json"

type runnerEnd struct {
	Error string `json:"error"`
}

func noteEnd(dir *results.Dir, why error) error {
	b, err := json.Marshal(runnerEnd{why.Error()})
	if err != nil {
		return err
	}
	return os.WriteFile(dir.Path(endFile), append(b, '\n'), 0o666)
}

// readEnd is how the runner ended, "" where it did so in order or said it in the record.
func readEnd(dir *results.Dir) string {
	b, err := os.ReadFile(dir.Path(endFile))
	if err != nil {
		return ""
	}
	var end runnerEnd
	if err := json.Unmarshal(b, &end); err != nil {
		return "the runner ended, and " + endFile + " cannot be read: " + err.Error()
	}
	return end.Error
}

// allHere refuses links, and ways to cut them, that this machine does not have, before anything is built.
func allHere(p *plan.Plan) error {
	wanted := map[string]string{} // what is examined, and the flag that needs it
	if p.Options.Links == "netem" {
		wanted["netem"] = "--links netem"
	}
	if slices.Contains(p.Flags["cut"], reckon.Reset.String()) {
		wanted[resets] = "--cut reset"
	}
	if entry := resetBy(p); entry != "" {
		wanted[resets] = entry
	}
	if len(wanted) == 0 {
		return nil
	}
	return lacking(wanted, examine())
}

// resetBy names the entry of a timeline that cuts by reset, "" where none does: its flags are not the run's.
func resetBy(p *plan.Plan) string {
	for _, text := range p.Flags["faults"] {
		var entries []struct {
			Word string            `json:"fault"`
			With map[string]string `json:"with"`
		}
		if json.Unmarshal([]byte(text), &entries) != nil { // none was given
			continue
		}
		for i, e := range entries {
			if e.With["cut"] == reckon.Reset.String() {
				return fmt.Sprintf("--faults, entry %d, %s: cut: reset", i+1, e.Word)
			}
		}
	}
	return ""
}

// lacking is an error where what is wanted was not found on the machine; wanted names the flag that needs it.
func lacking(wanted map[string]string, found []finding) error {
	for _, f := range found {
		if flag, ok := wanted[f.What]; ok && !f.OK {
			return fmt.Errorf("%s: %s", flag, f.Detail)
		} else if f.Needed && !f.OK {
			return fmt.Errorf("%s: %s", f.What, f.Detail)
		}
	}
	return nil
}

// statusError is nil for a valid run, and the exit status of any other.
func statusError(s results.Summary) error {
	if n := s.Verdict.Exit(); n != 0 {
		return exitStatus(n)
	}
	return nil
}

// untaken refuses a --result-location where there is something, before anything is built. None given is fine.
func untaken(location, why string) error {
	if _, err := os.Lstat(location); location != "" && err == nil {
		return fmt.Errorf("--result-location %s: it exists; %s", location, why)
	}
	return nil
}

// inPath is words as a directory has them in its name.
func inPath(words string) string {
	return strings.NewReplacer(" ", "-", ",", "+", "/", "_").Replace(words)
}

// shortSystem is the word with no more than the name of its argument: a path would be too long for a name.
func shortSystem(word string) string {
	if name, argument, ok := strings.Cut(word, "@"); ok {
		return name + "@" + filepath.Base(argument)
	}
	return word
}

// createDir makes the run's directory: the one asked for, or runs/TIME-WORDS, with a number where that is taken.
func createDir(p *plan.Plan, location string) (*results.Dir, error) {
	if location != "" {
		return results.Create(location)
	}
	short := p.Words
	short.System = shortSystem(short.System)
	base := filepath.Join("runs", time.Now().Format("20060102-150405")+"-"+inPath(short.String()))
	path := base
	for i := 2; ; i++ {
		dir, err := results.Create(path)
		if _, serr := os.Lstat(path); err == nil || serr != nil || i > 100 {
			return dir, err
		}
		path = fmt.Sprintf("%s-%d", base, i) // taken
	}
}

// errLacking says that the machine does not allow, or have, what the run needs.
var errLacking = errors.New("this machine cannot run it")

// refused says whether nothing was started, so that nothing is lost, as the machine does not allow it. The exit status is 2.
func refused(err error) bool {
	return errors.Is(err, host.ErrNotPermitted) || errors.Is(err, errLacking)
}

// runIsolated runs the recorded plan in a private process tree and shows how it goes.
func runIsolated(dir *results.Dir) error {
	cmd := reexec.Command(runnerRole, dir.Path())
	cmd.SysProcAttr = nil // host.RunIsolated sees to it
	out, in := io.Pipe()
	var complaint strings.Builder
	cmd.Stdout, cmd.Stderr = in, &complaint
	shown := make(chan struct{})
	go func() {
		defer close(shown)
		show(out)
	}()
	err := host.RunIsolated(cmd)
	in.Close()
	<-shown
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return err
	}
	switch exit.ExitCode() {
	case runnerFailed: // it has recorded why
		return nil
	case runnerBroke:
		return errors.New(strings.TrimSpace(complaint.String()))
	case runnerForbidden:
		return fmt.Errorf("%w: %s", errLacking, strings.TrimSpace(complaint.String()))
	}
	last := strings.TrimSpace(complaint.String())
	return fmt.Errorf("the runner ended by itself (%w)%s", err, because(last[:min(len(last), 2000)]))
}

// show reads the runner's progress lines until it ends.
func show(r io.Reader) {
	s := newScreen(os.Stderr)
	defer s.close()
	sc := bufio.NewScanner(r)
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		var p runner.Progress
		if json.Unmarshal(sc.Bytes(), &p) == nil { // a line that is lost costs a line
			s.update(p)
		}
	}
	_, _ = io.Copy(io.Discard, r) // never let the runner wait for a reader
}
