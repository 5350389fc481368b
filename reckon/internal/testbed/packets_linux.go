package testbed

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"time"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/capture"
	"github.com/reckon-bench/reckon/reckon/history"
)

// CapturePackets captures what passes every host, from now to Stop, into files that the recorder
// makes.
func (t *Testbed) CapturePackets(rec reckon.PacketRecorder) error {
	var sources []capture.Source
	for _, h := range t.Plan.Hosts {
		f, err := rec.Packets(h.Name)
		if err != nil {
			return fmt.Errorf("capture packets: %w", err)
		}
		sources = append(sources, capture.Source{Host: t.Hosts[h.Name], File: f})
	}
	c, err := t.startCapture(sources, int64(t.Plan.Options.PcapLimit))
	t.captured = c
	return err
}

// Capture captures the host's packets into the file, up to limit bytes, until stop is called.
func (t *Testbed) Capture(hostName string, f *os.File, limit int64) (stop func() (capture.Account, error), err error) {
	h := t.Hosts[hostName]
	if h == nil {
		return nil, errors.Join(fmt.Errorf("capture at %s: there is no such host", hostName), f.Close())
	}
	k, err := t.startCapture([]capture.Source{{Host: h, File: f}}, limit)
	if err != nil {
		return nil, err
	}
	return func() (capture.Account, error) {
		accounts, err := t.endCapture(k)
		if len(accounts) != 1 {
			return capture.Account{}, err
		}
		return accounts[0], err
	}, nil
}

// startCapture starts a capture that marks the events of the run.
func (t *Testbed) startCapture(sources []capture.Source, limit int64) (*capture.Capture, error) {
	epoch := time.Now().Add(-t.Clock.Now())
	c := capture.Config{Limit: limit, Head: capture.Head{
		Comment: fmt.Sprintf("reckon %s, seed %d. The run's record counts from %s.", t.Plan.Words, t.Plan.Options.Seed, epoch.UTC().Format(time.RFC3339Nano)),
		System:  "Linux", Application: "reckon", Interface: "eth0", Names: map[netip.Addr]string{},
	}}
	for _, h := range t.Plan.Hosts {
		c.Names[h.Addr] = h.Name
	}
	drops := t.Fabric.drops()
	if c.Drops = drops != nil; !c.Drops {
		c.Comment += " These links (" + t.Fabric.Name + ") do not report which packets they drop: only those sent into a cut are marked."
	}
	k, err := capture.Start(t.hub, c, sources)
	if err != nil {
		return nil, err
	}
	t.Packets.Add(k, t.Net)
	if drops != nil {
		t.background.Go(func() { t.Packets.ReportDrops(t.life, drops) })
	}
	return k, nil
}

// endCapture ends the capture, and returns how many packets it holds of each host.
func (t *Testbed) endCapture(k *capture.Capture) ([]capture.Account, error) {
	if drops := t.Fabric.drops(); drops != nil {
		t.Packets.PassDrops(drops) // the last
	}
	t.Packets.Remove(k)
	return k.Close()
}

// EndCapture ends the capture of the whole run, if there is one, and records how many packets it
// holds.
func (t *Testbed) EndCapture() error {
	if t.captured == nil {
		return nil
	}
	accounts, err := t.endCapture(t.captured)
	for _, a := range accounts {
		t.Event(history.NewCaptured(a.Host, a.String(), history.Capture{
			Packets: a.Packets, Bytes: a.Bytes, Dropped: a.Dropped, Unwritten: a.Unwritten,
		}))
	}
	return err
}
