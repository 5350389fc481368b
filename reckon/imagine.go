package reckon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/reckon-bench/reckon/reckon/link"
)

// An Preview is a scene that the plan leads to, as far as can be told beforehand: who leads when a
// fault strikes will only be known then.
type Preview struct {
	Reachability
	From, To time.Duration // of its first time
	Times    int           // how often it comes
	Details  []string      // what strikes say that they did: "cut n1 and n3 from each other"
	Errors   []string      // of strikes that could not strike even here
}

// Preview has the plan's faults strike a cluster that is only imagined, whose first member leads until it is dead or
// paused, and after it the first that can, and says to which scenes that leads, in order of time. It touches nothing.
func (p *Plan) Preview() []Preview {
	im := &imagination{plan: p, holds: map[string]map[State]int{}, healing: map[int]func(context.Context) error{}, details: map[int]string{}}
	ends := acts(p.strikesOf())
	var all []Preview
	for i := 0; i < len(ends); {
		at := ends[i].at
		im.errors = nil
		im.freeze()
		for ; i < len(ends) && ends[i].at == at; i++ {
			im.act(ends[i])
		}
		to := p.Options.Duration
		if i < len(ends) {
			to = ends[i].at
		}
		all = im.add(all, at, to)
	}
	return all
}

// add lists the present scene: anew, or once more where it has been before.
func (im *imagination) add(all []Preview, from, to time.Duration) []Preview {
	now := Preview{Reachability: im.scene(), From: from, To: to, Times: 1, Errors: im.errors}
	for _, i := range slices.Sorted(maps.Keys(im.details)) {
		now.Details = append(now.Details, im.details[i])
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

// An imagination is a Cluster that does nothing.
type imagination struct {
	plan     *Plan
	holds    map[string]map[State]int
	overlays []*link.Matrix
	frozen   string // who led before the strikes of this instant

	healing map[int]func(context.Context) error // by strike
	details map[int]string                      // by strike in effect
	errors  []string
}

var (
	_ Cluster       = (*imagination)(nil)
	_ WorkerCluster = (*imagination)(nil)
)

func (im *imagination) act(a act) {
	if a.heal {
		if heal := im.healing[a.s.index]; heal != nil {
			im.note(a.s, heal(context.Background()))
			delete(im.healing, a.s.index)
			delete(im.details, a.s.index)
		}
		return
	}
	in, err := a.s.Inject(context.Background(), im)
	if err != nil {
		im.note(a.s, err)
		return
	}
	im.healing[a.s.index], im.details[a.s.index] = in.Heal, in.Detail
}

func (im *imagination) note(s strike, err error) {
	if err != nil {
		im.errors = append(im.errors, fmt.Sprintf("%s: %v", s.fault, err))
	}
}

// freeze takes the snapshot by which strikes of one instant know the leader.
func (im *imagination) freeze() { im.frozen = im.leader() }

func (im *imagination) leader() string {
	for _, m := range im.plan.Members {
		if im.state(m.Name) == Running {
			return m.Name
		}
	}
	return ""
}

func (im *imagination) state(name string) State {
	for _, s := range []State{Dead, Paused} {
		if im.holds[name][s] > 0 {
			return s
		}
	}
	return Running
}

func (im *imagination) scene() Reachability {
	s := Reachability{Clients: im.plan.Setting.Clients, Leader: im.leader(), Overlay: im.over(link.Matrix{})}
	for _, m := range im.plan.Members {
		s.Nodes = append(s.Nodes, m.Name)
		switch im.state(m.Name) {
		case Dead:
			s.Dead = append(s.Dead, m.Name)
		case Paused:
			s.Paused = append(s.Paused, m.Name)
		}
	}
	return s
}

func (im *imagination) Nodes() (all []Node) {
	for _, m := range im.plan.Members {
		all = append(all, imaginedNode{im, m.Name})
	}
	return all
}

func (im *imagination) Leader(context.Context) (Node, error) {
	if im.frozen == "" {
		return nil, errors.New("no leader found")
	}
	return imaginedNode{im, im.frozen}, nil
}

func (im *imagination) Degrade(_ context.Context, overlay link.Matrix) (func(context.Context) error, error) {
	if _, err := im.Links().Then(overlay); err != nil {
		return nil, err
	}
	o := &overlay
	im.overlays = append(im.overlays, o)
	return func(context.Context) error {
		im.overlays = slices.DeleteFunc(im.overlays, func(x *link.Matrix) bool { return x == o })
		return nil
	}, nil
}

func (im *imagination) Cut(ctx context.Context, paths []link.Path, _ CutMode) (func(context.Context) error, error) {
	return im.Degrade(ctx, link.CutPaths(paths...))
}

func (im *imagination) Links() link.Matrix { return im.over(im.plan.Links) }

// over is the matrix with all overlays laid over it.
func (im *imagination) over(m link.Matrix) link.Matrix {
	for _, o := range im.overlays {
		if sum, err := m.Then(*o); err == nil { // the links will refuse what does not fit together
			m = sum
		}
	}
	return m
}

// Workers are there, one a client, but their trees are not.
func (im *imagination) Workers() (all []Worker) {
	for _, c := range im.plan.Setting.Clients {
		all = append(all, imaginedWorker(c))
	}
	return all
}

type imaginedNode struct {
	im   *imagination
	name string
}

func (n imaginedNode) Name() string                { return n.name }
func (n imaginedNode) State() State                { return n.im.state(n.name) }
func (n imaginedNode) Ready(context.Context) error { return nil }

func (n imaginedNode) Hold(_ context.Context, s State) (func(context.Context) error, error) {
	if n.im.holds[n.name] == nil {
		n.im.holds[n.name] = map[State]int{}
	}
	n.im.holds[n.name][s]++
	return func(context.Context) error { n.im.holds[n.name][s]--; return nil }, nil
}

type imaginedWorker string

func (w imaginedWorker) Name() string { return string(w) }

func (w imaginedWorker) Busy(context.Context) error { return nil }

func (w imaginedWorker) Kill(context.Context) (string, func(context.Context) (string, error), error) {
	return "", func(context.Context) (string, error) { return "", nil }, nil
}

func (w imaginedWorker) Back(context.Context, time.Duration) (string, error) { return "", nil }

func (w imaginedWorker) AtRest(context.Context, func(string) (string, error)) error { return nil }

// Title says when the scene is, and what made it.
func (i Preview) Title() string {
	when := fmt.Sprintf("%v to %v", i.From, i.To)
	if i.Times > 1 {
		when += fmt.Sprintf(", and %d more times", i.Times-1)
	}
	what := strings.Join(slices.Concat(i.Details, i.Errors), "; ")
	return when + ": " + cmp.Or(what, "nothing")
}
