package reckon

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
func (w *witness) seeHealed(s *sight) (string, error) {
	overlay := s.overlay
	cut, bent := sortOut(overlay)
	left := slices.Concat(cut, bent)
	var said []string
	for range witnessTries {
		seen, unseen, err := w.seeHeal(left, s)
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
func (w *witness) seeHeal(paths []link.Path, s *sight) (seen string, unseen []link.Path, err error) {
	overlay := s.overlay
	m := w.now() // first: what was cut before it, another strike may have cut
	before, err := w.fabric.Counters(w.life)
	if err != nil {
		return "", nil, err
	}
	left := slices.DeleteFunc(slices.Clone(paths), func(p link.Path) bool { return m.links[p].Cut })
	held := len(paths) - len(left)
	cut, bent := sortOut(overlay)
	mine := func(ps []link.Path) []link.Path {
		return slices.DeleteFunc(ps, func(p link.Path) bool { return !slices.Contains(left, p) })
	}
	orders := w.orders(m, nil, mine(bent), mine(cut))
	bs, err := w.prober.send(w.life, orders, witnessGap)
	if err != nil {
		return "", nil, err
	}
	defer w.prober.forget(bs)
	if err := w.takenIn(before, bs); err != nil {
		return "", nil, err
	}
	after, err := w.fabric.Counters(w.life)
	if err != nil {
		return "", nil, err
	}
	met := w.met(m, bs)
	s.seen()
	for _, b := range bs {
		if n := after[b.path].Cut - before[b.path].Cut; n > 0 && met[b] && overlay[b.path].Cut {
			return "", nil, fmt.Errorf("%d packets were cut on %s, which is cut no more", n, b.path)
		}
	}
	entered := func(b *burst) bool { // and were not cut, though they may be now
		x, y := before[b.path], after[b.path]
		return met[b] && y.Cut == x.Cut && y.Packets > x.Packets
	}
	err = w.prober.await(w.life, bs, func(b *burst) time.Duration { return w.patience(m, b) }, func(b *burst) bool {
		return whole(b) || overlay[b.path].Cut && reached(b)
	})
	if err != nil {
		return "", nil, err
	}
	var through, taken []*burst
	for _, b := range bs {
		_, delays := w.prober.account(b)
		switch ok, err := w.isHealed(m, b, overlay[b.path].Cut, entered(b), met); {
		case err != nil:
			return "", nil, err
		case !ok:
			unseen = append(unseen, b.path)
		case len(delays) > 0 || w.same(m, b.path):
			through = append(through, b)
		default:
			taken = append(taken, b)
		}
	}
	return healedText(through, taken, held), unseen, nil
}

// isHealed says whether the path of the burst was seen to be as the plan has it; false says that it cannot be told.
func (w *witness) isHealed(m moment, b *burst, wasCut, entered bool, met map[*burst]bool) (bool, error) {
	sent, delays := w.prober.account(b)
	if !wasCut {
		_, err := w.judge(m, []*burst{b}, met)
		if errors.Is(err, errTooSoon) {
			return false, nil
		}
		return err == nil, err
	}
	switch {
	case len(delays) > 0, !w.same(m, b.path) && entered: // the next cut took what was under way
		return true, nil
	case !w.same(m, b.path):
		return false, nil
	}
	return false, fmt.Errorf("none of %d probes came through %s, which is cut no more", sent, b.path)
}

func healedText(through, taken []*burst, held int) string {
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
