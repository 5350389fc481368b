package scenario

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/reckon-bench/reckon/reckon/link"
	"github.com/reckon-bench/reckon/reckon/sim/disk"
	"github.com/reckon-bench/reckon/reckon/sim/loop"
	"github.com/reckon-bench/reckon/reckon/sim/node"
)

// A Kind of strike is what a random scenario may do to the cluster.
type Kind string

// The kinds.
const (
	Kill      Kind = "kill"       // the program dies, and is started again when the strike heals
	PowerCut  Kind = "power-cut"  // the host loses its power, with whatever is in the disk's cache
	Blackout  Kind = "blackout"   // all hosts lose their power at once
	Freeze    Kind = "freeze"     // the program stands still
	Isolate   Kind = "isolate"    // the host is cut off from all others
	OneWay    Kind = "one-way"    // what the host sends is lost
	Split     Kind = "split"      // the hosts are split into two groups that do not hear each other
	Lossy     Kind = "lossy"      // all paths between nodes lose and duplicate packets
	Slow      Kind = "slow"       // all paths between nodes are slow, and packets overtake each other
	SlowDisk  Kind = "slow-disk"  // the disk is a hundred times slower
	FullDisk  Kind = "full-disk"  // the disk is full
	DeadDisk  Kind = "dead-disk"  // the disk is detached
	Drift     Kind = "drift"      // the host's clock runs up to a third slower or faster
	Jump      Kind = "clock-jump" // the host's clock jumps
	Replay    Kind = "replay"     // what is sent to the host is delivered twice
	Twin      Kind = "twin"       // a copy of the host, made a moment ago, is started beside it
	SwapDisks Kind = "swap-disks" // two hosts are stopped and started on each other's disks
)

// Honest are the kinds that a correct store survives.
func Honest() []Kind {
	return []Kind{Kill, PowerCut, Blackout, Freeze, Isolate, OneWay, Split, Lossy, Slow, SlowDisk, FullDisk, DeadDisk, Drift, Jump, Replay}
}

// A Strike is one fault of a scenario: data, drawn before the run.
type Strike struct {
	From, To time.Duration // since the start of the load
	Kind     Kind
	Nodes    []int    // whom it strikes, Leader among them; the first group of a Split
	Cut      disk.Cut // what a power cut leaves
	Amount   float64  // of what the kind has an amount of
}

// Leader is the number of whoever leads when the strike is due; the first node where nobody does.
const Leader = -1

func (s Strike) String() string {
	var who []string
	for _, n := range s.Nodes {
		if n == Leader {
			who = append(who, "the leader")
		} else {
			who = append(who, fmt.Sprintf("n%d", n+1))
		}
	}
	what := string(s.Kind)
	if s.Kind == PowerCut || s.Kind == Blackout {
		what += " that leaves " + s.Cut.String()
	}
	return fmt.Sprintf("%v to %v: %s %s", s.From.Round(time.Millisecond), s.To.Round(time.Millisecond), what, strings.Join(who, " "))
}

// strike carries the strike out at its time, and heals it at its end.
func (w player) strike(start time.Duration, s Strike) {
	w.Loop.Go(s.String(), func(c *loop.Coroutine) {
		c.WaitUntil(start + s.From)
		heal := w.apply(c, s)
		c.WaitUntil(start + s.To)
		heal()
	})
}

// writing is how long a kill or a power cut waits for the moment at which there is something to lose.
const writing = 100 * time.Millisecond

func (w player) apply(c *loop.Coroutine, s Strike) (heal func()) {
	s.Nodes = w.numbers(s.Nodes)
	targets := make([]*node.Node, len(s.Nodes))
	for i, n := range s.Nodes {
		targets[i] = w.Nodes[n]
	}
	switch s.Kind {
	case Kill, PowerCut, Blackout:
		c.Await(writing, func() bool { return slices.ContainsFunc(targets, unsynced) })
	case Twin:
		return w.twin(targets[0])
	case SwapDisks:
		return w.swap(targets[0], targets[1])
	case Isolate, OneWay, Split, Lossy, Slow:
		return w.overlay(s)
	}
	var heals []func()
	for _, n := range targets {
		heals = append(heals, w.hit(n, s))
	}
	return func() {
		for _, h := range heals {
			h()
		}
	}
}

// numbers puts the present leader's number in the place of Leader.
func (w player) numbers(nodes []int) (all []int) {
	for _, n := range nodes {
		if n == Leader {
			n = max(0, slices.Index(w.Nodes, w.Leader()))
		}
		all = append(all, n)
	}
	return all
}

func unsynced(n *node.Node) bool {
	bytes, names := n.Disk.Unsynced()
	return n.State() == node.Running && bytes+names > 0
}

// hit strikes one host.
func (w player) hit(n *node.Node, s Strike) (heal func()) {
	restart := func() { n.Start(w.Boot) }
	switch s.Kind {
	case Kill:
		n.Kill()
		return restart
	case PowerCut, Blackout:
		n.PowerCut(s.Cut)
		return restart
	case Freeze:
		return n.Freeze()
	case SlowDisk:
		return n.Disk.Slow(100)
	case FullDisk:
		return both(n.Disk.Fill(), w.Excuse(n))
	case DeadDisk:
		return both(n.Disk.Detach(), w.Excuse(n))
	case Drift:
		n.Drift(s.Amount)
		return func() { n.Drift(1) }
	case Jump:
		n.Jump(time.Duration(s.Amount * float64(time.Minute)))
		return func() {}
	case Replay:
		return w.World.Replay(n)
	}
	panic(fmt.Sprintf("strike: no such kind %q", s.Kind))
}

func both(a, b func()) func() { return func() { a(); b() } }

// overlay lays over the links what the strike does to them.
func (w player) overlay(s Strike) (heal func()) {
	m := link.Matrix{}
	for i, a := range w.Nodes {
		for j, b := range w.Nodes {
			first, second := slices.Contains(s.Nodes, i), slices.Contains(s.Nodes, j)
			if i == j {
				continue
			}
			p := link.Path{From: a.Name, To: b.Name}
			switch {
			case s.Kind == Lossy:
				m[p] = link.Shape{Loss: s.Amount, Duplicate: s.Amount / 2}
			case s.Kind == Slow:
				m[p] = link.Shape{Delay: time.Duration(s.Amount * float64(w.ElectionTimeout)), Reorder: 0.2}
			case s.Kind == OneWay && first && !second, s.Kind != OneWay && first != second:
				m[p] = link.Shape{Cut: true}
			}
		}
	}
	undo, err := w.Links.Degrade(context.Background(), m)
	if err != nil {
		panic(err) // the scenario laid what cannot be: two jitters, which it never draws
	}
	return func() { _ = undo(context.Background()) }
}

// twin starts a copy of the node on a spare host, on a copy of its disk: a backup that was restored while the original
// is still there.
func (w player) twin(n *node.Node) (heal func()) {
	t := w.Spares[0]
	if t.State() == node.Running || n.State() != node.Running {
		return func() {}
	}
	t.Disk = n.Disk.Clone(t.ID, t.Name)
	t.Start(w.Boot)
	return t.Kill
}

func (w player) swap(a, b *node.Node) (heal func()) {
	a.Kill()
	b.Kill()
	node.SwapDisks(a, b)
	over := both(w.Excuse(a), w.Excuse(b))
	a.Start(w.Boot)
	b.Start(w.Boot)
	return func() {
		a.Kill()
		b.Kill()
		node.SwapDisks(a, b)
		over()
	}
}

// Draw draws n strikes of the kinds within the load, most of them short, so that several are healed and struck again.
func Draw(rng *rand.Rand, kinds []Kind, nodes, n int, load, electionTimeout time.Duration) []Strike {
	var all []Strike
	for range n {
		s := Strike{Kind: kinds[rng.IntN(len(kinds))]}
		s.From = time.Duration(rng.Float64() * float64(load))
		length := time.Duration(rng.ExpFloat64() * float64(2*electionTimeout))
		s.To = min(s.From+max(length, time.Millisecond), load)
		s.Cut = disk.Cut(rng.IntN(int(disk.Keep) + 1))
		switch s.Kind {
		case Blackout:
			for i := range nodes {
				s.Nodes = append(s.Nodes, i)
			}
		case Split:
			s.Nodes = rng.Perm(nodes)[:1+rng.IntN(max(1, nodes-1))]
		case SwapDisks:
			s.Nodes = rng.Perm(nodes)[:2]
		case Lossy:
			s.Amount = 0.5 * rng.Float64()
		case Slow:
			s.Amount = rng.Float64()
		case Drift:
			s.Nodes, s.Amount = []int{rng.IntN(nodes)}, 0.67+0.66*rng.Float64()
		case Jump:
			s.Nodes, s.Amount = []int{rng.IntN(nodes)}, 2*rng.Float64()-1
		default:
			s.Nodes = []int{rng.IntN(nodes)}
			if rng.IntN(3) == 0 {
				s.Nodes[0] = Leader
			}
		}
		all = append(all, s)
	}
	slices.SortStableFunc(all, func(a, b Strike) int { return int(a.From - b.From) })
	return all
}
