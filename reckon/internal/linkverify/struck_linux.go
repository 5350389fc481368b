package linkverify

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/reckon-bench/reckon/reckon/clock"
	"github.com/reckon-bench/reckon/reckon/link"
)

// seeStruck looks at cut paths, on which nothing may arrive and the fabric must count what is sent;
// at paths that are worse than they were, which must be as the plan now has them; and at paths beside cut ones, which must
// pass. The strike may be healed as soon as the links have taken the first probes in.
func (v *Verifier) seeStruck(overlay link.Matrix, s *Observation) (seen string, err error) {
	cut, degraded := sortOut(overlay)
	for range verifyTries {
		if seen, err = v.lookAt(overlay, cut, degraded, s); !errors.Is(err, errTooSoon) {
			break
		}
		cut = nil // cuts need no second look: they hold whatever lies over them
	}
	return seen, err
}

// lookAt probes the paths once and says what was seen.
func (v *Verifier) lookAt(overlay link.Matrix, cut, degraded []link.Path, s *Observation) (string, error) {
	before, err := v.Fabric.Counters(v.Life)
	if err != nil {
		return "", err
	}
	m := v.now()
	if s.closed.Load() != 0 {
		return "", errTooSoon
	}
	var beside []link.Path
	if len(cut) > 0 {
		beside = v.beside(overlay, cut, m.links)
	}
	down := v.Down()
	ts, err := v.Prober.send(v.Life, v.orders(m, cut, degraded, beside), trainGap)
	if err != nil {
		return "", err
	}
	defer v.Prober.forget(ts)
	maps.Copy(down, v.Down()) // by a strike of this moment
	cuts, degradedTrains, controls := ts[:len(cut)], ts[len(cut):len(cut)+len(degraded)], ts[len(cut)+len(degraded):]
	if err := v.counted(before, wired(cuts, down)); err != nil {
		return "", err
	}
	if err := v.takenIn(before, degradedTrains); err != nil {
		return "", err
	}
	met := v.met(m, ts)
	if len(degradedTrains) == 0 || slices.ContainsFunc(degradedTrains, func(t *train) bool { return met[t] }) { // else there is another try, for which the links must stay
		s.seen()
	}
	err = v.Prober.await(v.Life, ts, func(t *train) time.Duration { return v.patience(m, t) }, func(t *train) bool {
		return slices.Contains(degradedTrains, t) && (whole(t) || !met[t]) || slices.Contains(controls, t) && reached(t)
	})
	if err != nil {
		return "", err
	}
	none, err := v.nothing(cuts, down, s.until())
	if err != nil {
		return "", err
	}
	worse, err := v.judge(m, degradedTrains, met)
	if err != nil {
		return "", err
	}
	pass, err := v.passed(m, controls)
	said := slices.DeleteFunc([]string{none, worse, pass}, func(s string) bool { return s == "" })
	return strings.Join(said, "; "), err
}

// cutProbes is how many probes are sent on a path that lets none through.
const cutProbes = 5

func (v *Verifier) orders(m moment, cut, degraded, beside []link.Path) (orders []order) {
	for _, p := range cut {
		orders = append(orders, order{p, cutProbes})
	}
	for _, p := range degraded {
		orders = append(orders, order{p, toJudge(m.links[p])})
	}
	for _, p := range beside {
		orders = append(orders, order{p, toPass(m.links[p])})
	}
	return orders
}

// met says which of the trains, whose packets the links have just taken in, met them as they were at the moment. What
// becomes of a path afterwards does not matter to a packet, unless it is cut.
func (v *Verifier) met(m moment, ts []*train) map[*train]bool {
	met := map[*train]bool{}
	for _, t := range ts {
		met[t] = v.same(m, t.path)
	}
	return met
}

// patience is how long after its last probe a burst is waited for.
func (v *Verifier) patience(m moment, t *train) time.Duration {
	s := m.links[t.path]
	if s.Cut { // nothing will come; what comes all the same comes as before
		return latest(s) + v.Slack + patienceLossy
	}
	return patience(s, len(t.sent), v.Slack)
}

// sortOut is the paths that the overlay cuts, and those that it only makes worse, as many of each as are looked at.
func sortOut(overlay link.Matrix) (cut, degraded []link.Path) {
	for _, p := range overlay.Paths() {
		if overlay[p].Cut {
			cut = append(cut, p)
		} else if overlay[p] != (link.Shape{}) {
			degraded = append(degraded, p)
		}
	}
	return spread(cut, verifiedCut), spread(degraded, verifiedDegraded)
}

// spread picks n of all, evenly.
func spread[T any](all []T, n int) []T {
	if len(all) <= n {
		return all
	}
	some := make([]T, n)
	for i := range some {
		some[i] = all[i*len(all)/n]
	}
	return some
}

// beside is paths from or to the hosts of cut paths that must still pass.
func (v *Verifier) beside(overlay link.Matrix, cut []link.Path, links link.Matrix) (ps []link.Path) {
	touched := map[string]bool{}
	for _, p := range cut {
		touched[p.From], touched[p.To] = true, true
	}
	hosts := slices.SortedFunc(maps.Keys(v.Prober.hosts), link.CompareHosts)
	for _, a := range hosts {
		for _, t := range hosts {
			p := link.Path{From: a, To: t}
			if _, struck := overlay[p]; !struck && a != t && (touched[a] || touched[t]) && !links[p].Cut && links[p].Burst == (link.Burst{}) {
				ps = append(ps, p)
			}
		}
	}
	return spread(ps, verifiedControls)
}

// toJudge is how many probes show what the path does, toPass how many show that it does something.
func toJudge(s link.Shape) int {
	if survives(s) == 1 {
		return probePackets
	}
	return max(enough(1-survives(s)), probePackets)
}

func toPass(s link.Shape) int { return enough(survives(s)) }

// wired is those of the trains whose path has both its ends up. In a kernel's fabric what is sent to a host that is down
// is dropped before the queues that count: the cable has no carrier.
func wired(ts []*train, down map[string]bool) []*train {
	return slices.DeleteFunc(slices.Clone(ts), func(t *train) bool { return down[t.path.From] || down[t.path.To] })
}

// counted waits, bounded, until the fabric has counted all packets of the trains as cut.
func (v *Verifier) counted(before map[link.Path]link.Counters, ts []*train) error {
	t, now, err := v.watch(ts, func(t *train, now link.Counters) bool {
		return now.Cut >= before[t.path].Cut+v.onLinks(t)
	})
	if t == nil || err != nil {
		return err
	}
	return fmt.Errorf("the links counted %d packets as cut on %s, where %d probes were sent", now.Cut-before[t.path].Cut, t.path, v.onLinks(t))
}

// takenIn waits, bounded, until the fabric has taken in as many packets as the trains have, or something has: what does
// not come in is for those to find out who count what comes out.
func (v *Verifier) takenIn(before map[link.Path]link.Counters, ts []*train) error {
	_, _, err := v.watch(ts, func(t *train, now link.Counters) bool {
		return now.Packets >= before[t.path].Packets+v.onLinks(t)
	})
	return err
}

// onLinks is how many of the burst's packets left their host.
func (v *Verifier) onLinks(t *train) uint64 {
	sent, _ := v.Prober.account(t)
	return uint64(sent - v.Prober.refusals(t))
}

// watch looks at the fabric's counters until they are as they should be for every burst, or returns the first for which they are not after a time.
func (v *Verifier) watch(ts []*train, ok func(*train, link.Counters) bool) (*train, link.Counters, error) {
	for end := time.Now().Add(v.Slack + time.Second); len(ts) > 0; {
		now, err := v.Fabric.Counters(v.Life)
		if err != nil {
			return nil, link.Counters{}, err
		}
		i := slices.IndexFunc(ts, func(t *train) bool { return !ok(t, now[t.path]) })
		if i < 0 {
			break
		}
		if time.Now().After(end) {
			return ts[i], now[ts[i].path], nil
		}
		if err := clock.Rest(v.Life, counterInterval); err != nil {
			return nil, link.Counters{}, err
		}
	}
	return nil, link.Counters{}, nil
}
