package faults_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"github.com/spf13/pflag"

	"github.com/reckon-bench/reckon"
	_ "github.com/reckon-bench/reckon/faults"
	"github.com/reckon-bench/reckon/link"
	"github.com/reckon-bench/reckon/seed"
)

// cluster is one that only takes notes.
type cluster struct {
	nodes  []string
	leader string // "" for none
	notes  []string
	links  link.Matrix
}

func (c *cluster) note(format string, args ...any) {
	c.notes = append(c.notes, fmt.Sprintf("  "+format, args...))
}

func (c *cluster) Nodes() (all []reckon.Node) {
	for _, n := range c.nodes {
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
	c.note("degrade %s", m)
	return func(context.Context) error { c.note("restore %s", m); return nil }, nil
}

func (c *cluster) Cut(_ context.Context, paths []link.Path, way reckon.Way) (func(context.Context) error, error) {
	m := link.Matrix{}
	for _, p := range paths {
		m[p] = link.Shape{Cut: true}
	}
	c.note("cut by %s %s", way, m)
	return func(context.Context) error { c.note("restore %s", m); return nil }, nil
}

func (c *cluster) Links() link.Matrix { return c.links }

type node struct {
	c    *cluster
	name string
}

func (n node) Name() string                { return n.name }
func (n node) State() reckon.State         { return reckon.Running }
func (n node) Ready(context.Context) error { return nil }

func (n node) Hold(_ context.Context, s reckon.State) (func(context.Context) error, error) {
	n.c.note("hold %s %s", n.name, s)
	return func(context.Context) error { n.c.note("release %s %s", n.name, s); return nil }, nil
}

// TestTranscripts runs every fault on a cluster that takes notes.
//
// Example:
//
//	strikes leader nodes=(n1,n2,n3) leader=n2 duration=30
func TestTranscripts(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			if d.Cmd != "strikes" {
				d.Fatalf(t, "unknown command %s", d.Cmd)
			}
			c := &cluster{}
			seconds := 30
			for _, a := range d.CmdArgs[1:] {
				switch a.Key {
				case "nodes":
					c.nodes = a.Vals
				case "leader":
					c.leader = a.Vals[0]
				case "duration":
					d.ScanArgs(t, "duration", &seconds)
				}
			}
			return strikes(t, d.CmdArgs[0].Key, c, time.Duration(seconds)*time.Second)
		})
	})
}

func strikes(t *testing.T, word string, c *cluster, duration time.Duration) string {
	w, err := reckon.Faults.Lookup(word)
	if err != nil {
		return err.Error()
	}
	s := reckon.Setting{Seed: 1, Duration: duration, ElectionTimeout: time.Second, Nodes: c.nodes}
	f := w.New(pflag.NewFlagSet(word, pflag.ContinueOnError))
	if n, ok := f.(reckon.Needer); ok {
		if err := n.Needs(s); err != nil {
			return err.Error()
		}
	}
	var b strings.Builder
	for _, strike := range f.Strikes(s, seed.Stream(1, "fault "+word)) {
		fmt.Fprintf(&b, "[%v, %v) %s\n", strike.From, strike.To, strike.Name)
		c.notes = nil
		in, err := strike.Inject(t.Context(), c)
		if err != nil {
			fmt.Fprintf(&b, "  %v\n", err)
			continue
		}
		c.note("struck: %s", in.Detail)
		if err := in.Heal(t.Context()); err != nil {
			c.note("heal: %v", err)
		}
		b.WriteString(strings.Join(slices.Concat(c.notes, []string{""}), "\n"))
	}
	if b.Len() == 0 {
		return "nothing\n"
	}
	return b.String()
}
