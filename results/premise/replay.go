package premise

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/link"
	"github.com/reckon-bench/reckon/reckon/plan"
)

// effectsOf lists what was held and laid over the links, in order: "n2 dead", "cut n1>n2".
func effectsOf(held, degraded []history.Event) (all []string) {
	for _, e := range held {
		all = append(all, e.Subject+" "+string(e.State))
	}
	for _, e := range degraded {
		all = append(all, overlayText(e.Overlay))
	}
	slices.Sort(all)
	return all
}

func overlayText(layers []history.Layer) string {
	layers = slices.SortedFunc(slices.Values(layers), func(a, b history.Layer) int {
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To), cmp.Compare(a.Shape, b.Shape))
	})
	return fmt.Sprintf("overlay %v", layers)
}

// A choice is what a strike may have seen: who led, and the instant whose states it saw.
type choice struct {
	leader string
	states time.Duration
}

// replay lets the plan's strikes act on a model of the cluster, in the order in which they did, and
// compares what they do there with the record. What a strike saw is not recorded, and may be some
// moments old; so it is given, in turn, everything that it may have seen.
func (r *reading) replay() {
	order := slices.DeleteFunc(slices.Clone(r.p.Strikes), func(s plan.Strike) bool {
		a := r.acted[s.Index]
		return a == nil || len(a.struck) != 1 || len(a.healed) != 1
	})
	slices.SortStableFunc(order, func(a, b plan.Strike) int {
		return cmp.Compare(r.acted[a.Index].struck[0].At, r.acted[b.Index].struck[0].At)
	})
	var chosen []choice
	m := newModel(r)
	for k, s := range order {
		did, want := "", fmt.Sprint(effectsOf(r.acted[s.Index].held, r.acted[s.Index].degraded))
		choices := r.choices(s)
		ok := false
		for i, c := range choices {
			if i > 0 { // what strikes share was changed by the wrong choice
				m = newModel(r)
				for j, earlier := range order[:k] {
					m.inject(earlier, chosen[j])
				}
			}
			got := m.inject(s, c)
			if did = cmp.Or(did, got); got == want {
				chosen, ok = append(chosen, c), true
				break
			}
		}
		if !ok {
			r.doubt(Effects, "strike %d (%s) did %s; by who led and lived then it does %s", s.Index+1, s.Fault, want, did)
			chosen = append(chosen, choices[0])
		}
		a := r.acted[s.Index]
		a.overlay, a.beyond, a.down, a.workers = m.overlay, m.beyond, m.down, m.workers
	}
}

// most is how many things that a strike may have seen are tried.
const most = 256

// choices lists what the strike may have seen, the likeliest first.
func (r *reading) choices(s plan.Strike) (all []choice) {
	struck := r.acted[s.Index].struck[0]
	acted := struck.At - struck.Injection().Took
	earliest := min(r.load0+s.From, acted) - r.p.Options.FailureTimeout/2
	leaders := []string{r.leader(acted)}
	instants := []time.Duration{acted, r.load0 + s.From, earliest}
	for _, e := range r.h.Events {
		if n, of := e.Strike(); e.At > struck.At || e.At < earliest || of && n == s.Index {
			continue
		}
		switch e.Kind {
		case history.Leads:
			leaders = append(leaders, e.Subject)
		case history.Held, history.Released:
			instants = append(instants, e.At)
		}
	}
	leaders = append(leaders, r.leader(earliest))
	for _, t := range instants {
		for _, l := range leaders {
			if c := (choice{l, t}); !slices.Contains(all, c) && len(all) < most {
				all = append(all, c)
			}
		}
	}
	return all
}

// leader returns who led at that time.
func (r *reading) leader(at time.Duration) (name string) {
	for _, e := range r.h.Events {
		if e.Kind == history.Leads && e.At <= at {
			name = e.Subject
		}
	}
	return name
}

// A model is a Cluster in which strikes act, and nothing happens.
type model struct {
	r       *reading
	strikes []plan.Strike
	strike  int
	sees    choice

	did     []string
	overlay link.Matrix // all that was laid over the links
	beyond  bool        // something was done beyond dropping packets
	down    bool        // an interface was taken down, which is observed again when it is up
	workers []string    // that were struck
}

var (
	_ reckon.Cluster       = (*model)(nil)
	_ reckon.WorkerCluster = (*model)(nil)
)

func newModel(r *reading) *model { return &model{r: r, strikes: r.p.StrikesAnew()} }

// inject lets the strike act, and returns what it does.
func (m *model) inject(s plan.Strike, c choice) string {
	m.strike, m.sees, m.did, m.beyond, m.down, m.workers = s.Index, c, nil, false, false, nil
	m.overlay = link.Matrix{}
	if _, err := m.strikes[s.Index].Inject(context.Background(), m); err != nil {
		return fmt.Sprintf("nothing (%v)", err)
	}
	slices.Sort(m.did)
	return fmt.Sprint(m.did)
}

func (m *model) Nodes() (all []reckon.Node) {
	for _, x := range m.r.p.Members {
		all = append(all, modelNode{m, x.Name})
	}
	return all
}

func (m *model) Leader(context.Context) (reckon.Node, error) {
	if !m.r.member(m.sees.leader) {
		return nil, reckon.ErrNoLeader
	}
	return modelNode{m, m.sees.leader}, nil
}

func (m *model) Degrade(_ context.Context, overlay link.Matrix) (func(context.Context) error, error) {
	m.did = append(m.did, overlayText(overlay.Layers()))
	maps.Copy(m.overlay, overlay)
	return healed, nil
}

func (m *model) Cut(ctx context.Context, paths []link.Path, mode reckon.CutMode) (func(context.Context) error, error) {
	overlay := link.CutPaths(paths...)
	m.beyond = m.beyond || mode != reckon.Drop
	m.down = m.down || mode == reckon.LinkDown
	if mode == reckon.LinkDown {
		overlay = m.around(paths)
	}
	return m.Degrade(ctx, overlay)
}

// around returns all paths of the host whose interface goes down: it is an end of every path.
func (m *model) around(paths []link.Path) link.Matrix {
	overlay := link.Matrix{}
	for _, h := range m.r.p.Hosts {
		touches := func(p link.Path) bool { return p.From == h.Name || p.To == h.Name }
		if slices.ContainsFunc(paths, func(p link.Path) bool { return !touches(p) }) {
			continue
		}
		for _, other := range m.r.p.Hosts {
			if p := (link.Path{From: h.Name, To: other.Name}); p.From != p.To {
				overlay[p], overlay[p.Back()] = link.Shape{Cut: true}, link.Shape{Cut: true}
			}
		}
		break
	}
	return overlay
}

func (m *model) Links() link.Matrix { return m.r.p.Links }

func (m *model) Workers() (all []reckon.Worker) {
	for _, c := range m.r.p.Setting.Clients {
		all = append(all, modelWorker{m, c})
	}
	return all
}

func healed(context.Context) error { return nil }

type modelNode struct {
	m    *model
	name string
}

func (n modelNode) Name() string                { return n.name }
func (n modelNode) Ready(context.Context) error { return nil }

// State returns what other strikes held the node in at the instant that the strike saw.
func (n modelNode) State() reckon.State {
	holds := map[history.State]int{}
	for _, e := range n.m.r.h.Events {
		by, _ := e.Strike()
		if e.At > n.m.sees.states || e.Subject != n.name || by == n.m.strike {
			continue
		}
		switch e.Kind {
		case history.Held:
			holds[e.State]++
		case history.Released:
			holds[e.State]--
		}
	}
	switch {
	case holds[history.Dead] > 0:
		return reckon.Dead
	case holds[history.Paused] > 0:
		return reckon.Paused
	}
	return reckon.Running
}

func (n modelNode) Hold(_ context.Context, s reckon.State) (func(context.Context) error, error) {
	n.m.did = append(n.m.did, n.name+" "+s.String())
	return healed, nil
}

type modelWorker struct {
	m    *model
	name string
}

func (w modelWorker) Name() string { return w.name }

func (w modelWorker) Busy(context.Context) error { return nil }

func (w modelWorker) Kill(context.Context) (string, func(context.Context) (string, error), error) {
	w.m.workers = append(w.m.workers, w.name)
	return "", func(context.Context) (string, error) { return "", nil }, nil
}

func (w modelWorker) Back(context.Context, time.Duration) (string, error) { return "", nil }

func (w modelWorker) AtRest(context.Context, func(string) (string, error)) error {
	w.m.workers = append(w.m.workers, w.name)
	return nil
}
