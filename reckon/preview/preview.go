// Package preview shows which hosts reach each other while the faults of a plan are in effect,
// before anything is run.
package preview

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/link"
	"github.com/reckon-bench/reckon/reckon/plan"
)

// A Preview is a state of the network that the plan leads to, as far as it can be known beforehand:
// who leads when a fault strikes will only be known then.
type Preview struct {
	Reachability
	From, To time.Duration // of its first time
	Times    int           // how often it comes
	Details  []string      // what was injected: "cut n1 and n3 from each other"
	Errors   []string      // of strikes that fail even on the model
}

// Of lets the plan's faults strike a model of the cluster, in which the first member that is
// neither dead nor paused leads, and returns the states of the network that they lead to, in order
// of time. It touches nothing.
func Of(p *plan.Plan) []Preview {
	m := &model{plan: p, holds: map[string]map[reckon.State]int{}, healing: map[int]func(context.Context) error{}, details: map[int]string{}}
	ends := plan.Ends(p.StrikesAnew())
	var all []Preview
	for i := 0; i < len(ends); {
		at := ends[i].At
		m.errors = nil
		m.freeze()
		for ; i < len(ends) && ends[i].At == at; i++ {
			m.apply(ends[i])
		}
		to := p.Options.Duration
		if i < len(ends) {
			to = ends[i].At
		}
		all = m.add(all, at, to)
	}
	return all
}

// add lists the present state, or counts it once more where it has been listed before.
func (m *model) add(all []Preview, from, to time.Duration) []Preview {
	now := Preview{Reachability: m.reachability(), From: from, To: to, Times: 1, Errors: m.errors}
	for _, i := range slices.Sorted(maps.Keys(m.details)) {
		now.Details = append(now.Details, m.details[i])
	}
	if len(now.Details) == 0 && len(now.Errors) == 0 || from == to {
		return all
	}
	i := slices.IndexFunc(all, func(x Preview) bool {
		return x.String() == now.String() && slices.Equal(x.Details, now.Details) && slices.Equal(x.Errors, now.Errors)
	})
	if i < 0 {
		return append(all, now)
	}
	all[i].Times++
	return all
}

// A model is a Cluster without processes, hosts and links.
type model struct {
	plan     *plan.Plan
	holds    map[string]map[reckon.State]int
	overlays []*link.Matrix
	frozen   string // who led before the strikes of this instant

	healing map[int]func(context.Context) error // by strike
	details map[int]string                      // by strike in effect
	errors  []string
}

var (
	_ reckon.Cluster       = (*model)(nil)
	_ reckon.WorkerCluster = (*model)(nil)
)

func (m *model) apply(e plan.End) {
	if e.Heal {
		if heal := m.healing[e.Strike.Index]; heal != nil {
			m.note(e.Strike, heal(context.Background()))
			delete(m.healing, e.Strike.Index)
			delete(m.details, e.Strike.Index)
		}
		return
	}
	in, err := e.Strike.Inject(context.Background(), m)
	if err != nil {
		m.note(e.Strike, err)
		return
	}
	m.healing[e.Strike.Index], m.details[e.Strike.Index] = in.Heal, in.Detail
}

func (m *model) note(s plan.Strike, err error) {
	if err != nil {
		m.errors = append(m.errors, fmt.Sprintf("%s: %v", s.Fault, err))
	}
}

// freeze takes the snapshot that tells strikes of one instant who leads.
func (m *model) freeze() { m.frozen = m.leader() }

func (m *model) leader() string {
	for _, x := range m.plan.Members {
		if m.state(x.Name) == reckon.Running {
			return x.Name
		}
	}
	return ""
}

func (m *model) state(name string) reckon.State {
	for _, s := range []reckon.State{reckon.Dead, reckon.Paused} {
		if m.holds[name][s] > 0 {
			return s
		}
	}
	return reckon.Running
}

func (m *model) reachability() Reachability {
	s := Reachability{Clients: m.plan.Setting.Clients, Leader: m.leader(), Overlay: m.over(link.Matrix{})}
	for _, x := range m.plan.Members {
		s.Nodes = append(s.Nodes, x.Name)
		switch m.state(x.Name) {
		case reckon.Dead:
			s.Dead = append(s.Dead, x.Name)
		case reckon.Paused:
			s.Paused = append(s.Paused, x.Name)
		}
	}
	return s
}

func (m *model) Nodes() (all []reckon.Node) {
	for _, x := range m.plan.Members {
		all = append(all, modelNode{m, x.Name})
	}
	return all
}

func (m *model) Leader(context.Context) (reckon.Node, error) {
	if m.frozen == "" {
		return nil, reckon.ErrNoLeader
	}
	return modelNode{m, m.frozen}, nil
}

func (m *model) Degrade(_ context.Context, overlay link.Matrix) (func(context.Context) error, error) {
	if _, err := m.Links().Then(overlay); err != nil {
		return nil, err
	}
	o := &overlay
	m.overlays = append(m.overlays, o)
	return func(context.Context) error {
		m.overlays = slices.DeleteFunc(m.overlays, func(x *link.Matrix) bool { return x == o })
		return nil
	}, nil
}

func (m *model) Cut(ctx context.Context, paths []link.Path, _ reckon.CutMode) (func(context.Context) error, error) {
	return m.Degrade(ctx, link.CutPaths(paths...))
}

func (m *model) Links() link.Matrix { return m.over(m.plan.Links) }

// over returns the matrix composed with all overlays.
func (m *model) over(links link.Matrix) link.Matrix {
	for _, o := range m.overlays {
		if sum, err := links.Then(*o); err == nil { // real links refuse what does not fit together
			links = sum
		}
	}
	return links
}

// Workers returns one for each client, without a tree.
func (m *model) Workers() (all []reckon.Worker) {
	for _, c := range m.plan.Setting.Clients {
		all = append(all, modelWorker(c))
	}
	return all
}

type modelNode struct {
	m    *model
	name string
}

func (n modelNode) Name() string                { return n.name }
func (n modelNode) State() reckon.State         { return n.m.state(n.name) }
func (n modelNode) Ready(context.Context) error { return nil }

func (n modelNode) Hold(_ context.Context, s reckon.State) (func(context.Context) error, error) {
	if n.m.holds[n.name] == nil {
		n.m.holds[n.name] = map[reckon.State]int{}
	}
	n.m.holds[n.name][s]++
	return func(context.Context) error { n.m.holds[n.name][s]--; return nil }, nil
}

type modelWorker string

func (w modelWorker) Name() string { return string(w) }

func (w modelWorker) Busy(context.Context) error { return nil }

func (w modelWorker) Kill(context.Context) (string, func(context.Context) (string, error), error) {
	return "", func(context.Context) (string, error) { return "", nil }, nil
}

func (w modelWorker) Back(context.Context, time.Duration) (string, error) { return "", nil }

func (w modelWorker) AtRest(context.Context, func(string) (string, error)) error { return nil }

// Title returns when the state begins and ends, and what was injected.
func (i Preview) Title() string {
	when := fmt.Sprintf("%v to %v", i.From, i.To)
	if i.Times > 1 {
		when += fmt.Sprintf(", and %d more times", i.Times-1)
	}
	what := strings.Join(slices.Concat(i.Details, i.Errors), "; ")
	return when + ": " + cmp.Or(what, "nothing")
}
