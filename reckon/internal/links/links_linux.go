// Package links is what faults do to the links between the hosts: it applies and removes overlays,
// resets connections and takes interfaces down, records each with its time, and lets a
// linkverify.Verifier verify it.
package links

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/capture"
	"github.com/reckon-bench/reckon/reckon/clock"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/host"
	"github.com/reckon-bench/reckon/reckon/internal/linkverify"
	"github.com/reckon-bench/reckon/reckon/link"
)

// A Strike is what the links need of the strike that does something to them.
type Strike interface {
	Number() int
	// Begin notes that the strike is about to do something.
	Begin()
	// Verified records that an end of the strike was observed; subject is "" for the links.
	Verified(end history.End, subject, seen string)
	// Enter records in the ledger what the strike did, and returns the function that undoes it.
	Enter(what string, undo func(context.Context) error) func(context.Context) error
}

// Config is what Links need of the run.
type Config struct {
	Clock    clock.Clock
	Event    func(history.Event)
	Net      *link.Net
	Verifier *linkverify.Verifier // nil verifies nothing
	Packets  *capture.Set         // marks what is cut; nil where nothing is captured
	Hosts    map[string]*host.Host
	Used     []string    // the hosts that are members or clients
	Downs    *host.Holds // of interfaces
}

// Links are the links between the hosts, and what faults do to them.
type Links struct{ Config }

// New returns the links.
func New(c Config) *Links { return &Links{c} }

// Cut cuts the paths for the strike in the given mode, so that Matrix shows them as cut whatever
// the mode is.
func (l *Links) Cut(ctx context.Context, s Strike, paths []link.Path, mode reckon.CutMode) (func(context.Context) error, error) {
	overlay := link.CutPaths(paths...)
	switch mode {
	case reckon.Drop:
		return l.apply(ctx, s, overlay, extra{})
	case reckon.Reset:
		return l.apply(ctx, s, overlay, extra{strike: func() (string, error) { return l.reset(overlay) }})
	case reckon.LinkDown:
		name, err := l.only(overlay)
		if err != nil {
			return nil, err
		}
		return l.apply(ctx, s, l.around(name), extra{
			strike: func() (string, error) { return l.Downs.Down(l.Hosts[name]) },
			heal:   func() (string, error) { return l.Downs.Up(l.Hosts[name]) },
		})
	}
	return nil, fmt.Errorf("cut by %s: not known", mode)
}

// extra is done beyond dropping packets (reset connections, take the interface down); each returns
// what it observed.
type extra struct {
	strike, heal func() (seen string, err error)
}

// Degrade applies the overlay for the strike, and returns what removes it.
func (l *Links) Degrade(ctx context.Context, s Strike, overlay link.Matrix) (func(context.Context) error, error) {
	return l.apply(ctx, s, overlay, extra{})
}

// Matrix returns what the links do at present.
func (l *Links) Matrix() link.Matrix { return l.Net.Links() }

// apply applies the overlay and what is done beyond it, records when it took effect, and returns
// what undoes both. That it takes effect, and that its heal does, is verified in the background.
func (l *Links) apply(ctx context.Context, s Strike, overlay link.Matrix, beyond extra) (func(context.Context) error, error) {
	l.Verifier.Ready(ctx, overlay)
	s.Begin()
	heal, err := l.Net.Degrade(ctx, overlay)
	if err != nil {
		return nil, err
	}
	seen := ""
	if beyond.strike != nil {
		if seen, err = beyond.strike(); err != nil {
			return nil, errors.Join(err, heal(context.WithoutCancel(ctx)))
		}
	}
	l.Packets.Degraded(l.Net)
	l.Event(history.NewDegraded(s.Number(), overlay.Layers(), overlay.String()))
	if seen != "" {
		s.Verified(history.EndStruck, "", seen)
	}
	observation := l.Verifier.Struck(s.Number(), overlay)
	return s.Enter(strings.ReplaceAll(overlay.String(), "\n", "; "), func(ctx context.Context) error {
		observation.Close(ctx, l.Clock)
		return l.heal(ctx, s, overlay, &beyond, heal)
	}), nil
}

// heal removes the overlay and undoes what was done beyond it, once, though it may be called again
// where it failed.
func (l *Links) heal(ctx context.Context, s Strike, overlay link.Matrix, beyond *extra, remove func(context.Context) error) error {
	seen := ""
	err := l.Packets.Healed(l.Net, overlay, func() (err error) {
		if beyond.heal != nil {
			if seen, err = beyond.heal(); err != nil {
				return err
			}
			beyond.heal = nil
		}
		return remove(ctx)
	})
	if err != nil {
		return err
	}
	l.Event(history.NewRestored(s.Number(), overlay.Layers(), overlay.String()))
	if seen != "" {
		s.Verified(history.EndHealed, "", seen)
	}
	l.Verifier.Healed(s.Number(), overlay)
	return nil
}

// resetTries is how often the hosts are gone through: a connection may have been about to be
// accepted.
const resetTries = 5

// reset ends every connection that uses the overlay's paths, at both ends: the packet that would
// tell the other one is cut as well. New ones cannot come about, as the paths are cut already.
func (l *Links) reset(overlay link.Matrix) (seen string, err error) {
	peers := map[string][]netip.Addr{}
	for p := range overlay {
		for _, q := range []link.Path{p, p.Back()} {
			if l.Hosts[q.From] == nil || l.Hosts[q.To] == nil {
				return "", fmt.Errorf("reset the connections on %s: there is no such path", p)
			}
			if a := l.Hosts[q.To].Port().Addr; !slices.Contains(peers[q.From], a) {
				peers[q.From] = append(peers[q.From], a)
			}
		}
	}
	ends := make([]int, len(peers))
	var g errgroup.Group
	for i, name := range slices.Collect(maps.Keys(peers)) {
		g.Go(func() error {
			var left int
			for range resetTries {
				n, err := l.Hosts[name].Reset(peers[name]...)
				if ends[i] += n; err != nil {
					return err
				}
				if left, err = l.Hosts[name].Connections(peers[name]...); err != nil || left == 0 {
					return err
				}
			}
			return fmt.Errorf("%d connections of %s are left after %d resets", left, name, resetTries)
		})
	}
	if err := g.Wait(); err != nil {
		return "", err
	}
	total := 0
	for _, n := range ends {
		total += n
	}
	return fmt.Sprintf("%d ends of connections were reset at %d hosts, and none is left", total, len(peers)), nil
}

// only returns the host whose every path, to and from all that are in use, is in the overlay, which
// has no others.
func (l *Links) only(overlay link.Matrix) (string, error) {
	for _, name := range l.Used {
		whole := func(other string) bool {
			there := link.Path{From: name, To: other}
			return other == name || overlay[there].Cut && overlay[there.Back()].Cut
		}
		touches := func(p link.Path) bool { return p.From == name || p.To == name }
		if !slices.ContainsFunc(l.Used, func(o string) bool { return !whole(o) }) && !slices.ContainsFunc(overlay.Paths(), func(p link.Path) bool { return !touches(p) }) {
			return name, nil
		}
	}
	return "", fmt.Errorf("cut by %s: a host's only interface carries all its paths: want those of one host, both ways, and no others", reckon.LinkDown)
}

// around returns a cut of everything from and to the host.
func (l *Links) around(name string) link.Matrix {
	overlay := link.Matrix{}
	for other := range l.Hosts {
		if there := (link.Path{From: name, To: other}); other != name {
			overlay[there], overlay[there.Back()] = link.Shape{Cut: true}, link.Shape{Cut: true}
		}
	}
	return overlay
}
