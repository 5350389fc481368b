// Package testbed builds what a run takes place on, hosts and the links between them, measures the
// machine beneath them, and tears everything down.
package testbed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"

	"github.com/reckon-bench/reckon/reckon/capture"
	"github.com/reckon-bench/reckon/reckon/clock"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/host"
	"github.com/reckon-bench/reckon/reckon/link"
	"github.com/reckon-bench/reckon/reckon/plan"
)

// Config is what a testbed needs of the run.
type Config struct {
	Plan  *plan.Plan
	Clock clock.Clock
	Event func(history.Event)
	// Fatal is called when the links end by themselves: nothing that follows can be right.
	Fatal   func(error)
	Packets *capture.Set // the captures under way
	// Log opens the log of a process for appending.
	Log func(name string) (io.WriteCloser, error)
}

// A Testbed is hosts with links between them.
type Testbed struct {
	Config
	Hosts  map[string]*host.Host
	Net    *link.Net
	Fabric Fabric
	Downs  host.Holds // of interfaces

	hub      *host.Host
	captured *capture.Capture // of the whole run; nil without --pcap

	life       context.Context // of the samplers
	stop       context.CancelFunc
	background sync.WaitGroup // the samplers
}

// New returns a testbed that is yet to be built. Build, Stop and Close are called once each, in
// this order; Stop and Close also when Build has failed.
func New(ctx context.Context, c Config) *Testbed {
	t := &Testbed{Config: c, Hosts: map[string]*host.Host{}}
	t.life, t.stop = context.WithCancel(context.WithoutCancel(ctx))
	return t
}

// Build makes the hosts and the links between them.
func (t *Testbed) Build(ctx context.Context) (err error) {
	if t.hub, err = host.New("hub"); err != nil {
		return fmt.Errorf("make the hub: %w", err)
	}
	log, err := t.Log("switch")
	if err != nil {
		return err
	}
	if t.Fabric, err = startLinks(t.Plan.Options.Links, t.hub, t.Plan.Options.Seed, log); err != nil {
		return fmt.Errorf("start the links: %w", err)
	}
	var seats []host.Seat
	for _, h := range t.Plan.Hosts {
		seats = append(seats, host.Seat{Name: h.Name, Addr: h.Addr})
	}
	hosts, err := host.Star(t.hub, seats)
	if err != nil {
		return fmt.Errorf("make the hosts: %w", err)
	}
	var ports []host.Port
	for _, h := range hosts {
		t.Hosts[h.Name()] = h
		ports = append(ports, h.Port())
	}
	if err := t.Fabric.Attach(ctx, ports); err != nil {
		return fmt.Errorf("attach the hosts: %w", err)
	}
	if t.Net, err = link.NewNet(ctx, t.Fabric, t.Plan.Links); err != nil {
		return fmt.Errorf("shape the links: %w", err)
	}
	t.background.Go(func() { sampleNoise(t.life, t.Event) })
	t.background.Go(t.watchLinks)
	return nil
}

// watchLinks reports links that end by themselves.
func (t *Testbed) watchLinks() {
	select {
	case <-t.Fabric.ended():
		t.Fatal(fmt.Errorf("the links ended by themselves: %w", t.Fabric.why()))
	case <-t.life.Done():
	}
}

// HostNames returns the names of all hosts, nodes before clients.
func (t *Testbed) HostNames() (names []string) {
	for _, h := range t.Plan.Hosts {
		names = append(names, h.Name)
	}
	return names
}

// Stop ends the samplers. Nothing is recorded any more but what Close finds.
func (t *Testbed) Stop() {
	t.stop()
	t.background.Wait()
}

// Close ends every process on the hosts, the hosts and the links.
func (t *Testbed) Close() error {
	errs := []error{host.CloseAll(slices.Collect(maps.Values(t.Hosts)))}
	if t.Fabric.backend != nil {
		errs = append(errs, t.Fabric.Close())
	}
	if t.hub != nil {
		errs = append(errs, t.hub.Close())
	}
	return errors.Join(errs...)
}

// RecordLinks records the fabric's counters: of each path that carried anything, and in all.
func (t *Testbed) RecordLinks(ctx context.Context) error {
	counters, err := t.Fabric.Counters(ctx)
	if err != nil {
		return fmt.Errorf("ask the links for their counters: %w", err)
	}
	var total history.Traffic
	for path, c := range counters {
		t.Event(history.NewPath(path.String(), history.Traffic{
			Packets: c.Packets, Lost: c.Lost, Cut: c.Cut, Overflow: c.Overflow,
			Duplicated: c.Duplicated, Corrupted: c.Corrupted, Reordered: c.Reordered,
		}))
		total.Packets += c.Packets
		total.Lost += c.Lost
		total.Cut += c.Cut
		total.Overflow += c.Overflow
	}
	l, measured, err := t.Fabric.lateness(ctx)
	if err != nil {
		return fmt.Errorf("ask the links for their counters: %w", err)
	}
	var late *history.Late
	if measured {
		late = &history.Late{P50: l.P50, P99: l.P99, Max: l.Max}
	}
	t.Event(history.NewLinks(t.Fabric.Name, t.Fabric.Details, total, late))
	return nil
}
