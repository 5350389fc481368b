package linkverify

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/reckon-bench/reckon/reckon/internal/probe"
	"github.com/reckon-bench/reckon/reckon/link"
)

// seeHealed looks at the overlay's paths until each has passed a probe, is as the
// plan now has it, or is cut by another strike, a bounded number of times.
func (v *Verifier) seeHealed(s *Observation) (string, error) {
	overlay := s.overlay
	cut, degraded := sortOut(overlay)
	left := slices.Concat(cut, degraded)
	var said []string
	for range verifyTries {
		seen, unseen, err := v.seeHeal(left, s)
		if err != nil {
			return "", err
		}
		if seen != "" {
			said = append(said, seen)
		}
		if left = unseen; len(left) == 0 {
			return strings.Join(said, "; "), nil
		}
	}
	if len(said) == 0 {
		return "", errTooSoon
	}
	return fmt.Sprintf("%s; %d paths were struck again before they could be seen", strings.Join(said, "; "), len(left)), nil
}

// seeHeal looks once, and returns what cannot be told yet.
func (v *Verifier) seeHeal(paths []link.Path, s *Observation) (seen string, unseen []link.Path, err error) {
	overlay := s.overlay
	m := v.now() // first: what was cut before it, another strike may have cut
	before, err := v.Fabric.Counters(v.Life)
	if err != nil {
		return "", nil, err
	}
	left := slices.DeleteFunc(slices.Clone(paths), func(p link.Path) bool { return m.links[p].Cut })
	held := len(paths) - len(left)
	cut, degraded := sortOut(overlay)
	mine := func(ps []link.Path) []link.Path {
		return slices.DeleteFunc(ps, func(p link.Path) bool { return !slices.Contains(left, p) })
	}
	orders := v.orders(m, nil, mine(degraded), mine(cut))
	ts, err := v.Prober.Send(v.Life, orders, trainGap)
	if err != nil {
		return "", nil, err
	}
	defer v.Prober.Forget(ts)
	if err := v.takenIn(before, ts); err != nil {
		return "", nil, err
	}
	after, err := v.Fabric.Counters(v.Life)
	if err != nil {
		return "", nil, err
	}
	met := v.met(m, ts)
	s.seen()
	for _, t := range ts {
		if n := after[t.Path].Cut - before[t.Path].Cut; n > 0 && met[t] && overlay[t.Path].Cut {
			return "", nil, fmt.Errorf("%d packets were cut on %s, which is cut no more", n, t.Path)
		}
	}
	entered := func(t *probe.Train) bool { // and were not cut, though they may be now
		x, y := before[t.Path], after[t.Path]
		return met[t] && y.Cut == x.Cut && y.Packets > x.Packets
	}
	err = v.Prober.Await(v.Life, ts, func(t *probe.Train) time.Duration { return v.patience(m, t) }, func(t *probe.Train) bool {
		return t.Whole() || overlay[t.Path].Cut && t.Reached()
	})
	if err != nil {
		return "", nil, err
	}
	var through, taken []*probe.Train
	for _, t := range ts {
		_, delays := v.Prober.Account(t)
		switch ok, err := v.isHealed(m, t, overlay[t.Path].Cut, entered(t), met); {
		case err != nil:
			return "", nil, err
		case !ok:
			unseen = append(unseen, t.Path)
		case len(delays) > 0 || v.same(m, t.Path):
			through = append(through, t)
		default:
			taken = append(taken, t)
		}
	}
	return healedText(through, taken, held), unseen, nil
}

// isHealed says whether the path of the burst was seen to be as the plan has it; false says that it
// cannot be told.
func (v *Verifier) isHealed(m moment, t *probe.Train, wasCut, entered bool, met map[*probe.Train]bool) (bool, error) {
	sent, delays := v.Prober.Account(t)
	if !wasCut {
		_, err := v.judge(m, []*probe.Train{t}, met)
		if errors.Is(err, errTooSoon) {
			return false, nil
		}
		return err == nil, err
	}
	switch {
	case len(delays) > 0, !v.same(m, t.Path) && entered: // the next cut took what was under way
		return true, nil
	case !v.same(m, t.Path):
		return false, nil
	}
	return false, fmt.Errorf("none of %d probes came through %s, which is cut no more", sent, t.Path)
}

func healedText(through, taken []*probe.Train, held int) string {
	var said []string
	if len(through) > 0 {
		said = append(said, "probes pass "+pathList(through))
	}
	if len(taken) > 0 {
		said = append(said, "probes were sent on "+pathList(taken)+", and may have been taken by a later cut")
	}
	if held > 0 {
		said = append(said, fmt.Sprintf("%d paths are still cut by another strike", held))
	}
	return strings.Join(said, "; ")
}
