package linkverify

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

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
	ts, err := v.Prober.send(v.Life, orders, trainGap)
	if err != nil {
		return "", nil, err
	}
	defer v.Prober.forget(ts)
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
		if n := after[t.path].Cut - before[t.path].Cut; n > 0 && met[t] && overlay[t.path].Cut {
			return "", nil, fmt.Errorf("%d packets were cut on %s, which is cut no more", n, t.path)
		}
	}
	entered := func(t *train) bool { // and were not cut, though they may be now
		x, y := before[t.path], after[t.path]
		return met[t] && y.Cut == x.Cut && y.Packets > x.Packets
	}
	err = v.Prober.await(v.Life, ts, func(t *train) time.Duration { return v.patience(m, t) }, func(t *train) bool {
		return whole(t) || overlay[t.path].Cut && reached(t)
	})
	if err != nil {
		return "", nil, err
	}
	var through, taken []*train
	for _, t := range ts {
		_, delays := v.Prober.account(t)
		switch ok, err := v.isHealed(m, t, overlay[t.path].Cut, entered(t), met); {
		case err != nil:
			return "", nil, err
		case !ok:
			unseen = append(unseen, t.path)
		case len(delays) > 0 || v.same(m, t.path):
			through = append(through, t)
		default:
			taken = append(taken, t)
		}
	}
	return healedText(through, taken, held), unseen, nil
}

// isHealed says whether the path of the burst was seen to be as the plan has it; false says that it cannot be told.
func (v *Verifier) isHealed(m moment, t *train, wasCut, entered bool, met map[*train]bool) (bool, error) {
	sent, delays := v.Prober.account(t)
	if !wasCut {
		_, err := v.judge(m, []*train{t}, met)
		if errors.Is(err, errTooSoon) {
			return false, nil
		}
		return err == nil, err
	}
	switch {
	case len(delays) > 0, !v.same(m, t.path) && entered: // the next cut took what was under way
		return true, nil
	case !v.same(m, t.path):
		return false, nil
	}
	return false, fmt.Errorf("none of %d probes came through %s, which is cut no more", sent, t.path)
}

func healedText(through, taken []*train, held int) string {
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
