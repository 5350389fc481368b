package journal

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/reckon-bench/reckon/reckon/clock"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/internal/load"
)

// Progress is how a run goes at one moment, for people who watch.
type Progress struct {
	Phase     string
	Elapsed   time.Duration  // in the load phase: since the load started; before and after it: since the phase did
	Total     time.Duration  // of the load; 0 in other phases
	OK        int            // acknowledged, in all
	Latencies load.Latencies // of those that were acknowledged since the last one
	Failed    int            // in all
	Unknown   int            // in all
	Leader    string         // "" for none
	Term      uint64
	Struck    []string // what is struck now, "leader: killed n2"
	Notes     []string // what happened since the last one, a line each
}

// progressTold is how often whoever watches is told.
const progressTold = 250 * time.Millisecond

// progress gathers a Progress. The zero value is ready.
type progress struct {
	mu         sync.Mutex
	now        Progress
	since      time.Duration // when the phase was entered
	start, end time.Duration // of the load
	struck     map[int]string
	latencies  load.Latencies
}

// enter notes the phase. Its beginning is taken from the event that is recorded with it.
func (p *progress) enter(phase string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now.Phase = phase
}

func (p *progress) load(start, end time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now.Phase, p.start, p.end = "load", start, end
}

// see takes from an event what a watcher wants to know.
func (p *progress) see(e history.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.struck == nil {
		p.struck = map[int]string{}
	}
	i, _ := e.Strike()
	switch e.Kind {
	case history.Phase:
		p.since = e.At
	case history.Struck:
		p.struck[i] = e.Subject + ": " + e.Detail
		p.note(e.At, "injected %s: %s", e.Subject, e.Detail)
	case history.Healed:
		p.note(e.At, "healed %s", p.struck[i])
		delete(p.struck, i)
	case history.Missed:
		p.note(e.At, "missed %s: %s", e.Subject, e.Detail)
	case history.Leads:
		p.now.Leader, p.now.Term = e.Subject, e.Term()
		if e.Subject == "" {
			p.note(e.At, "no node leads")
		} else {
			p.note(e.At, "%s leads term %d", e.Subject, e.Term())
		}
	case history.Ended:
		p.note(e.At, "%s ended by itself: %s", e.Subject, e.Detail)
	case history.Harness:
		p.note(e.At, "harness: %s", e.Detail)
	}
}

// note keeps a line, with the time since the load started where it has.
func (p *progress) note(at time.Duration, format string, args ...any) {
	when := "          " // before the load its clock has not begun
	if p.start > 0 {
		when = fmt.Sprintf("%6.2f s  ", (at - p.start).Seconds())
	}
	p.now.Notes = append(p.now.Notes, when+fmt.Sprintf(format, args...))
}

// add counts what a driver says has ended.
func (p *progress) add(d load.Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now.OK += d.OK
	p.latencies.Merge(d.Latencies)
	p.now.Failed += d.Failed
	p.now.Unknown += d.Unknown
}

// take is the progress now; counting begins anew.
func (p *progress) take(now time.Duration) Progress {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := p.now
	out.Elapsed = max(0, now-p.since)
	if out.Phase == "load" {
		out.Total = p.end - p.start
	}
	out.Latencies = p.latencies
	for _, i := range slices.Sorted(maps.Keys(p.struck)) {
		out.Struck = append(out.Struck, p.struck[i])
	}
	p.latencies, p.now.Notes = load.Latencies{}, nil
	return out
}

// tell tells the watcher, until ctx ends, and once more then.
func (p *progress) tell(ctx context.Context, run clock.Clock, watch func(Progress)) {
	clock.Every(ctx, progressTold, func() { watch(p.take(run.Now())) })
	watch(p.take(run.Now()))
}
