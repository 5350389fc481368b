package reckon

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/reckon-bench/reckon/reckon/capture"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/link"
)

// A PacketRecorder is a Recorder that has a place for packets. --pcap needs one.
type PacketRecorder interface {
	// Packets makes the file for the packets of a host.
	Packets(host string) (*os.File, error)
}

// capturePackets captures what passes every host, where the plan says so, into the record.
func (r *run) capturePackets() error {
	if !r.plan.Options.Pcap {
		return nil
	}
	rec, ok := r.recorder.(PacketRecorder)
	if !ok {
		return errors.New("capture packets: this record has no place for them")
	}
	var sources []capture.Source
	for _, h := range r.plan.Hosts {
		f, err := rec.Packets(h.Name)
		if err != nil {
			return fmt.Errorf("capture packets: %w", err)
		}
		sources = append(sources, capture.Source{Host: r.hosts[h.Name], File: f})
	}
	c, err := r.capture(sources, int64(r.plan.Options.PcapLimit))
	r.packets = c
	return err
}

// capture starts a capture that is told what befalls the run.
func (r *run) capture(sources []capture.Source, limit int64) (*capture.Capture, error) {
	epoch := time.Now().Add(-r.clock.Now())
	c := capture.Config{Limit: limit, Head: capture.Head{
		Comment: fmt.Sprintf("reckon %s, seed %d. The run's record counts from %s.", r.plan.Words, r.plan.Options.Seed, epoch.UTC().Format(time.RFC3339Nano)),
		System:  "Linux", Application: "reckon", Interface: "eth0", Names: map[netip.Addr]string{},
	}}
	for _, h := range r.plan.Hosts {
		c.Names[h.Addr] = h.Name
	}
	if c.Drops = r.fabric.tellsDrops(); !c.Drops {
		c.Comment += " These links (" + r.fabric.name + ") do not say which packets they drop: only those sent into a cut are marked."
	}
	k, err := capture.Start(r.hub, c, sources)
	if err != nil {
		return nil, err
	}
	r.captures.add(k, r.net)
	if c.Drops {
		r.captures.reporting.Do(func() { r.background.Go(func() { r.captures.reportDrops(r.life, r.fabric) }) })
	}
	return k, nil
}

// endPackets ends the capture that capturePackets began, and records what became of the packets.
func (r *run) endPackets() error {
	if r.packets == nil {
		return nil
	}
	r.captures.passDrops(r.fabric) // the last
	r.captures.remove(r.packets)
	accounts, err := r.packets.Close()
	for _, a := range accounts {
		r.event(history.Event{Kind: history.Captured, Subject: a.Host, Detail: a.String(), Data: map[string]float64{
			"packets": float64(a.Packets), "bytes": float64(a.Bytes), "dropped": float64(a.Dropped), "unwritten": float64(a.Unwritten),
		}})
	}
	return err
}

// captures are those under way. The zero value has none; a nil one never will.
type captures struct {
	mu      sync.Mutex
	all     []*capture.Capture
	healing map[link.Path]int // how many heals of the path are under way

	reporting sync.Once // of drops
}

func (c *captures) add(k *capture.Capture, net *link.Net) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, k)
	c.tellCuts(net)
}

func (c *captures) remove(k *capture.Capture) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = slices.DeleteFunc(c.all, func(x *capture.Capture) bool { return x == k })
}

// dropsEvery is how often the fabric is asked what it dropped: a capture waits a tenth of a second for it.
const dropsEvery = 20 * time.Millisecond

// dropsBound is how long it may take to say.
const dropsBound = time.Second

// reportDrops tells the captures under way which packets the fabric drops, until ctx ends.
func (c *captures) reportDrops(ctx context.Context, b running) {
	tick := time.NewTicker(dropsEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			c.passDrops(b)
			return
		case <-tick.C:
			c.passDrops(b)
		}
	}
}

// passDrops passes on what the fabric has dropped since it was last asked, if anybody captures packets. A fabric that no longer
// answers ends the run elsewhere. It is asked even when the run is over: what has been taken from the fabric is told once.
func (c *captures) passDrops(b running) {
	ctx, cancel := context.WithTimeout(context.Background(), dropsBound)
	defer cancel()
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.all) == 0 {
		return
	}
	drops, untold, err := b.drops(ctx)
	if err != nil {
		return
	}
	now := time.Now()
	for _, k := range c.all {
		k.Drops(drops)
		if untold > 0 {
			k.Note(now, fmt.Sprintf("the links dropped %d more packets than can be marked", untold))
		}
	}
}

// note has the event stand beside the packets, if it says something to who reads those.
func (c *captures) note(e history.Event, at time.Time) {
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

// degraded says that an overlay is in effect.
func (c *captures) degraded(net *link.Net) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tellCuts(net)
}

// healed heals an overlay. Meanwhile nobody knows whether a packet on its paths still is lost, and so no packet is said to be.
func (c *captures) healed(net *link.Net, overlay link.Matrix, heal func() error) error {
	if c == nil {
		return heal()
	}
	c.mark(net, overlay, +1)
	defer c.mark(net, overlay, -1)
	return heal()
}

func (c *captures) mark(net *link.Net, overlay link.Matrix, n int) {
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
	c.tellCuts(net)
}

// tellCuts says which paths surely are cut. The caller holds mu, so that what is said last is so.
func (c *captures) tellCuts(net *link.Net) {
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

// caption is the event in words, for someone who reads packets; "" for what is no news to them.
func caption(e history.Event) string {
	switch e.Kind {
	case history.Phase:
		return "phase " + e.Subject
	case history.Struck, history.Healed, history.Missed:
		return strings.TrimSuffix(fmt.Sprintf("%s %s: %s", e.Kind, e.Subject, e.Detail), ": ")
	case history.Held:
		return fmt.Sprintf("%s is %s", e.Subject, e.Detail)
	case history.Released:
		return fmt.Sprintf("%s is no longer held %s", e.Subject, e.Detail)
	case history.Degraded:
		return "laid over the links: " + strings.ReplaceAll(e.Detail, "\n", "; ")
	case history.Restored:
		return "taken away from the links: " + strings.ReplaceAll(e.Detail, "\n", "; ")
	case history.Up:
		return e.Subject + " answers"
	case history.Down:
		return e.Subject + " does not answer"
	case history.Ended:
		return e.Subject + " ended by itself: " + e.Detail
	case history.Leads:
		if e.Subject == "" {
			return "no node leads"
		}
		return fmt.Sprintf("%s leads term %.0f", e.Subject, e.Data["term"])
	case history.Interrupted:
		return "interrupted: " + e.Detail
	}
	return ""
}
