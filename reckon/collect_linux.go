package reckon

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/link"
)

// finalAttempts bounds how often a final read is tried.
const finalAttempts = 3

// final reads every key through every member, each from its own host.
func (r *run) final(ctx context.Context) error {
	r.phase("final")
	var g errgroup.Group
	for i, m := range r.plan.Members {
		g.Go(func() error { return r.finalAt(ctx, m, i) })
	}
	return g.Wait()
}

func (r *run) finalAt(ctx context.Context, m Member, index int) error {
	client, err := r.plan.system.Dial(ctx, []Member{m}, r.hosts[m.Name].Dial)
	if err != nil {
		return fmt.Errorf("dial %s for the final reads: %w", m.Name, err)
	}
	defer client.Close()
	var g errgroup.Group
	g.SetLimit(atOnce)
	var ps processes
	for _, w := range r.plan.workloads {
		b, ok := w.value.(Bookends)
		if !ok {
			continue
		}
		for op := range b.Final(r.plan.Setting) {
			op.Client = m.Name
			g.Go(func() error { return r.finalRead(ctx, client, &ps, op) })
		}
	}
	return g.Wait()
}

// finalRead reads until it is answered. One that never is stays in the record as it is.
func (r *run) finalRead(ctx context.Context, client Client, ps *processes, op Op) error {
	for range finalAttempts {
		octx, cancel := context.WithTimeout(ctx, r.plan.Options.OpTimeout)
		op.Due = r.clock.Now()
		slot, _ := ps.begin(&op, r.clock, 0, 1)
		done := client.Do(octx, op)
		cancel()
		ps.end(slot, done, r.clock, r.recordOp)
		if done.Outcome == history.OK || ctx.Err() != nil {
			break
		}
	}
	return nil
}

func (r *run) recordOp(op Op) {
	r.ops.Add(1)
	r.keep(r.recorder.Op(op))
}

// collect asks the store for its own account of its past, and its members for the hashes of their states.
func (r *run) collect(ctx context.Context) error {
	r.phase("collect")
	first := r.plan.Members[0]
	if h, ok := r.plan.system.(Historian); ok {
		var changes, newest int64
		for c, err := range h.Changes(ctx, first, r.hosts[first.Name].Dial) {
			if err != nil {
				return fmt.Errorf("collect the changes from %s: %w", first.Name, err)
			}
			if c.Member == "" {
				c.Member = first.Name
			}
			changes, newest = changes+1, max(newest, c.Revision)
			r.changes.Add(1)
			r.keep(r.recorder.Change(c))
		}
		r.event(history.Event{Kind: history.Collected, Subject: first.Name, Data: map[string]float64{"changes": float64(changes), "revision": float64(newest)}})
	}
	return r.hashes(ctx)
}

// hashes has every member hash its state at one revision.
func (r *run) hashes(ctx context.Context) error {
	h, ok := r.plan.system.(Hasher)
	if !ok {
		return nil
	}
	first := r.plan.Members[0]
	at, _, err := h.Hash(ctx, first, 0, r.hosts[first.Name].Dial)
	if err != nil {
		return fmt.Errorf("ask %s for its revision: %w", first.Name, err)
	}
	return r.everyMember(func(m Member) error {
		got, hash, err := h.Hash(ctx, m, at, r.hosts[m.Name].Dial)
		if err != nil {
			return fmt.Errorf("ask %s for its hash at revision %d: %w", m.Name, at, err)
		}
		r.event(history.Event{Kind: history.Hash, Subject: m.Name, Data: map[string]float64{"revision": float64(got), "hash": float64(hash)}})
		return nil
	})
}

func (r *run) everyMember(f func(Member) error) error {
	var g errgroup.Group
	for _, m := range r.plan.Members {
		g.Go(func() error { return f(m) })
	}
	return g.Wait()
}

// account records the fabric's account of the load.
func (r *run) account(ctx context.Context) {
	data := map[string]float64{}
	counters, err := r.fabric.Counters(ctx)
	if err == nil {
		for path, c := range counters {
			r.event(history.Event{Kind: history.Path, Subject: path.String(), Data: map[string]float64{
				"packets": float64(c.Packets), "lost": float64(c.Lost), "cut": float64(c.Cut), "overflow": float64(c.Overflow),
				"duplicated": float64(c.Duplicated), "corrupted": float64(c.Corrupted), "reordered": float64(c.Reordered),
			}})
			data["packets"] += float64(c.Packets)
			data["lost"] += float64(c.Lost)
			data["cut"] += float64(c.Cut)
			data["overflow"] += float64(c.Overflow)
		}
		var late link.Lateness
		var tells bool
		if late, tells, err = r.fabric.lateness(ctx); tells {
			data["late_p50_us"], data["late_p99_us"], data["late_max_us"] = late.P50, late.P99, late.Max
		}
	}
	if err != nil && r.doomed() != nil {
		return // of that it is a consequence
	}
	if err != nil {
		r.event(history.Event{Kind: history.Harness, Detail: fmt.Sprintf("ask the links for their counters: %v", err)})
		return
	}
	r.event(history.Event{Kind: history.Links, Subject: r.fabric.name, Detail: r.fabric.details, Data: data})
}
