package launch

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/moby/sys/reexec"

	"github.com/reckon-bench/reckon/cmd/reckon/screen"
	"github.com/reckon-bench/reckon/reckon/host"
	"github.com/reckon-bench/reckon/reckon/runner"
	"github.com/reckon-bench/reckon/results"
)

// ErrLacking says that this machine does not permit, or does not have, what the run requires.
var ErrLacking = errors.New("this machine cannot run it")

// Refused reports whether the machine refused the run before anything was started, so that nothing
// is lost. The exit status is 2.
func Refused(err error) bool {
	return errors.Is(err, host.ErrNotPermitted) || errors.Is(err, ErrLacking)
}

// Run carries out the plan in dir in a private process tree, and shows its progress. Its error is
// nil where the run itself recorded why it failed.
func Run(dir *results.Dir) error {
	cmd := reexec.Command(Role, dir.Path())
	cmd.SysProcAttr = nil // host.RunIsolated sets its own
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
	case Failed: // the record says why
		return nil
	case broke:
		return errors.New(strings.TrimSpace(complaint.String()))
	case NotPermitted:
		return fmt.Errorf("%w: %s", ErrLacking, strings.TrimSpace(complaint.String()))
	}
	err = fmt.Errorf("the runner ended by itself (%w)", err)
	if last := strings.TrimSpace(complaint.String()); last != "" {
		err = fmt.Errorf("%w: %s", err, last[:min(len(last), 2000)])
	}
	return err
}

// show shows the runner's progress, a JSON object per line, until the runner ends.
func show(r io.Reader) {
	s := screen.New(os.Stderr)
	defer s.Close()
	sc := bufio.NewScanner(r)
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		var p runner.Progress
		if json.Unmarshal(sc.Bytes(), &p) == nil { // a lost line costs no more than that line
			s.Update(p)
		}
	}
	_, _ = io.Copy(io.Discard, r) // never let the runner wait for a reader
}
