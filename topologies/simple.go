package topologies

import (
	"github.com/spf13/pflag"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/link"
)

func init() {
	reckon.Topologies.Register(reckon.Word[reckon.Topology]{
		Name:    "simple",
		Aliases: []string{"star"},
		Doc:     "a star: every host is equally far from every other, with the given latency, jitter and loss",
		New: func(fs *pflag.FlagSet) reckon.Topology {
			s := &simple{}
			s.bind(fs)
			return s
		},
	})
}

type simple struct{ far }

// Layout gives every path the same shape, and assigns the clients to the nodes in turn.
func (s *simple) Layout() (reckon.Layout, error) {
	if err := s.validate(s.clients); err != nil {
		return reckon.Layout{}, err
	}
	shape, err := s.shape()
	if err != nil {
		return reckon.Layout{}, err
	}
	l := reckon.Layout{
		Nodes: names("n", s.nodes), Clients: names("c", s.clients),
		Links: link.Matrix{}, Nearest: map[string]string{},
	}
	hosts := append(append([]string{}, l.Nodes...), l.Clients...)
	for _, a := range hosts {
		for _, b := range hosts {
			if a != b {
				l.Links[link.Path{From: a, To: b}] = shape
			}
		}
	}
	for i, c := range l.Clients {
		l.Nearest[c] = l.Nodes[i%len(l.Nodes)]
	}
	return l, nil
}
