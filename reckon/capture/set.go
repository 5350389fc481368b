package capture

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/reckon-bench/reckon/reckon/clock"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/link"
)

// A Set is the captures under way. The zero value has none; a nil Set never has any. It is safe for
// concurrent use.
type Set struct {
	mu      sync.Mutex
	all     []*Capture
	healing map[link.Path]int // how many heals of the path are under way

	reporting atomic.Bool // of drops
}

// Add adds a capture that has been started; net are the links whose packets it sees.
func (c *Set) Add(k *Capture, net *link.Net) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, k)
	c.markCuts(net)
}

// Remove removes the capture.
func (c *Set) Remove(k *Capture) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = slices.DeleteFunc(c.all, func(x *Capture) bool { return x == k })
}

// dropsEvery is how often the fabric is asked what it dropped: a capture waits a tenth of a second
// for it.
const dropsEvery = 20 * time.Millisecond

// dropsBound is how long it may take to say.
const dropsBound = time.Second

// A DropReporter is a fabric that reports which packets it drops; see link.Drop. The kernel's does
// not.
type DropReporter interface {
	// Drops returns the packets dropped since the last call, and how many more there were.
	Drops(ctx context.Context) (drops []link.Drop, more uint64, err error)
}

// ReportDrops passes the packets that the fabric drops on to the captures, until ctx ends. Only the
// first call on a Set does anything.
func (c *Set) ReportDrops(ctx context.Context, r DropReporter) {
	if c.reporting.Swap(true) {
		return
	}
	clock.Every(ctx, dropsEvery, func() { c.PassDrops(r) })
	c.PassDrops(r)
}

// PassDrops passes on what the fabric has dropped since it was last asked, if there are captures. A
// fabric that no longer answers ends the run elsewhere. It is asked even when the run is over: the
// fabric reports each drop once.
func (c *Set) PassDrops(r DropReporter) {
	ctx, cancel := context.WithTimeout(context.Background(), dropsBound)
	defer cancel()
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.all) == 0 {
		return
	}
	drops, more, err := r.Drops(ctx)
	if err != nil {
		return
	}
	now := time.Now()
	for _, k := range c.all {
		k.Drops(drops)
		if more > 0 {
			k.Note(now, fmt.Sprintf("the links dropped %d more packets than can be marked", more))
		}
	}
}

// Event adds the event to the captures, if it means something to a reader of packets.
func (c *Set) Event(e history.Event, at time.Time) {
	text := caption(e)
	if text == "" {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range c.all {
		k.Note(at, text)
	}
}

// Degraded marks the paths that are cut, after an overlay took effect.
func (c *Set) Degraded(net *link.Net) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.markCuts(net)
}

// Healed calls heal, which removes the overlay. Meanwhile nobody knows whether a packet on its
// paths is still lost, so none is marked as lost.
func (c *Set) Healed(net *link.Net, overlay link.Matrix, heal func() error) error {
	if c == nil {
		return heal()
	}
	c.mark(net, overlay, +1)
	defer c.mark(net, overlay, -1)
	return heal()
}

func (c *Set) mark(net *link.Net, overlay link.Matrix, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.healing == nil {
		c.healing = map[link.Path]int{}
	}
	for p := range overlay {
		if c.healing[p] += n; c.healing[p] == 0 {
			delete(c.healing, p)
		}
	}
	c.markCuts(net)
}

// markCuts marks the paths that are certainly cut. The caller holds mu.
func (c *Set) markCuts(net *link.Net) {
	if len(c.all) == 0 {
		return
	}
	var cut []link.Path
	for p, s := range net.Links() {
		if s.Cut && c.healing[p] == 0 {
			cut = append(cut, p)
		}
	}
	now := time.Now()
	for _, k := range c.all {
		k.Cut(now, cut)
	}
}
