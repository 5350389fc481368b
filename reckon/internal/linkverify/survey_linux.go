package linkverify

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/link"
	"github.com/reckon-bench/reckon/reckon/stats"
)

// How long probes are waited for, beyond what their shape and the slack explain. One that must
// arrive is worth more patience than one that may be lost: the former hardly ever takes it all.
const (
	patienceSure  = 3 * time.Second
	patienceLossy = 250 * time.Millisecond
	probeGap      = time.Millisecond
)

// patience is how long after the last probe of a path all that will arrive has.
func patience(s link.Shape, n int, slack time.Duration) time.Duration {
	p := latest(s) + time.Duration(n)*onTheWire(s, probeBytes) + slack
	if survives(s) == 1 {
		return p + patienceSure
	}
	return p + patienceLossy
}

// Survey probes the paths between the hosts before anything else uses them, all of them or a sample drawn by rng, and records for
// each what was measured and what may have been. links is what the paths are to do; slack is how late a busy machine may be.
func (p *Prober) Survey(ctx context.Context, hosts []string, links link.Matrix, slack time.Duration, rng *rand.Rand, event func(history.Event)) error {
	paths := toProbe(hosts, maxProbed, rng)
	began := p.clock.Now()
	sent, err := p.survey(ctx, paths, links, slack, event)
	if err != nil {
		return fmt.Errorf("probe the links: %w", err)
	}
	event(history.NewProbed(history.Survey{
		Paths: len(hosts) * (len(hosts) - 1), Probed: len(paths), Packets: sent, Took: p.clock.Now() - began,
	}))
	return nil
}

// survey probes the paths, whose shapes are in plan, and records what each measured and what it may have.
func (p *Prober) survey(ctx context.Context, paths []link.Path, plan link.Matrix, slack time.Duration, event func(history.Event)) (packets int, err error) {
	var orders []order
	for _, path := range paths {
		n := probePackets
		if survives(plan[path]) < 1 {
			n = min(max(probeBudget/len(paths), probePackets), lossyPackets)
		}
		orders = append(orders, order{path, n})
		packets += n
	}
	ts, err := p.send(ctx, orders, probeGap)
	if err != nil {
		return 0, err
	}
	defer p.forget(ts)
	err = p.await(ctx, ts, func(t *train) time.Duration { return patience(plan[t.path], len(t.sent), slack) }, whole)
	if err != nil {
		return 0, err
	}
	for _, t := range ts {
		if n := p.refusals(t); n > 0 {
			return 0, fmt.Errorf("%s would not send %d probes to %s", t.path.From, n, t.path.To)
		}
		sent, delays := p.account(t)
		event(probeEvent(t.path, plan[t.path], sent, delays, slack))
	}
	return packets, nil
}

// probeEvent is what a path's probes measured beside what they may have.
func probeEvent(path link.Path, s link.Shape, sent int, delays []time.Duration, slack time.Duration) history.Event {
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1e3 }
	e := expect(s, sent, slack)
	m := history.Measurement{
		Path: path.String(), Shape: s.String(), Sent: sent, Lost: sent - len(delays), Fewest: &e.fewest, Most: &e.most,
	}
	if len(delays) > 0 {
		m.Delay = &history.Delay{P50: ms(stats.Quantile(delays, 0.5)), P99: ms(stats.Quantile(delays, 0.99))}
	}
	if !s.Cut {
		m.Bounds = &history.Range{From: ms(e.floor), To: ms(e.ceiling)}
	}
	return history.NewProbe(m)
}
