package sweep

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/reckon-bench/reckon/reckon/child"
	"github.com/reckon-bench/reckon/results/judge"
	"github.com/reckon-bench/reckon/results/matrix"
	"github.com/reckon-bench/reckon/results/matrix/campaign"
)

// A Runner runs the cells of a matrix, each as a child process.
type Runner struct {
	KeepData bool // keep the data of nodes and workers of every run
}

// drawing is how long a cell may take beyond everything that has a bound of its own.
const drawing = 5 * time.Minute

// Run runs the cell in dir and returns how its process ended. The process's output goes to the file
// log, and each of its lines to say. When ctx ends the process is interrupted, once.
func (r Runner) Run(ctx context.Context, c *matrix.Cell, dir, log string, say func(line string)) campaign.Exit {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o666)
	if err != nil {
		return campaign.Exit{Status: -1, Why: err.Error()}
	}
	defer out.Close()
	tail := &tail{log: out, say: say}
	args := append(append([]string{"run"}, c.Arguments()...), "--result-location="+dir)
	if r.KeepData {
		args = append(args, "--keep-data")
	}
	cmd := child.Command("reckon", args...)
	cmd.Stdout, cmd.Stderr = tail, tail
	late, limit := false, r.limit(c)
	err = child.Run(cmd, func(ended <-chan struct{}) {
		overdue := time.After(limit)
		stop := ctx.Done()
		for {
			select {
			case <-stop:
				_ = cmd.Process.Signal(os.Interrupt) // it may have ended by now
				stop = nil
			case <-overdue:
				late = true
				_ = cmd.Process.Kill() // it may have ended by now
			case <-ended:
				return
			}
		}
	})
	return tail.exit(err, late, limit)
}

// limit returns how long the run may take. One that has not ended by then never will.
func (r Runner) limit(c *matrix.Cell) time.Duration {
	p := c.Plan()
	return p.Bounds.Ready + p.Bounds.Preload + p.Options.Duration + p.Options.OpTimeout + p.Bounds.Settle + p.Bounds.Final + judge.CheckTime + drawing
}

// A tail keeps the last lines of what it writes to the log.
type tail struct {
	log *os.File
	say func(line string)

	mu    sync.Mutex
	part  []byte
	lines []string
}

// tailLines is the number of lines that a tail keeps.
const tailLines = 12

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.part = append(t.part, b...)
	for {
		i := bytes.IndexByte(t.part, '\n')
		if i < 0 {
			break
		}
		if line := strings.TrimRight(string(t.part[:i]), " \r"); line != "" {
			t.lines = append(t.lines[max(0, len(t.lines)-tailLines+1):], line)
			t.say(strings.TrimSpace(line))
		}
		t.part = t.part[i+1:]
	}
	return t.log.Write(b)
}

func (t *tail) exit(err error, late bool, limit time.Duration) campaign.Exit {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := campaign.Exit{Last: t.lines}
	if len(t.part) > 0 {
		e.Last = append(e.Last, string(t.part))
	}
	var exit *exec.ExitError
	switch {
	case late:
		e.Status, e.Why = -1, fmt.Sprintf("it had not ended after %v", limit)
	case errors.As(err, &exit):
		e.Status, e.Why = exit.ExitCode(), exit.String()
	case err != nil:
		e.Status, e.Why = -1, err.Error()
	default:
		e.Why = "it ended without a word"
	}
	if n := len(e.Last); n > 0 && !late {
		e.Why += ", after: " + strings.TrimPrefix(strings.TrimSpace(e.Last[n-1]), "reckon: ")
	}
	return e
}
