// Package topologies holds the words for networks: which hosts there are and
// what the paths between them do. One file a word; all of it is arithmetic.
//
// It refuses to build anything: a fabric does that.
package topologies

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"github.com/reckon-bench/reckon/reckon/flags"
	"github.com/reckon-bench/reckon/reckon/link"
)

// far are the flags that every topology shares: how many hosts, and what lies between them.
type far struct {
	nodes, clients              int
	latency, jitter             time.Duration
	spread                      spreadValue
	loss                        float64
	burst                       burstValue
	duplicate, corrupt, reorder float64
	rate                        rateValue
}

const defaultLatency = 20 * time.Millisecond

func (f *far) bind(fs *pflag.FlagSet) {
	fs.IntVar(&f.nodes, "number-nodes", 3, "nodes of the system")
	fs.IntVar(&f.clients, "number-clients", 1, "client hosts; in wan, in each data centre")
	flags.LatencyVar(fs, &f.latency, "link-latency", defaultLatency, "one way, end to end")
	flags.LatencyVar(fs, &f.jitter, "link-jitter", 0, "spread of the latency: to both sides where it is uniform, else its standard deviation; reorders packets")
	fs.Var(&f.spread, "link-distribution", "of the latency around its mean; FILE has measured delays, one a line, and with them a latency and a jitter")
	flags.PercentVar(fs, &f.loss, "link-loss", 0, "packets lost, one way, end to end")
	fs.Var(&f.burst, "link-burst", "packets lost in bursts as well (Gilbert-Elliott), in percent: that begin a burst, end it, are lost in it (100) and between (0)")
	flags.PercentVar(fs, &f.duplicate, "link-duplicate", 0, "packets delivered twice")
	flags.PercentVar(fs, &f.corrupt, "link-corrupt", 0, "packets with a bit flipped")
	flags.PercentVar(fs, &f.reorder, "link-reorder", 0, "packets that skip the latency and so overtake others")
	fs.Var(&f.rate, "link-rate", "of each path, such as 100mbit or 1gbit; a bare number is bits a second, and without one there is no limit")
}

// maxHosts is what one machine is asked for at most.
const maxHosts = 1000

func (f *far) validate(clients int) error {
	switch {
	case f.nodes < 1:
		return fmt.Errorf("--number-nodes %d: must be at least 1", f.nodes)
	case f.clients < 1:
		return fmt.Errorf("--number-clients %d: must be at least 1", f.clients)
	case f.nodes+clients > maxHosts:
		return fmt.Errorf("%d nodes and %d clients: at most %d hosts", f.nodes, clients, maxHosts)
	case f.loss == 1:
		return errors.New("--link-loss 100: nothing would ever arrive; must be below 100")
	case f.corrupt == 1:
		return errors.New("--link-corrupt 100: every packet would fail its checksum; must be below 100")
	case f.spread.Distribution != link.Uniform && f.spread.jitter == 0 && f.jitter == 0:
		return fmt.Errorf("--link-distribution %s: needs a --link-jitter", &f.spread)
	}
	return nil
}

// shape is what lies between two hosts that are far from each other, with the flags' latency or, where they give none, that of the file of delays.
func (f *far) shape() (link.Shape, error) {
	latency := f.latency
	if f.spread.jitter != 0 && (latency == defaultLatency || latency == 0) {
		latency = f.spread.mean
	}
	return f.shapeOf(latency)
}

// shapeOf is what lies between two hosts that are so far from each other. Its error says which flag is wrong.
func (f *far) shapeOf(latency time.Duration) (link.Shape, error) {
	s := link.Shape{
		Delay: latency, Jitter: cmp.Or(f.jitter, f.spread.jitter), Distribution: f.spread.Distribution,
		Loss: f.loss, Burst: link.Burst(f.burst),
		Duplicate: f.duplicate, Corrupt: f.corrupt, Reorder: f.reorder, Rate: uint64(f.rate),
	}
	switch {
	case s.Jitter > latency && s.Distribution == link.Uniform:
		return s, fmt.Errorf("--link-jitter %v: must not exceed the latency, %v", s.Jitter, latency)
	case s.Reorder > 0 && latency == 0:
		return s, errors.New("--link-reorder: needs a latency, which the packets that overtake others skip")
	}
	return s, nil
}

// names are prefix1 ... prefixN.
func names(prefix string, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("%s%d", prefix, i+1)
	}
	return out
}
