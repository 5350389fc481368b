// Package sweep runs the cells of a matrix and shows how that goes.
package sweep

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/reckon-bench/reckon/cmd/reckon/screen"
	"github.com/reckon-bench/reckon/reckon/clock"
	"github.com/reckon-bench/reckon/results"
	"github.com/reckon-bench/reckon/results/matrix/campaign"
	"github.com/reckon-bench/reckon/results/matrix/index"
)

// A Screen shows the progress of a matrix: a line for each finished cell and below these, on a
// terminal, a table of the running cells and the totals, which is kept up to date.
type Screen struct {
	out  *os.File
	live bool
	dir  *campaign.Dir
	jobs int

	mu      sync.Mutex
	running []*runningCell
	drawn   int // lines of the table on the screen
	done    int
	counts  map[results.Status]int
	left    time.Duration   // estimate for the cells that have not begun
	shown   context.Context // until the screen is closed
	close   context.CancelFunc
}

type runningCell struct {
	cell  *index.Cell
	began time.Time
	line  string // its last line of output
}

// NewScreen returns a screen on out for the matrix in dir, of which so many cells run at a time.
func NewScreen(out *os.File, dir *campaign.Dir, jobs int) *Screen {
	s := &Screen{out: out, live: term.IsTerminal(int(out.Fd())), dir: dir, jobs: jobs, counts: map[results.Status]int{}}
	s.shown, s.close = context.WithCancel(context.Background())
	for _, c := range dir.Index.Cells {
		if c.State == index.Finished {
			s.done++
			s.counts[c.Outcome.Verdict]++
		} else {
			s.left += c.Estimate()
		}
	}
	fmt.Fprintf(out, "%s\n", dir)
	fmt.Fprintf(out, "seed %d  %d cells, %d finished  about %v to go\n", dir.Index.Seed, len(dir.Index.Cells), s.done, roughly(s.left/time.Duration(jobs)))
	if s.live {
		go s.redraw()
	}
	return s
}

// redraw keeps the times in the table up to date.
func (s *Screen) redraw() {
	clock.Every(s.shown, 500*time.Millisecond, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.table()
	})
}

// Line notes the last line of output of the cell's run.
func (s *Screen) Line(c *index.Cell, line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, u := range s.running {
		if u.cell == c {
			u.line = line
		}
	}
}

// Turn notes that the cell begins or ends.
func (s *Screen) Turn(c *index.Cell) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.running, func(u *runningCell) bool { return u.cell == c })
	if i < 0 {
		s.running = append(s.running, &runningCell{cell: c, began: time.Now()})
		s.left -= c.Estimate()
		s.table()
		return
	}
	s.running = slices.Delete(s.running, i, i+1)
	s.erase()
	if c.State == index.Finished {
		s.done++
		s.counts[c.Outcome.Verdict]++
	}
	fmt.Fprintf(s.out, "%*d/%d  %s\n", len(fmt.Sprint(len(s.dir.Index.Cells))), s.done, len(s.dir.Index.Cells), cellLine(c))
	s.table()
}

// cellLine returns the line for a cell that has ended.
func cellLine(c *index.Cell) string {
	if c.State != index.Finished {
		return fmt.Sprintf("%-9s %s", strings.ToUpper(string(c.State)), c.Name)
	}
	o := c.Outcome
	parts := []string{fmt.Sprintf("%-8s %s", strings.ToUpper(o.Verdict.String()), c.Name)}
	if m := o.Metrics; m != nil {
		switch {
		case m.Censored:
			parts = append(parts, "never recovered")
		case m.TTR != nil:
			parts = append(parts, "ttr "+screen.Number(*m.TTR)+" ms")
		}
		if m.Unavailability != nil {
			parts = append(parts, "unavailable "+screen.Number(*m.Unavailability)+" ms")
		}
		if t := m.Latency["all"]; t != nil {
			parts = append(parts, "p99 "+screen.Number(t.P99)+" ms")
		}
	}
	parts = append(parts, fmt.Sprintf("%.1f s", o.Took))
	if n := len(o.Attempts); n > 0 {
		parts = append(parts, fmt.Sprintf("attempt %d", n+1))
	}
	if o.Verdict != results.StatusValid {
		parts = append(parts, o.Reason)
	}
	return strings.Join(parts, "  ")
}

// erase removes the table from the screen.
func (s *Screen) erase() {
	if s.drawn > 0 {
		fmt.Fprintf(s.out, "\x1b[%dA\x1b[J", s.drawn) // up by that many lines, then clear to the end of the screen
		s.drawn = 0
	}
}

// table redraws the table.
func (s *Screen) table() {
	if !s.live {
		return
	}
	width, _, err := term.GetSize(int(s.out.Fd()))
	if err != nil || width < 20 {
		width = 80
	}
	var lines []string
	for _, u := range s.running {
		lines = append(lines, fmt.Sprintf("  %5.1fs  %s  %s", time.Since(u.began).Seconds(), u.cell.Name, u.line))
	}
	lines = append(lines, s.total())
	s.erase()
	for _, l := range lines {
		if r := []rune(l); len(r) >= width {
			l = string(r[:width-2]) + "…"
		}
		fmt.Fprintln(s.out, l)
	}
	s.drawn = len(lines)
}

// total returns the last line of the table.
func (s *Screen) total() string {
	left := s.left
	for _, u := range s.running {
		left += max(0, u.cell.Estimate()-time.Since(u.began))
	}
	parts := []string{fmt.Sprintf("%d of %d cells", s.done, len(s.dir.Index.Cells))}
	for _, v := range []results.Status{results.StatusValid, results.StatusInvalid, results.StatusHarness, results.StatusUnknown} {
		if n := s.counts[v]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, v))
		}
	}
	return strings.Join(append(parts, fmt.Sprintf("about %v to go", roughly(left/time.Duration(s.jobs)))), "  ")
}

func roughly(d time.Duration) time.Duration {
	if d > time.Hour {
		return d.Round(time.Minute)
	}
	return d.Round(time.Second)
}

// Close removes the table.
func (s *Screen) Close() {
	s.close()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.erase()
	s.live = false
}
