// Package screen shows people how a run goes and what came of it.
package screen

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/reckon-bench/reckon/reckon/runner"
)

// A Screen shows the progress of a run: one line that is kept up to date on a terminal, plain lines
// elsewhere. Notes, such as an injected fault, are lines of their own on both.
type Screen struct {
	out      *os.File
	bar      *progressbar.ProgressBar // nil where out is no terminal
	phase    string
	lastLine time.Time

	// Since the last line, or the last second of a bar.
	latencies runner.Latencies
	from      runner.Progress
	rate      string
}

// plainEvery is the time between two lines of progress where the output is no terminal.
const plainEvery = 5 * time.Second

// New returns a screen on out.
func New(out *os.File) *Screen {
	s := &Screen{out: out}
	if term.IsTerminal(int(out.Fd())) {
		s.bar = progressbar.NewOptions(1000,
			progressbar.OptionSetWriter(out), progressbar.OptionSetWidth(20), progressbar.OptionClearOnFinish(),
			progressbar.OptionSetPredictTime(false), progressbar.OptionSetElapsedTime(false), progressbar.OptionSpinnerType(14),
			progressbar.OptionThrottle(50*time.Millisecond),
		)
	}
	return s
}

// Update shows the progress.
func (s *Screen) Update(p runner.Progress) {
	for _, n := range p.Notes {
		s.print("  " + n)
	}
	s.latencies.Merge(p.Latencies)
	if s.bar != nil {
		if p.Elapsed-s.from.Elapsed >= time.Second || p.Phase != s.from.Phase {
			s.measure(p)
		}
		s.bar.Describe(s.describe(p))
		if p.Total > 0 {
			_ = s.bar.Set(int(min(999, 1000*p.Elapsed/p.Total))) // a bar that cannot be drawn is no loss
		} else {
			_ = s.bar.RenderBlank()
		}
		return
	}
	if p.Phase != s.phase || p.Phase == "load" && time.Since(s.lastLine) >= plainEvery {
		s.phase, s.lastLine = p.Phase, time.Now()
		s.measure(p)
		s.print(s.describe(p))
	}
}

// measure updates the rate and the p99 latency from what happened since it was last called.
func (s *Screen) measure(p runner.Progress) {
	s.rate = "- ops/s"
	if took := p.Elapsed - s.from.Elapsed; p.Phase == s.from.Phase && took > 0 {
		s.rate = fmt.Sprintf("%.0f ops/s", float64(p.OK-s.from.OK)/took.Seconds())
	}
	s.rate += "  p99 -"
	if q := s.latencies.Quantile(0.99); q > 0 {
		s.rate = strings.TrimSuffix(s.rate, "-") + Number(float64(q.Microseconds())/1e3) + " ms"
	}
	s.from, s.latencies = p, runner.Latencies{}
}

func (s *Screen) print(line string) {
	if s.bar != nil {
		_ = s.bar.Clear()
	}
	fmt.Fprintln(s.out, line)
}

// Close clears the line of progress.
func (s *Screen) Close() {
	if s.bar != nil {
		_ = s.bar.Clear()
	}
}

// describe returns the line: phase, elapsed time, operations per second, p99, leader, active
// faults.
func (s *Screen) describe(p runner.Progress) string {
	parts := []string{fmt.Sprintf("%-7s %5.1fs", p.Phase, p.Elapsed.Seconds())}
	if p.Total > 0 {
		parts[0] += fmt.Sprintf("/%.0fs", p.Total.Seconds())
		parts = append(parts, s.rate)
		if n := p.Failed + p.Unknown; n > 0 {
			parts = append(parts, fmt.Sprintf("%d failed, %d unknown", p.Failed, p.Unknown))
		}
	}
	if p.Leader != "" {
		parts = append(parts, fmt.Sprintf("%s leads term %d", p.Leader, p.Term))
	} else if p.Phase == "load" {
		parts = append(parts, "no leader")
	}
	if len(p.Struck) > 0 {
		parts = append(parts, "injected: "+strings.Join(p.Struck, "; "))
	}
	return strings.Join(parts, "  ")
}
