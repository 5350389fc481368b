// Package faults holds the words for what goes wrong: when to strike, and what.
// One file a word, or one row of the table of link sets (links.go) where that is all a word is.
//
// A fault is a list of strikes; it refuses to wait, to repeat and to verify:
// the list says when, and the run sees to the rest. Everything random is drawn when the
// strikes are listed; a strike then only looks up who leads and who lives.
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

// middle is the window of most faults: the second third of the load, unless the run says otherwise.
func middle(s reckon.Setting) (from, to time.Duration) {
	return s.Window(s.Duration/3, 2*s.Duration/3)
}

// undo takes back what has been done.
type undo func(context.Context) error

// act is one thing that a strike does.
type act func(context.Context) (undo, error)

// together does all of it, one after the other, and returns what undoes it: the last first, and
// the rest also where one part cannot be undone. Where an act fails, those before it are undone.
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

// inject does all of it as one strike.
func inject(ctx context.Context, detail string, acts ...act) (reckon.Injection, error) {
	heal, err := together(ctx, acts...)
	return reckon.Injection{Detail: detail, Heal: heal}, err
}

// holdAll holds every node in the state: all at once where the cluster can do that.
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

// cut cuts the paths.
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

// degrade gives every path the shape on top of its own.
func degrade(c reckon.Cluster, overlay link.Matrix) act {
	return func(ctx context.Context) (undo, error) {
		heal, err := c.Degrade(ctx, overlay)
		return heal, err
	}
}

// list names hosts as people do: "n1, n2 and n3".
func list(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

// inOrder is the names in the order in which people count.
func inOrder(names []string) []string {
	return slices.SortedFunc(slices.Values(names), link.CompareHosts)
}

// names are those of the nodes.
func names(nodes []reckon.Node) (all []string) {
	for _, n := range nodes {
		all = append(all, n.Name())
	}
	return all
}
