// Package plan turns words and flags into the plan of a run: its hosts, links, members and strikes,
// the bounds that the harness must keep to, and the checks. Making a plan touches nothing; the
// package runs on any operating system.
package plan

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/link"
)

// A Plan is a run before it is run: everything that follows from words, flags and seed.
type Plan struct {
	Parts
	Setting reckon.Setting
	Links   link.Matrix
	Hosts   []Host
	Members []reckon.Member // without their directories, which the run gives them
	Strikes []Strike
	Bounds  Bounds
}

// Host is one namespace of the run.
type Host struct {
	Name string     `json:"name"`
	Addr netip.Addr `json:"addr"`
	Role string     `json:"role"` // "member", "client", or "idle" where the system does not use the node
}

// New makes the plan. Its errors are one line each, for the person who wrote the words.
func New(w Words, given Flags) (*Plan, error) {
	parts, err := Assemble(w, given)
	if err != nil {
		return nil, err
	}
	return Of(parts)
}

// Of makes the plan of parts that are assembled already.
func Of(parts Parts) (*Plan, error) {
	p := &Plan{Parts: parts}
	if err := p.Options.validate(); err != nil {
		return nil, err
	}
	layout, err := p.Topology.Layout()
	if err != nil {
		return nil, fmt.Errorf("topology %s: %w", p.Words.Topology, err)
	}
	if err := layout.Links.Validate(); err != nil {
		return nil, fmt.Errorf("topology %s: %w", p.Words.Topology, err)
	}
	p.place(layout)
	if err := cmp.Or(p.reachable(), p.answerable(), p.targetable()); err != nil {
		return nil, err
	}
	if err := p.validate(); err != nil {
		return nil, err
	}
	p.Strikes = p.StrikesAnew()
	return p, p.bounded()
}

// place gives hosts their addresses and the system its members.
func (p *Plan) place(l reckon.Layout) {
	members := l.Nodes
	if placer, ok := p.System.(reckon.Placer); ok {
		members = placer.Place(l.Nodes)
	}
	for i, n := range l.Nodes {
		h := Host{Name: n, Addr: address(1, i), Role: "idle"}
		if slices.Contains(members, n) {
			h.Role = "member"
			p.Members = append(p.Members, reckon.Member{Name: n, Addr: h.Addr})
		}
		p.Hosts = append(p.Hosts, h)
	}
	for i, c := range l.Clients {
		p.Hosts = append(p.Hosts, Host{Name: c, Addr: address(2, i), Role: "client"})
	}
	p.Links = l.Links
	p.Setting = reckon.Setting{
		Seed: p.Options.Seed, Duration: p.Options.Duration, OpTimeout: p.Options.OpTimeout,
		ElectionTimeout: p.Options.FailureTimeout,
		Nodes:           members, Clients: l.Clients, Nearest: nearest(l.Nearest, members), Links: l.Links,
		FaultAt: p.Options.FaultAt, FaultFor: p.Options.FaultFor,
		Pinned: p.Options.Pinned(),
	}
	for _, w := range p.Workloads {
		_, launches := w.Value.(reckon.Launcher)
		p.Setting.HasWorkers = p.Setting.HasWorkers || launches
	}
	if e, ok := p.System.(reckon.Endpointer); ok {
		p.Setting.Endpoints = e.Endpoints(p.Members)
	}
}

// nearest assigns clients whose nearest node is no member to the members in turn.
func nearest(near map[string]string, members []string) map[string]string {
	out := map[string]string{}
	for i, c := range slices.SortedFunc(maps.Keys(near), link.CompareHosts) {
		out[c] = near[c]
		if !slices.Contains(members, near[c]) {
			out[c] = members[i%len(members)]
		}
	}
	return out
}

// address returns the i-th host's address of group g, from 10.g.0.1 on. It is only used inside
// namespaces of the run's own.
func address(g byte, i int) netip.Addr {
	i++
	return netip.AddrFrom4([4]byte{10, g, byte(i >> 8), byte(i)})
}

// reachable refuses links on which no leader can stay: answers to its heartbeats would come back
// later than its followers wait.
func (p *Plan) reachable() error {
	for _, a := range p.Members {
		for _, b := range p.Members {
			if et, trip := p.Options.FailureTimeout, p.trip(a.Name, b.Name); trip >= et {
				return fmt.Errorf("--failure-timeout %v: a round trip from %s to %s takes %v, so no leader could stay; at least %v", et, a.Name, b.Name, trip, 10*trip)
			}
		}
	}
	return nil
}

// trip returns the round-trip time between two hosts.
func (p *Plan) trip(a, b string) time.Duration {
	there := link.Path{From: a, To: b}
	return p.Links[there].Delay + p.Links[there.Back()].Delay
}

// answerable refuses time-outs within which no answer can come back to a client.
func (p *Plan) answerable() error {
	for _, c := range p.Setting.Clients {
		for _, m := range p.Setting.Used(c) {
			if trip := p.trip(c, m); trip >= p.Options.OpTimeout {
				return fmt.Errorf("--op-timeout %v: a round trip from %s to %s takes %v, so no answer could come", p.Options.OpTimeout, c, m, trip)
			}
		}
	}
	return nil
}

// targetable refuses a client program where it would not know whom to ask.
func (p *Plan) targetable() error {
	if p.Options.ClientCmd != "" && len(p.Setting.Endpoints) == 0 {
		return fmt.Errorf("--client-cmd: system %s has no API that a client program could use; etcd has", p.Words.System)
	}
	return nil
}

// validate asks every word whether it fits the setting.
func (p *Plan) validate() error {
	all := []Named[any]{{"system " + p.Words.System, p.System}}
	for _, w := range p.Workloads {
		all = append(all, Named[any]{"workload " + w.Name, w.Value})
	}
	for _, f := range p.Faults {
		all = append(all, Named[any]{"fault " + f.Name, f.Value})
	}
	for _, x := range all {
		if n, ok := x.Value.(reckon.Validator); ok {
			if err := n.Validate(p.Setting); err != nil {
				return fmt.Errorf("%s: %w", x.Name, err)
			}
		}
	}
	return nil
}
