package main

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

	"github.com/reckon-bench/reckon/results/judge"
	"github.com/reckon-bench/reckon/results/matrix"
	"github.com/reckon-bench/reckon/results/matrix/campaign"
)

// cellGrace is how long a run may take beyond everything that its plan bounds: checking and drawing.
const cellGrace = judge.CheckTime + 5*time.Minute

// runCell runs the cell as a child. When ctx ends the child is asked, once, to end the run in order.
func runCell(ctx context.Context, c *matrix.Cell, dir, log string, keepData bool, say func(line string)) campaign.Exit {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o666)
	if err != nil {
		return campaign.Exit{Status: -1, Why: err.Error()}
	}
	defer out.Close()
	tail := &tail{log: out, say: say}
	args := append(append([]string{"run"}, c.Arguments()...), "--result-location="+dir)
	if keepData {
		args = append(args, "--keep-data")
	}
	cmd := newChild(tail, args...)
	late, limit := false, cellLimit(c)
	err = runChild(cmd, func(ended <-chan struct{}) {
		overdue := time.After(limit)
		stop := ctx.Done()
		for {
			select {
			case <-stop:
				_ = cmd.Process.Signal(os.Interrupt) // it may have ended meanwhile
				stop = nil
			case <-overdue:
				late = true
				_ = cmd.Process.Kill() // likewise
			case <-ended:
				return
			}
		}
	})
	return tail.exit(err, late, limit)
}

// cellLimit is when a run that has not ended never will.
func cellLimit(c *matrix.Cell) time.Duration {
	p := c.Plan()
	return p.Bounds.Ready + p.Bounds.Preload + p.Options.Duration + p.Options.OpTimeout + p.Bounds.Settle + p.Bounds.Final + cellGrace
}

// A tail keeps the last lines of what it passes on to the log.
type tail struct {
	log *os.File
	say func(line string)

	mu    sync.Mutex
	part  []byte
	lines []string
}

// tailLines is how many.
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
