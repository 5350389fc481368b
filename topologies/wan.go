package topologies

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/link"
)

func init() {
	reckon.Topologies.Register(reckon.Word[reckon.Topology]{
		Name: "wan",
		Doc:  "one data centre per node, with clients in it: a perfect wire inside, and between them the given latency, jitter and loss, or the latencies between named regions",
		New: func(fs *pflag.FlagSet) reckon.Topology {
			w := &wan{}
			w.bind(fs)
			return w
		},
	})
}

type wan struct {
	far
	matrix matrixValue
	places []string // the region of each node
}

func (w *wan) bind(fs *pflag.FlagSet) {
	w.far.bind(fs)
	fs.Var(&w.matrix, "wan-matrix", "latencies between regions, instead of --link-latency: FILE is CSV, with region names in the first row and column and milliseconds (its first cell says of what: rtt or one-way)")
	fs.StringSliceVar(&w.places, "wan-regions", nil, "the region of each node (default: the matrix's regions in order); nodes may share one")
}

// Layout numbers the clients by data centre: with two in each, c1 and c2 are beside n1.
func (w *wan) Layout() (reckon.Layout, error) {
	if err := w.validate(w.nodes * w.clients); err != nil {
		return reckon.Layout{}, err
	}
	between, err := w.between()
	if err != nil {
		return reckon.Layout{}, err
	}
	l := reckon.Layout{
		Nodes: names("n", w.nodes), Clients: names("c", w.nodes*w.clients),
		Links: link.Matrix{}, Nearest: map[string]string{},
	}
	centre := map[string]int{}
	for i, n := range l.Nodes {
		centre[n] = i
	}
	for i, c := range l.Clients {
		centre[c] = i / w.clients
		l.Nearest[c] = l.Nodes[i/w.clients]
	}
	for a, x := range centre {
		for b, y := range centre {
			if a != b {
				l.Links[link.Path{From: a, To: b}] = between[x][y]
			}
		}
	}
	return l, nil
}

// between returns the shapes between the data centres, and inside each.
func (w *wan) between() ([][]link.Shape, error) {
	places, err := w.placed()
	if err != nil {
		return nil, err
	}
	between := make([][]link.Shape, w.nodes)
	for x := range between {
		between[x] = make([]link.Shape, w.nodes)
		for y := range between[x] {
			switch {
			case places == nil && x == y:
			case places == nil:
				between[x][y], err = w.shape()
			case places[x] == places[y]: // also between two data centres of one region
				between[x][y] = link.Shape{Delay: w.matrix.delay[places[x]][places[x]]}
			default:
				between[x][y], err = w.shapeAt(w.matrix.delay[places[x]][places[y]])
				if err != nil {
					err = fmt.Errorf("from %s to %s: %w", w.matrix.names[places[x]], w.matrix.names[places[y]], err)
				}
			}
			if err != nil {
				return nil, err
			}
		}
	}
	return between, nil
}

// placed returns the region of each node by its place in the matrix, or nil if there are no
// regions.
func (w *wan) placed() (places []int, err error) {
	if w.matrix.names == nil {
		if len(w.places) == 0 {
			return nil, nil
		}
		if err := w.matrix.Set(publicCloud); err != nil {
			return nil, err
		}
	}
	if w.link.LatencyGiven() { // a recorded plan gives every flag, with its default too
		return nil, errors.New("--link-latency: the latencies are those of --wan-matrix; leave one of them out")
	}
	where, flag := w.places, "--wan-regions "+strings.Join(w.places, ",")
	if len(where) == 0 {
		where, flag = w.matrix.names, "--wan-matrix"
	}
	if len(where) < w.nodes {
		return nil, fmt.Errorf("%s: %d regions for %d nodes; name one for each in --wan-regions (nodes may share one), or take fewer --number-nodes", flag, len(where), w.nodes)
	}
	for _, name := range where[:w.nodes] {
		i, err := w.matrix.index(name)
		if err != nil {
			return nil, fmt.Errorf("--wan-regions: %w", err)
		}
		places = append(places, i)
	}
	return places, nil
}
