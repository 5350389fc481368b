package faults_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/link"
)

// cluster is one that takes notes, and fails where it is told to.
type cluster struct {
	names  []string
	leader string         // "" for none
	dead   map[string]int // how often each is held so
	paused map[string]int
	busy   []string // nodes that do not answer
	fails  []string // what fails: "hold n2", "release n2", "cut", "degrade", "restore"
	links  link.Matrix
	before map[string]reckon.State // how nodes were before the present instant
	notes  []string
}

func (c *cluster) note(format string, args ...any) {
	c.notes = append(c.notes, strings.ReplaceAll(fmt.Sprintf(format, args...), "\n", "\n       "))
}

// try notes what is done, and fails where it is to.
func (c *cluster) try(what, detail string) error {
	if slices.Contains(c.fails, what) {
		c.note("%s %s fails", what, detail)
		return errors.New(strings.TrimSpace(what) + " failed")
	}
	c.note("%s %s", what, detail)
	return nil
}

func (c *cluster) Nodes() (all []reckon.Node) {
	for _, n := range c.names {
		all = append(all, node{c, n})
	}
	return all
}

func (c *cluster) Leader(context.Context) (reckon.Node, error) {
	if c.leader == "" {
		return nil, errors.New("no leader found")
	}
	return node{c, c.leader}, nil
}

func (c *cluster) Degrade(_ context.Context, m link.Matrix) (func(context.Context) error, error) {
	return c.lay("degrade", m)
}

func (c *cluster) Cut(_ context.Context, paths []link.Path, mode reckon.CutMode) (func(context.Context) error, error) {
	m := link.CutPaths(paths...)
	if mode == reckon.Drop {
		return c.lay("cut", m)
	}
	return c.lay("cut by "+mode.String(), m)
}

func (c *cluster) lay(verb string, m link.Matrix) (func(context.Context) error, error) {
	if err := m.Validate(); err != nil {
		return nil, err
	}
	if err := c.try(verb, brief(m)); err != nil {
		return nil, err
	}
	return func(context.Context) error { return c.try("restore", brief(m)) }, nil
}

// brief is a matrix with ways there and back as one: "cut: n1<>n2 n1>n3".
func brief(m link.Matrix) string {
	var order []link.Shape
	by := map[link.Shape]string{}
	for _, p := range m.Paths() {
		s := m[p]
		if slices.Index(order, s) < 0 {
			order = append(order, s)
		}
		switch back, there := m[p.Back()]; {
		case !there || back != s:
			by[s] += " " + p.String()
		case link.CompareHosts(p.From, p.To) < 0:
			by[s] += " " + p.From + "<>" + p.To
		}
	}
	var lines []string
	for _, s := range order {
		lines = append(lines, s.String()+":"+by[s])
	}
	return strings.Join(lines, "; ")
}

func (c *cluster) Links() link.Matrix { return c.links }

type node struct {
	c    *cluster
	name string
}

func (n node) Name() string { return n.name }

// State is what the node was held in before the strikes of this instant, as the contract has it.
func (n node) State() reckon.State { return n.c.before[n.name] }

// freeze keeps the states for the strikes of one instant.
func (c *cluster) freeze() {
	c.before = map[string]reckon.State{}
	for _, n := range c.names {
		c.before[n] = node{c, n}.now()
	}
}

func (n node) now() reckon.State {
	switch {
	case n.c.dead[n.name] > 0:
		return reckon.Dead
	case n.c.paused[n.name] > 0:
		return reckon.Paused
	}
	return reckon.Running
}

func (n node) Ready(context.Context) error {
	if slices.Contains(n.c.busy, n.name) {
		return fmt.Errorf("%s does not serve", n.name)
	}
	return n.c.try("ask", n.name)
}

func (n node) Hold(_ context.Context, s reckon.State) (func(context.Context) error, error) {
	if err := n.c.try("hold "+n.name, s.String()); err != nil {
		return nil, err
	}
	held := n.c.dead
	if s == reckon.Paused {
		held = n.c.paused
	}
	held[n.name]++
	return func(context.Context) error {
		if err := n.c.try("release "+n.name, s.String()); err != nil {
			return err
		}
		held[n.name]--
		return nil
	}, nil
}
