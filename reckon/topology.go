package reckon

import "github.com/reckon-bench/reckon/reckon/link"

// A Topology says which hosts there are and what the paths between them do. It is pure.
type Topology interface {
	Layout() (Layout, error)
}

// Layout is the result of a topology.
type Layout struct {
	Nodes   []string
	Clients []string
	Links   link.Matrix
	Nearest map[string]string // the node nearest to each client
}
