package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/moby/sys/reexec"
	"github.com/spf13/cobra"

	"github.com/reckon-bench/reckon"
	"github.com/reckon-bench/reckon/host"
	"github.com/reckon-bench/reckon/results"
)

// runWords runs the plan in a new directory, judges what was recorded, draws it and says what came of it.
func runWords(_ *cobra.Command, p *reckon.Plan, l local) error {
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
	_ = results.PointLatest(dir.Path()) // a convenience; the path is printed below
	fmt.Fprintf(os.Stderr, "seed %d  %s  %s\n", p.Options.Seed, p.Words, dir)
	runErr := runIsolated(dir)
	if errors.Is(runErr, host.ErrNotPermitted) || errors.Is(runErr, errLacking) { // nothing was started, so nothing is lost
		return errors.Join(runErr, os.RemoveAll(dir.Path()))
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
	return statusError(summary)
}

// statusError is nil for a valid run, and the exit status of any other.
func statusError(s results.Summary) error {
	if n := s.Verdict.Exit(); n != 0 {
		return exitStatus(n)
	}
	return nil
}

// createDir makes the run's directory: the one asked for, or runs/TIME-WORDS, with a number where that is taken.
func createDir(p *reckon.Plan, location string) (*results.Dir, error) {
	if location != "" {
		return results.Create(location)
	}
	words := strings.NewReplacer(" ", "-", ",", "+", "/", "_").Replace(p.Words.String())
	base := filepath.Join("runs", time.Now().Format("20060102-150405")+"-"+words)
	for i, path := 1, base; ; i++ {
		if _, err := os.Lstat(path); errors.Is(err, os.ErrNotExist) || i == 100 {
			return results.Create(path)
		}
		path = fmt.Sprintf("%s-%d", base, i+1)
	}
}

// errLacking says that the machine does not allow, or have, what the run needs.
var errLacking = errors.New("this machine cannot run it")

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
	case runnerForbidden:
		return fmt.Errorf("%w: %s", errLacking, strings.TrimSpace(complaint.String()))
	}
	return fmt.Errorf("the runner ended with %w: %s", err, strings.TrimSpace(complaint.String()))
}

// show reads the runner's progress lines until it ends.
func show(r io.Reader) {
	s := newScreen(os.Stderr)
	defer s.close()
	sc := bufio.NewScanner(r)
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		var p reckon.Progress
		if json.Unmarshal(sc.Bytes(), &p) == nil { // a line that is lost costs a line
			s.update(p)
		}
	}
	_, _ = io.Copy(io.Discard, r) // never let the runner wait for a reader
}
