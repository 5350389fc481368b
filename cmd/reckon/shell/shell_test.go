package shell

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/link"
	"github.com/reckon-bench/reckon/reckon/plan"
	"github.com/reckon-bench/reckon/reckon/runner"
)

// TestShell runs the transcript of a session with a cluster that is none. Its commands:
//
//	do         the input's lines, as typed; errors are printed after "! "
//	fall NODE  the node's process ends by itself
//	complete   what each line of the input may become
func TestShell(t *testing.T) {
	f := newFake(t)
	var out bytes.Buffer
	f.out = &out
	s := newShell(f, f.hosts, &out)
	datadriven.RunTest(t, "testdata/shell.txt", func(t *testing.T, d *datadriven.TestData) string {
		out.Reset()
		switch d.Cmd {
		case "do":
			for line := range strings.SplitSeq(d.Input, "\n") {
				if err := s.do(t.Context(), line); err != nil {
					fmt.Fprintf(&out, "! %v\n", err)
				}
			}
		case "fall":
			f.find(d.CmdArgs[0].Key).Fell = errors.New("n3 ended by itself (exit status 2); it last printed:\n    panic")
		case "complete":
			for line := range strings.SplitSeq(d.Input, "\n") {
				fmt.Fprintf(&out, "%s: %q\n", line, s.complete(strings.TrimSuffix(line, "|")))
			}
		default:
			d.Fatalf(t, "unknown command %s", d.Cmd)
		}
		return strings.ReplaceAll(out.String(), " \n", "\n")
	})
}

// fake is a session without a cluster: links that carry nothing, and nodes that are what they are
// told to be.
type fake struct {
	hosts []plan.Host
	nodes []*fakeNode
	net   *link.Net
	out   io.Writer
}

func newFake(t *testing.T) *fake {
	f := &fake{}
	baseline := link.Matrix{}
	for i, name := range []string{"n1", "n2", "n3", "c1"} {
		role := "member"
		if name == "c1" {
			role = "client"
		} else {
			st := reckon.Status{Ready: true, Leader: name == "n2", Term: 2}
			f.nodes = append(f.nodes, &fakeNode{runner.NodeStatus{Name: name, PID: 20 + i, Up: true, Status: st}})
		}
		for _, h := range f.hosts {
			baseline[link.Path{From: name, To: h.Name}] = link.Shape{Delay: 20e6}
			baseline[link.Path{From: h.Name, To: name}] = link.Shape{Delay: 20e6}
		}
		f.hosts = append(f.hosts, plan.Host{Name: name, Addr: netip.AddrFrom4([4]byte{10, 1, 0, byte(i + 1)}), Role: role})
	}
	var err error
	if f.net, err = link.NewNet(t.Context(), nowhere{}, baseline); err != nil {
		t.Fatal(err)
	}
	return f
}

type nowhere struct{}

func (nowhere) Apply(context.Context, link.Matrix) error                      { return nil }
func (nowhere) Counters(context.Context) (map[link.Path]link.Counters, error) { return nil, nil }
func (nowhere) Close() error                                                  { return nil }

func (f *fake) find(name string) *fakeNode {
	for _, n := range f.nodes {
		if n.NodeStatus.Name == name {
			return n
		}
	}
	return nil
}

func (f *fake) Cluster() reckon.Cluster { return fakeCluster{f} }

func (f *fake) Status() (all []runner.NodeStatus) {
	for _, n := range f.nodes {
		all = append(all, n.NodeStatus)
	}
	return all
}

func (f *fake) Ready(context.Context) error { return nil }

func (f *fake) Run(_ context.Context, host, line string) error {
	fmt.Fprintf(f.out, "%s runs %q\n", host, line)
	if line == "false" {
		return errors.New("exit status 1")
	}
	return nil
}

func (f *fake) Capture(host, path string) (func() (string, error), error) {
	if path == "/forbidden" {
		return nil, errors.New("open /forbidden: permission denied")
	}
	return func() (string, error) { return "7 packets, 1 KiB", nil }, nil
}

type fakeCluster struct{ *fake }

func (f fakeCluster) Nodes() (all []reckon.Node) {
	for _, n := range f.nodes {
		all = append(all, n)
	}
	return all
}

func (f fakeCluster) Leader(context.Context) (reckon.Node, error) {
	for _, n := range f.nodes {
		if n.Leader && !n.Dead {
			return n, nil
		}
	}
	return nil, errors.New("no leader found within 20s")
}

func (f fakeCluster) Degrade(ctx context.Context, m link.Matrix) (func(context.Context) error, error) {
	return f.net.Degrade(ctx, m)
}

func (f fakeCluster) Cut(ctx context.Context, paths []link.Path, mode reckon.CutMode) (func(context.Context) error, error) {
	if mode != reckon.Drop {
		fmt.Fprintf(f.out, "by %s, ", mode)
	}
	return f.net.Degrade(ctx, link.CutPaths(paths...))
}

func (f fakeCluster) Links() link.Matrix { return f.net.Links() }

type fakeNode struct{ runner.NodeStatus }

func (n *fakeNode) Name() string { return n.NodeStatus.Name }

func (n *fakeNode) Ready(context.Context) error { return nil }

func (n *fakeNode) State() reckon.State {
	switch {
	case n.Dead:
		return reckon.Dead
	case n.Paused:
		return reckon.Paused
	}
	return reckon.Running
}

func (n *fakeNode) Hold(_ context.Context, s reckon.State) (func(context.Context) error, error) {
	held := &n.Paused
	if s == reckon.Dead {
		held = &n.Dead
	}
	*held = true
	return func(context.Context) error {
		*held, n.Fell = false, nil
		return nil
	}, nil
}
