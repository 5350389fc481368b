package topologies

import (
	"github.com/spf13/pflag"

	"github.com/reckon-bench/reckon"
	"github.com/reckon-bench/reckon/link"
)

func init() {
	reckon.Topologies.Register(reckon.Word[reckon.Topology]{
		Name: "wan",
		Doc:  "one data centre for each node, with clients in it: a perfect wire inside, the latency, jitter and loss given between them",
		New: func(fs *pflag.FlagSet) reckon.Topology {
			w := &wan{}
			w.bind(fs)
			return w
		},
	})
}

type wan struct{ far }

// Layout names the clients of the first data centre first: with two in each, c1 and c2 stand beside n1.
func (w *wan) Layout() (reckon.Layout, error) {
	if err := w.validate(w.nodes * w.clients); err != nil {
		return reckon.Layout{}, err
	}
	l := reckon.Layout{
		Nodes: names("n", w.nodes), Clients: names("c", w.nodes*w.clients),
		Links: link.Matrix{}, Beside: map[string]string{},
	}
	centre := map[string]int{}
	for i, n := range l.Nodes {
		centre[n] = i
	}
	for i, c := range l.Clients {
		centre[c] = i / w.clients
		l.Beside[c] = l.Nodes[i/w.clients]
	}
	for a, x := range centre {
		for b, y := range centre {
			switch {
			case a == b:
			case x == y:
				l.Links[link.Path{From: a, To: b}] = link.Shape{}
			default:
				l.Links[link.Path{From: a, To: b}] = w.shape()
			}
		}
	}
	return l, nil
}
