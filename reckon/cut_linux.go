package reckon

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/link"
)

// Degrade lays the overlay and logs when it took effect. That it did, and that its heal does, is witnessed in the background.
func (v view) Degrade(ctx context.Context, overlay link.Matrix) (func(context.Context) error, error) {
	return v.lay(ctx, overlay, more{})
}

// Cut cuts the paths in the way given, and sees to it that Links says so whatever the way is.
func (v view) Cut(ctx context.Context, paths []link.Path, mode CutMode) (func(context.Context) error, error) {
	overlay := link.CutPaths(paths...)
	switch mode {
	case Drop:
		return v.lay(ctx, overlay, more{})
	case Reset:
		return v.lay(ctx, overlay, more{strike: func() (string, error) { return v.reset(overlay) }})
	case LinkDown:
		name, err := v.alone(overlay)
		if err != nil {
			return nil, err
		}
		return v.lay(ctx, v.around(name), more{
			strike: func() (string, error) { return v.cables.unplug(v.hosts[name]) },
			heal:   func() (string, error) { return v.cables.plug(v.hosts[name]) },
		})
	}
	return nil, fmt.Errorf("cut by %s: not known", mode)
}

// more is what is done besides, while an overlay lies; each says what was seen.
type more struct {
	strike, heal func() (seen string, err error)
}

// lay lays the overlay, does what is to be done besides, and returns what takes both away.
func (v view) lay(ctx context.Context, overlay link.Matrix, besides more) (func(context.Context) error, error) {
	v.witness.ready(ctx, overlay)
	v.begin()
	heal, err := v.net.Degrade(ctx, overlay)
	if err != nil {
		return nil, err
	}
	seen := ""
	if besides.strike != nil {
		if seen, err = besides.strike(); err != nil {
			return nil, errors.Join(err, heal(context.WithoutCancel(ctx)))
		}
	}
	v.packets.degraded(v.net)
	v.log(history.Degraded, "", overlay.String())
	if seen != "" {
		v.log(history.Verified, "", "struck: "+seen)
	}
	sight := v.witness.struck(v.strike, overlay)
	return v.leave(strings.ReplaceAll(overlay.String(), "\n", "; "), func(ctx context.Context) error {
		sight.close(ctx, v.clock)
		seen := ""
		err := v.packets.healed(v.net, overlay, func() (err error) {
			if besides.heal != nil {
				if seen, err = besides.heal(); err != nil {
					return err
				}
				besides.heal = nil
			}
			return heal(ctx)
		})
		if err != nil {
			return err
		}
		v.log(history.Restored, "", overlay.String())
		if seen != "" {
			v.log(history.Verified, "", "healed: "+seen)
		}
		v.witness.healed(v.strike, overlay)
		return nil
	}), nil
}

// log records what the strike did, or what was seen of it; subject is "" where that is the links.
func (v view) log(k history.EventKind, subject, detail string) {
	v.event(history.Event{Kind: k, Subject: subject, Detail: detail, Data: map[string]float64{"strike": float64(v.strike)}})
}

// resetTries is how often the hosts are gone through: a connection may have been about to be accepted.
const resetTries = 5

// reset ends every connection that uses the overlay's paths, at both ends: the packet that would tell the other
// one is cut as well. New ones cannot come about, as the cut lies already.
func (v view) reset(overlay link.Matrix) (seen string, err error) {
	peers := map[string][]netip.Addr{}
	for p := range overlay {
		for _, q := range []link.Path{p, p.Back()} {
			if v.hosts[q.From] == nil || v.hosts[q.To] == nil {
				return "", fmt.Errorf("reset the connections on %s: there is no such path", p)
			}
			if a := v.hosts[q.To].Port().Addr; !slices.Contains(peers[q.From], a) {
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
				n, err := v.hosts[name].Reset(peers[name]...)
				if ends[i] += n; err != nil {
					return err
				}
				if left, err = v.hosts[name].Connections(peers[name]...); err != nil || left == 0 {
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

// alone is the host whose every path, to and from all that are in use, is in the overlay.
func (v view) alone(overlay link.Matrix) (string, error) {
	for _, name := range v.used {
		whole := func(other string) bool {
			there := link.Path{From: name, To: other}
			return other == name || overlay[there].Cut && overlay[there.Back()].Cut
		}
		touches := func(p link.Path) bool { return p.From == name || p.To == name }
		if !slices.ContainsFunc(v.used, func(o string) bool { return !whole(o) }) && !slices.ContainsFunc(overlay.Paths(), func(p link.Path) bool { return !touches(p) }) {
			return name, nil
		}
	}
	return "", fmt.Errorf("cut by %s: a host's only interface carries all its paths: want those of one host, both ways, and no others", LinkDown)
}

// around is a cut of everything from and to the host.
func (v view) around(name string) link.Matrix {
	overlay := link.Matrix{}
	for other := range v.hosts {
		if there := (link.Path{From: name, To: other}); other != name {
			overlay[there], overlay[there.Back()] = link.Shape{Cut: true}, link.Shape{Cut: true}
		}
	}
	return overlay
}
