package linkverify

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/reckon-bench/reckon/reckon/internal/expect"
	"github.com/reckon-bench/reckon/reckon/internal/probe"

	"github.com/reckon-bench/reckon/reckon/clock"
	"github.com/reckon-bench/reckon/reckon/link"
)

// seeStruck looks at cut paths, on which nothing may arrive and the fabric must count what is sent;
// at paths that are worse than they were, which must be as the plan now has them; and at paths
// beside cut ones, which must pass. The strike may be healed as soon as the links have taken the
// first probes in.
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
	ts, err := v.Prober.Send(v.Life, v.orders(m, cut, degraded, beside), trainGap)
	if err != nil {
		return "", err
	}
	defer v.Prober.Forget(ts)
	maps.Copy(down, v.Down()) // by a strike of this moment
	cuts, degradedTrains, controls := ts[:len(cut)], ts[len(cut):len(cut)+len(degraded)], ts[len(cut)+len(degraded):]
	if err := v.counted(before, wired(cuts, down)); err != nil {
		return "", err
	}
	if err := v.takenIn(before, degradedTrains); err != nil {
		return "", err
	}
	met := v.met(m, ts)
	if len(degradedTrains) == 0 || slices.ContainsFunc(degradedTrains, func(t *probe.Train) bool { return met[t] }) { // else there is another try, for which the links must stay
		s.seen()
	}
	err = v.Prober.Await(v.Life, ts, func(t *probe.Train) time.Duration { return v.patience(m, t) }, func(t *probe.Train) bool {
		return slices.Contains(degradedTrains, t) && (t.Whole() || !met[t]) || slices.Contains(controls, t) && t.Reached()
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

func (v *Verifier) orders(m moment, cut, degraded, beside []link.Path) (orders []probe.Order) {
	for _, p := range cut {
		orders = append(orders, probe.Order{Path: p, N: cutProbes})
	}
	for _, p := range degraded {
		orders = append(orders, probe.Order{Path: p, N: toJudge(m.links[p])})
	}
	for _, p := range beside {
		orders = append(orders, probe.Order{Path: p, N: toPass(m.links[p])})
	}
	return orders
}

// met says which of the trains, whose packets the links have just taken in, met them as they were
// at the moment. What becomes of a path afterwards does not matter to a packet, unless it is cut.
func (v *Verifier) met(m moment, ts []*probe.Train) map[*probe.Train]bool {
	met := map[*probe.Train]bool{}
	for _, t := range ts {
		met[t] = v.same(m, t.Path)
	}
	return met
}

// patience is how long after its last probe a burst is waited for.
func (v *Verifier) patience(m moment, t *probe.Train) time.Duration {
	s := m.links[t.Path]
	if s.Cut { // nothing will come; what comes all the same comes as before
		return expect.Latest(s) + v.Slack + probe.PatienceLossy
	}
	return probe.Patience(s, t.Sent(), v.Slack)
}

// sortOut is the paths that the overlay cuts, and those that it only makes worse, as many of each
// as are looked at.
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
	hosts := v.Prober.Hosts()
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
	if expect.Survives(s) == 1 {
		return expect.Packets
	}
	return max(expect.Enough(1-expect.Survives(s)), expect.Packets)
}

func toPass(s link.Shape) int { return expect.Enough(expect.Survives(s)) }

// wired is those of the trains whose path has both its ends up. In a kernel's fabric what is sent
// to a host that is down is dropped before the queues that count: the cable has no carrier.
func wired(ts []*probe.Train, down map[string]bool) []*probe.Train {
	return slices.DeleteFunc(slices.Clone(ts), func(t *probe.Train) bool { return down[t.Path.From] || down[t.Path.To] })
}

// counted waits, bounded, until the fabric has counted all packets of the trains as cut.
func (v *Verifier) counted(before map[link.Path]link.Counters, ts []*probe.Train) error {
	t, now, err := v.watch(ts, func(t *probe.Train, now link.Counters) bool {
		return now.Cut >= before[t.Path].Cut+v.onLinks(t)
	})
	if t == nil || err != nil {
		return err
	}
	return fmt.Errorf("the links counted %d packets as cut on %s, where %d probes were sent", now.Cut-before[t.Path].Cut, t.Path, v.onLinks(t))
}

// takenIn waits, bounded, until the fabric has taken in as many packets as the trains have, or
// something has: what does not come in is for those to find out who count what comes out.
func (v *Verifier) takenIn(before map[link.Path]link.Counters, ts []*probe.Train) error {
	_, _, err := v.watch(ts, func(t *probe.Train, now link.Counters) bool {
		return now.Packets >= before[t.Path].Packets+v.onLinks(t)
	})
	return err
}

// onLinks is how many of the burst's packets left their host.
func (v *Verifier) onLinks(t *probe.Train) uint64 {
	sent, _ := v.Prober.Account(t)
	return uint64(sent - v.Prober.Refusals(t))
}

// watch looks at the fabric's counters until they are as they should be for every burst, or returns
// the first for which they are not after a time.
func (v *Verifier) watch(ts []*probe.Train, ok func(*probe.Train, link.Counters) bool) (*probe.Train, link.Counters, error) {
	for end := time.Now().Add(v.Slack + time.Second); len(ts) > 0; {
		now, err := v.Fabric.Counters(v.Life)
		if err != nil {
			return nil, link.Counters{}, err
		}
		i := slices.IndexFunc(ts, func(t *probe.Train) bool { return !ok(t, now[t.Path]) })
		if i < 0 {
			break
		}
		if time.Now().After(end) {
			return ts[i], now[ts[i].Path], nil
		}
		if err := clock.Rest(v.Life, counterInterval); err != nil {
			return nil, link.Counters{}, err
		}
	}
	return nil, link.Counters{}, nil
}
