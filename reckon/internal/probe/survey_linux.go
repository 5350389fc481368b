package probe

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/reckon-bench/reckon/reckon/internal/expect"

	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/link"
	"github.com/reckon-bench/reckon/reckon/stats"
)

// How long probes are waited for, beyond what their shape and the slack explain. One that must
// arrive is worth more patience than one that may be lost: the former hardly ever takes it all.
const (
	patienceSure  = 3 * time.Second
	PatienceLossy = 250 * time.Millisecond
	probeGap      = time.Millisecond
)

// Patience returns how long after the last probe of a path all that will arrive has.
func Patience(s link.Shape, n int, slack time.Duration) time.Duration {
	p := expect.Latest(s) + time.Duration(n)*expect.OnTheWire(s, expect.Bytes) + slack
	if expect.Survives(s) == 1 {
		return p + patienceSure
	}
	return p + PatienceLossy
}

// Survey probes the paths between the hosts before anything else uses them, all of them or a sample
// drawn by rng, and records for each what was measured and what may have been. links is what the
// paths are to do; slack is how late a busy machine may be.
func (p *Prober) Survey(ctx context.Context, hosts []string, links link.Matrix, slack time.Duration, rng *rand.Rand, event func(history.Event)) error {
	paths := expect.Paths(hosts, expect.MaxProbed, rng)
	began := p.Clock.Now()
	sent, err := p.survey(ctx, paths, links, slack, event)
	if err != nil {
		return fmt.Errorf("probe the links: %w", err)
	}
	event(history.NewProbed(history.Survey{
		Paths: len(hosts) * (len(hosts) - 1), Probed: len(paths), Packets: sent, Took: p.Clock.Now() - began,
	}))
	return nil
}

// survey probes the paths, whose shapes are in plan, and records what each measured and what it may
// have.
func (p *Prober) survey(ctx context.Context, paths []link.Path, plan link.Matrix, slack time.Duration, event func(history.Event)) (packets int, err error) {
	var orders []Order
	for _, path := range paths {
		n := expect.Packets
		if expect.Survives(plan[path]) < 1 {
			n = min(max(expect.Budget/len(paths), expect.Packets), expect.LossyPackets)
		}
		orders = append(orders, Order{Path: path, N: n})
		packets += n
	}
	ts, err := p.Send(ctx, orders, probeGap)
	if err != nil {
		return 0, err
	}
	defer p.Forget(ts)
	err = p.Await(ctx, ts, func(t *Train) time.Duration { return Patience(plan[t.Path], len(t.sent), slack) }, (*Train).Whole)
	if err != nil {
		return 0, err
	}
	for _, t := range ts {
		if n := p.Refusals(t); n > 0 {
			return 0, fmt.Errorf("%s would not send %d probes to %s", t.Path.From, n, t.Path.To)
		}
		sent, delays := p.Account(t)
		event(probeEvent(t.Path, plan[t.Path], sent, delays, slack))
	}
	return packets, nil
}

// probeEvent is what a path's probes measured beside what they may have.
func probeEvent(path link.Path, s link.Shape, sent int, delays []time.Duration, slack time.Duration) history.Event {
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1e3 }
	e := expect.Of(s, sent, slack)
	m := history.Measurement{
		Path: path.String(), Shape: s.String(), Sent: sent, Lost: sent - len(delays), Fewest: &e.Fewest, Most: &e.Most,
	}
	if len(delays) > 0 {
		m.Delay = &history.Delay{P50: ms(stats.Quantile(delays, 0.5)), P99: ms(stats.Quantile(delays, 0.99))}
	}
	if !s.Cut {
		m.Bounds = &history.Range{From: ms(e.Floor), To: ms(e.Ceiling)}
	}
	return history.NewProbe(m)
}
