package cluster

import (
	"context"
	"sync"
	"time"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/clock"
	"github.com/reckon-bench/reckon/reckon/history"
)

// Each node is asked for its status samplesPerTimeout times in an election timeout, but at most
// once in leastSample, and for its metrics once in metricsEvery.
const (
	samplesPerTimeout = 20
	leastSample       = 20 * time.Millisecond
	metricsEvery      = time.Second
)

// Sample asks every node for its status, and for its metrics where it has any, until ctx ends.
func (c *Cluster) Sample(ctx context.Context) {
	var wg sync.WaitGroup
	for _, n := range c.all() {
		wg.Go(func() { n.sample(ctx) })
		if m, ok := c.System.(reckon.MetricsReader); ok {
			wg.Go(func() { n.sampleMetrics(ctx, m) })
		}
	}
	wg.Wait()
}

func (n *node) sample(ctx context.Context) {
	c := n.cluster
	every := max(c.ElectionTimeout/samplesPerTimeout, leastSample)
	ask := func() {
		sctx, cancel := context.WithTimeout(ctx, max(c.ElectionTimeout/2, 10*every))
		st, err := c.System.Status(sctx, n.member, n.host.Dial)
		cancel()
		if ctx.Err() == nil {
			n.see(st, err)
		}
	}
	ask()
	clock.Every(ctx, every, ask)
}

// sampleMetrics records the node's metrics. One that does not answer has none: that it is down is
// recorded elsewhere.
func (n *node) sampleMetrics(ctx context.Context, m reckon.MetricsReader) {
	clock.Every(ctx, metricsEvery, func() {
		sctx, cancel := context.WithTimeout(ctx, metricsEvery)
		defer cancel()
		if data, err := m.Metrics(sctx, n.member, n.host.Dial); err == nil {
			n.cluster.Event(history.NewMetrics(n.Name(), data))
		}
	})
}
