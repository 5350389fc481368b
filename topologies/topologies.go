// Package topologies holds the words for networks: which hosts there are and
// what the paths between them do. One file a word; all of it is arithmetic.
//
// It refuses to build anything: a fabric does that.
package topologies

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"github.com/reckon-bench/reckon"
	"github.com/reckon-bench/reckon/link"
)

// far are the flags that every topology shares: how many hosts, and what lies between them.
type far struct {
	nodes, clients int
	latency        time.Duration
	jitter         time.Duration
	loss           float64
}

func (f *far) bind(fs *pflag.FlagSet) {
	fs.IntVar(&f.nodes, "number-nodes", 3, "nodes of the system")
	fs.IntVar(&f.clients, "number-clients", 1, "client hosts; in wan, in each data centre")
	reckon.LatencyVar(fs, &f.latency, "link-latency", 20*time.Millisecond, "one way, end to end")
	reckon.LatencyVar(fs, &f.jitter, "link-jitter", 0, "spread of the latency, evenly to both sides; reorders packets")
	reckon.PercentVar(fs, &f.loss, "link-loss", 0, "packets lost, one way, end to end")
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
	case f.jitter > f.latency:
		return fmt.Errorf("--link-jitter %v: must not exceed --link-latency, %v", f.jitter, f.latency)
	case f.loss == 1:
		return errors.New("--link-loss 100: nothing would ever arrive; must be below 100")
	}
	return nil
}

// shape is what lies between two hosts that are far from each other.
func (f *far) shape() link.Shape {
	return link.Shape{Delay: f.latency, Jitter: f.jitter, Loss: f.loss}
}

// names are prefix1 ... prefixN.
func names(prefix string, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("%s%d", prefix, i+1)
	}
	return out
}
