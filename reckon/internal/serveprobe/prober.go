// Package serveprobe asks members of a store, from a client host, whether they serve: a Prober reads
// through one member alone where no operation of the load went through it for an election timeout,
// and reads and writes through each once the cluster is to settle. It decides nothing: it passes on
// what became of operations to whoever does (clusterstate.Monitor).
package serveprobe

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/clock"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/internal/clusterstate"
	"github.com/reckon-bench/reckon/reckon/internal/load"
)

const (
	// every is how often, at most, a member is asked.
	every = 500 * time.Millisecond
	// leastWait is how long an answer may take at least, in which a connection is made as well.
	leastWait = time.Second
	// atOnce bounds how many questions to one member are under way at once.
	atOnce = 8
	// refresh is how often, at most, the same is reported of one member's operations of the load.
	refresh = 250 * time.Millisecond
)

// Config is what a prober needs to know.
type Config struct {
	Client         string // the client host
	Index, Clients int    // its place among so many
	Members        []reckon.Member
	Serving        reckon.Serving
	// Dial makes a client of one member alone. Each question has a client of its own: a connection
	// that a cut has sent into TCP's back-off would answer late for a member that serves already.
	Dial                       func(ctx context.Context, m reckon.Member) (reckon.Client, error)
	Clock                      clock.Clock
	ElectionTimeout, OpTimeout time.Duration
	Record                     func(reckon.Op)           // takes the prober's own operations; safe for concurrent use
	Answer                     func(clusterstate.Answer) // safe for concurrent use
}

// Responsible returns the members whom the client of that index asks. Each member is asked from one
// client host: the first to which it is the nearest, or, where there is none, one of all in turn.
func Responsible(s reckon.Setting, members []reckon.Member, client int) (mine []reckon.Member) {
	for i, m := range members {
		by := i % max(len(s.Clients), 1)
		for k, c := range s.Clients {
			if s.Nearest[c] == m.Name {
				by = k
				break
			}
		}
		if by == client {
			mine = append(mine, m)
		}
	}
	return mine
}

// A Prober asks the members. It is safe for concurrent use.
type Prober struct {
	Config
	processes load.Processes
	settling  chan struct{} // closed by Settle

	mu       sync.Mutex
	through  map[string]time.Duration // by member: when an operation of the load last ended
	reported map[way]report
}

// way is a kind of operation through a member.
type way struct {
	member string
	kind   history.Kind
}

// report is what was last passed on of a way.
type report struct {
	ok   bool
	at   time.Duration // when it ended
	call time.Duration // of the newest that was answered, passed on or not
}

// New returns a prober that does not ask yet.
func New(c Config) *Prober {
	return &Prober{Config: c, settling: make(chan struct{}), through: map[string]time.Duration{}, reported: map[way]report{}}
}

// Saw takes in an operation of the load that has ended. It is passed on where it says something new:
// the first that is answered, or is not, and then one in a while.
func (p *Prober) Saw(op reckon.Op) {
	if op.Via != "" && p.news(op) {
		p.pass(op)
	}
}

func (p *Prober) news(op reckon.Op) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.through[op.Via] = max(p.through[op.Via], op.Return)
	w, ok := way{op.Via, op.Kind}, op.Outcome == history.OK
	last, any := p.reported[w]
	if !ok && op.Call < last.call {
		return false // one that was called later has been answered
	}
	if ok {
		last.call = max(last.call, op.Call)
	}
	news := !any || ok != last.ok || op.Return-last.at >= refresh
	if news {
		last.ok, last.at = ok, op.Return
	}
	if any || news {
		p.reported[w] = last
	}
	return news
}

func (p *Prober) pass(op reckon.Op) {
	p.Answer(clusterstate.Answer{Node: op.Via, Kind: op.Kind, OK: op.Outcome == history.OK, Call: op.Call, Return: op.Return})
}

// Settle has every member asked from now on, whatever went through it, for a read and, unless they
// acknowledge none, for a write. It may be called once.
func (p *Prober) Settle() { close(p.settling) }

// Run asks until ctx ends, and returns when nothing is under way. What it cuts short is not recorded.
func (p *Prober) Run(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	for _, m := range p.Members {
		wg.Go(func() { p.watch(ctx, m) })
	}
}

// watch asks one member whenever it is to be asked.
func (p *Prober) watch(ctx context.Context, m reckon.Member) {
	var wg sync.WaitGroup
	defer wg.Wait()
	room := make(chan struct{}, atOnce)
	ticks := time.NewTicker(every)
	defer ticks.Stop()
	settling := p.settling
	for {
		select {
		case <-ctx.Done():
			return
		case <-settling:
			settling = nil // asked at once, and from here on at every tick
			ticks.Reset(every)
		case <-ticks.C:
			if settling != nil && !p.silent(m.Name) {
				continue
			}
		}
		select {
		case room <- struct{}{}:
			write := settling == nil && !p.Serving.ReadOnly
			wg.Go(func() { p.ask(ctx, m, write); <-room })
		default: // as many as that are under way
		}
	}
}

// silent reports whether no operation of the load went through the member for an election timeout.
func (p *Prober) silent(member string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	last, any := p.through[member]
	return !any || p.Clock.Now()-last >= p.ElectionTimeout
}

// ask asks the member for a read and, where that is answered and a write is to be asked for as well,
// for that.
func (p *Prober) ask(ctx context.Context, m reckon.Member, write bool) {
	client, err := p.Dial(ctx, m)
	if err != nil {
		client = unreachable{err}
	}
	defer client.Close()
	op := reckon.Op{Kind: history.Read}
	if p.do(ctx, client, m, op) && write {
		op.Kind, op.Value = history.Write, fmt.Sprintf("%s %d", m.Name, p.Clock.Now())
		p.do(ctx, client, m, op)
	}
}

// do carries the operation out, and returns whether it was answered.
func (p *Prober) do(ctx context.Context, client reckon.Client, m reckon.Member, op reckon.Op) bool {
	octx, cancel := context.WithTimeout(ctx, p.wait())
	defer cancel()
	op.Stage, op.Client, op.Key, op.Due = history.Probing, p.Client, history.ServingKey, p.Clock.Now()
	slot, _ := p.processes.Begin(&op, p.Clock, p.Index, p.Clients)
	op.Process += history.ProbeProcess
	done := client.Do(octx, op)
	if ctx.Err() != nil && done.Outcome != history.OK {
		return false // it was cut short, which says nothing of the member
	}
	done.Via = m.Name // there is no other
	p.processes.End(slot, done, p.Clock, func(op reckon.Op) {
		p.Record(op)
		p.pass(op)
	})
	return done.Outcome == history.OK
}

// wait is how long an answer may take.
func (p *Prober) wait() time.Duration {
	return min(p.OpTimeout, max(leastWait, 2*p.ElectionTimeout))
}

// unreachable is the client of a member for which none could be made.
type unreachable struct{ err error }

func (u unreachable) Do(_ context.Context, op reckon.Op) reckon.Op {
	op.Outcome, op.Error = history.Failed, "never sent: "+u.err.Error()
	return op
}

func (unreachable) Close() error { return nil }
