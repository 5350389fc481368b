// Package faults holds the words for faults: what is injected, when, and where. There is one file
// per word, or one row of the table in links.go for a word that only affects a set of links.
//
// A fault is a list of strikes. It never waits, repeats or verifies: the list says when each strike
// is due, and the run does the rest. Everything random is drawn when the strikes are listed; a
// strike then only looks up which node leads and which are alive.
//
// Cuts between nodes leave the clients' paths alone; isolate and isolate-follower cut those too.
package faults

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/link"
)

// middle returns the window of most faults: the middle third of the load, unless the run sets
// another.
func middle(s reckon.Setting) (from, to time.Duration) {
	return s.Window(s.Duration/3, 2*s.Duration/3)
}

// undo reverses an act.
type undo func(context.Context) error

// act is one part of a strike.
type act func(context.Context) (undo, error)

// together carries out the acts one after the other and returns what undoes them, the last first;
// it undoes the rest even if one cannot be undone. If an act fails, those before it are undone.
func together(ctx context.Context, acts ...act) (undo, error) {
	var done []undo
	back := func(ctx context.Context) error {
		var errs []error
		for _, u := range slices.Backward(done) {
			errs = append(errs, u(ctx))
		}
		return errors.Join(errs...)
	}
	for _, do := range acts {
		u, err := do(ctx)
		if err != nil {
			if left := back(context.WithoutCancel(ctx)); left != nil {
				err = fmt.Errorf("%w; and what had been done could not be undone: %w", err, left)
			}
			return nil, err
		}
		done = append(done, u)
	}
	return back, nil
}

// inject carries out the acts as one strike.
func inject(ctx context.Context, detail string, acts ...act) (reckon.Injection, error) {
	heal, err := together(ctx, acts...)
	return reckon.Injection{Detail: detail, Heal: heal}, err
}

// holdAll returns what holds every node in the state, all at once if the cluster can do that.
func holdAll(c reckon.Cluster, nodes []reckon.Node, s reckon.State) (acts []act) {
	if g, ok := c.(reckon.GroupHolder); ok {
		return []act{func(ctx context.Context) (undo, error) {
			release, err := g.HoldAll(ctx, nodes, s)
			return release, err
		}}
	}
	for _, n := range nodes {
		acts = append(acts, func(ctx context.Context) (undo, error) {
			release, err := n.Hold(ctx, s)
			return release, err
		})
	}
	return acts
}

// cut returns the act that cuts the paths.
func cut(c reckon.Cluster, paths []link.Path, mode reckon.CutMode) act {
	return func(ctx context.Context) (undo, error) {
		heal, err := c.Cut(ctx, paths, mode)
		return heal, err
	}
}

// required returns what cutting paths in the mode requires of a machine.
func required(mode reckon.CutMode) []reckon.Requirement {
	if mode != reckon.Reset {
		return nil
	}
	return []reckon.Requirement{{Name: reckon.ConnectionResets, By: "--cut " + mode.String()}}
}

// fiveNodes is the trial of a fault that fewer nodes do not suit.
func fiveNodes() reckon.Trial {
	return reckon.Trial{Flags: map[string][]string{"number-nodes": {"5"}}}
}

// degrade returns the act that adds to each path its shape in the overlay.
func degrade(c reckon.Cluster, overlay link.Matrix) act {
	return func(ctx context.Context) (undo, error) {
		heal, err := c.Degrade(ctx, overlay)
		return heal, err
	}
}

// list joins names as a sentence does: "n1, n2 and n3".
func list(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

// inOrder returns the names in numeric order: n2 before n10.
func inOrder(names []string) []string {
	return slices.SortedFunc(slices.Values(names), link.CompareHosts)
}

// names returns the names of the nodes.
func names(nodes []reckon.Node) (all []string) {
	for _, n := range nodes {
		all = append(all, n.Name())
	}
	return all
}
