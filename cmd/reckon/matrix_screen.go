package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/reckon-bench/reckon/results"
	"github.com/reckon-bench/reckon/results/matrix"
	"github.com/reckon-bench/reckon/results/matrix/campaign"
	"github.com/reckon-bench/reckon/results/matrix/index"
)

// A sweepScreen shows how a matrix goes: a line a finished cell, and below them,
// on a terminal, a table that is kept up to date: the cells under way and what there is so far.
type sweepScreen struct {
	out  *os.File
	live bool
	dir  *campaign.Dir
	jobs int

	mu       sync.Mutex
	under    []*underWay
	drawn    int // lines of the table that are on the screen
	done     int
	counts   map[results.Status]int
	left     time.Duration // estimated, of the cells not begun
	stop     chan struct{}
	stopping sync.Once
}

// underWay is a cell that runs.
type underWay struct {
	cell  *index.Cell
	began time.Time
	line  string // what it said last
}

func newSweepScreen(out *os.File, dir *campaign.Dir, jobs int) *sweepScreen {
	s := &sweepScreen{out: out, live: term.IsTerminal(int(out.Fd())), dir: dir, jobs: jobs, counts: map[results.Status]int{}, stop: make(chan struct{})}
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

// redraw keeps the clocks of the table going.
func (s *sweepScreen) redraw() {
	t := time.NewTicker(500 * time.Millisecond)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			s.mu.Lock()
			s.table()
			s.mu.Unlock()
		case <-s.stop:
			return
		}
	}
}

// says notes what a cell's run said last.
func (s *sweepScreen) says(c *index.Cell, line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, u := range s.under {
		if u.cell == c {
			u.line = line
		}
	}
}

// turn is told of every cell that begins or ends.
func (s *sweepScreen) turn(c *index.Cell) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.under, func(u *underWay) bool { return u.cell == c })
	if i < 0 {
		s.under = append(s.under, &underWay{cell: c, began: time.Now()})
		s.left -= c.Estimate()
		s.table()
		return
	}
	s.under = slices.Delete(s.under, i, i+1)
	s.erase()
	if c.State == index.Finished {
		s.done++
		s.counts[c.Outcome.Verdict]++
	}
	fmt.Fprintf(s.out, "%*d/%d  %s\n", len(fmt.Sprint(len(s.dir.Index.Cells))), s.done, len(s.dir.Index.Cells), cellLine(c))
	s.table()
}

// cellLine says what came of a cell.
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
			parts = append(parts, "ttr "+number(*m.TTR)+" ms")
		}
		if m.Unavailability != nil {
			parts = append(parts, "unavailable "+number(*m.Unavailability)+" ms")
		}
		if t := m.Latency["all"]; t != nil {
			parts = append(parts, "p99 "+number(t.P99)+" ms")
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

// erase takes the table off the screen.
func (s *sweepScreen) erase() {
	if s.drawn > 0 {
		fmt.Fprintf(s.out, "\x1b[%dA\x1b[J", s.drawn) // up so many lines, and clear from there
		s.drawn = 0
	}
}

// table draws the table anew.
func (s *sweepScreen) table() {
	if !s.live {
		return
	}
	width, _, err := term.GetSize(int(s.out.Fd()))
	if err != nil || width < 20 {
		width = 80
	}
	var lines []string
	for _, u := range s.under {
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

// total is the last line of the table.
func (s *sweepScreen) total() string {
	left := s.left
	for _, u := range s.under {
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

func (s *sweepScreen) close() {
	s.stopping.Do(func() { close(s.stop) })
	s.mu.Lock()
	defer s.mu.Unlock()
	s.erase()
	s.live = false
}

// printMatrix says what came of the matrix: the verdict first, then what is not valid.
func printMatrix(out io.Writer, dir *campaign.Dir) {
	x := dir.Index
	fmt.Fprintf(out, "\n%s  %s\n", strings.ToUpper(x.Verdict.String()), x.Reason)
	w := table(out)
	for _, n := range x.Notes {
		fmt.Fprintf(w, "  note\t%s\n", n)
	}
	for _, c := range x.Cells {
		if c.State == index.Finished && c.Outcome.Verdict != results.StatusValid {
			fmt.Fprintf(w, "  %s\t%s\t%s\n", c.Outcome.Verdict, c.Name, c.Outcome.Reason)
		}
	}
	w.Flush()
	if x.Unfinished > 0 {
		fmt.Fprintf(out, "\nto go on: reckon matrix --resume %s\n", dir)
	}
	fmt.Fprintf(out, "\nreport: %s\n", dir.Report())
}

// listCells prints the cells in the order in which they would be run, and the time they take.
func listCells(seed uint64, cells []*matrix.Cell, all int, shard matrix.Shard, jobs int) {
	cells = slices.SortedFunc(slices.Values(cells), func(a, b *matrix.Cell) int { return a.Order - b.Order })
	w := table(os.Stdout)
	fmt.Fprint(w, "order\tcell\tseed\ttakes about\texpected\n")
	var total time.Duration
	for _, c := range cells {
		total += c.Estimate()
		expected := ""
		if c.MustFail {
			expected = "invalid"
		}
		fmt.Fprintf(w, "%d\t%s\t%d\t%v\t%s\n", c.Order, c.Name, c.Seed, c.Estimate().Round(time.Second), expected)
	}
	w.Flush()
	of := ""
	if shard.Of > 1 {
		of = fmt.Sprintf(" of %d, shard %s", all, shard)
	}
	fmt.Printf("\nseed %d  %d cells%s, about %v", seed, len(cells), of, roughly(total/time.Duration(jobs)))
	if jobs > 1 {
		fmt.Printf(" with --jobs %d", jobs)
	}
	fmt.Println()
}
