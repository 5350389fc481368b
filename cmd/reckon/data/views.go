package data

import (
	"fmt"

	"github.com/spf13/pflag"

	"github.com/reckon-bench/reckon/workloads/data/config"
	"github.com/reckon-bench/reckon/workloads/data/tree"
)

// A shown is a tree that is served, with how many of its generations.
type shown struct {
	name string
	tree *tree.Tree
}

// served is which trees a command serves.
type served struct {
	source      source
	tree        string
	generations int
}

func (s *served) bind(fs *pflag.FlagSet) {
	s.source.bind(fs)
	fs.StringVar(&s.tree, "tree", "", "a directory whose label says which trees these are")
	fs.IntVar(&s.generations, "generations", usualServed, "the last generation to serve")
}

// usualServed is up to which generation trees are served where nothing says so.
const usualServed = 4

// trees returns the trees to serve, and the expectations of a configuration file.
func (s *served) trees() (all []shown, expected []config.Expectation, err error) {
	var hosts []config.Host
	if s.tree != "" {
		places, _, err := s.source.labelled(s.tree)
		if err != nil {
			return nil, nil, err
		}
		for i, p := range places {
			if p.Name == "." {
				p.Name = fmt.Sprintf("host%d", i+1)
			}
			hosts = append(hosts, p.Host)
		}
	} else {
		f, err := s.source.read()
		if err != nil {
			return nil, nil, err
		}
		hosts, expected = f.Hosts, f.Expectations
	}
	for _, h := range hosts {
		last := s.generations
		for _, e := range expected {
			if e.Host == h.Name {
				last = max(last, e.Generation)
			}
		}
		t, err := tree.New(h.Spec, last)
		if err != nil {
			return nil, nil, err
		}
		all = append(all, shown{h.Name, t})
	}
	return all, expected, nil
}
