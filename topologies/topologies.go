// Package topologies holds the words for networks: which hosts there are and what the paths between
// them do. There is one file per word. All of it is pure: a fabric builds the network.
package topologies

import (
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"github.com/reckon-bench/reckon/reckon/link"
)

// far are the flags that every topology shares: how many hosts, and what lies between them.
type far struct {
	nodes, clients int
	link           *link.Flags
}

const (
	linkPrefix     = "link-"
	defaultLatency = 20 * time.Millisecond
)

func (f *far) bind(fs *pflag.FlagSet) {
	fs.IntVar(&f.nodes, "number-nodes", 3, "nodes of the system")
	fs.IntVar(&f.clients, "number-clients", 1, "client hosts; in wan, in each data centre")
	f.link = link.NewFlags(defaultLatency)
	f.link.Bind(fs, linkPrefix)
}

// maxHosts bounds the number of hosts on one machine.
const maxHosts = 1000

func (f *far) validate(clients int) error {
	switch {
	case f.nodes < 1:
		return fmt.Errorf("--number-nodes %d: must be at least 1", f.nodes)
	case f.clients < 1:
		return fmt.Errorf("--number-clients %d: must be at least 1", f.clients)
	case f.nodes+clients > maxHosts:
		return fmt.Errorf("%d nodes and %d clients: at most %d hosts", f.nodes, clients, maxHosts)
	}
	return asFlag(f.link.Validate())
}

// shape returns the shape between two hosts that are far from each other.
func (f *far) shape() (link.Shape, error) {
	s, err := f.link.Shape()
	return s, asFlag(err)
}

// shapeAt is shape with another latency.
func (f *far) shapeAt(latency time.Duration) (link.Shape, error) {
	s, err := f.link.ShapeAt(latency)
	return s, asFlag(err)
}

// asFlag makes an error about a part of a shape one about its flag.
func asFlag(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("--%s%w", linkPrefix, err)
}

// names returns prefix1 ... prefixN.
func names(prefix string, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("%s%d", prefix, i+1)
	}
	return out
}
