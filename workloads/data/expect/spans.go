package expect

import "sort"

// A span is bytes from lo to below hi.
type span struct{ lo, hi int64 }

// spans are those of a file that were written, in order, apart from each other.
type spans []span

// add adds a span, and joins those that touch.
func (s *spans) add(lo, hi int64) {
	if lo >= hi {
		return
	}
	i := sort.Search(len(*s), func(i int) bool { return (*s)[i].hi >= lo })
	j := i
	for ; j < len(*s) && (*s)[j].lo <= hi; j++ {
		lo, hi = min(lo, (*s)[j].lo), max(hi, (*s)[j].hi)
	}
	*s = append((*s)[:i], append(spans{{lo, hi}}, (*s)[j:]...)...)
}

// remove removes what lies in [lo, hi).
func (s *spans) remove(lo, hi int64) {
	var kept spans
	for _, x := range *s {
		if left := (span{x.lo, min(x.hi, lo)}); left.lo < left.hi {
			kept = append(kept, left)
		}
		if right := (span{max(x.lo, hi), x.hi}); right.lo < right.hi {
			kept = append(kept, right)
		}
	}
	*s = kept
}

// cut removes what is at size or beyond.
func (s *spans) cut(size int64) {
	if n := len(*s); n > 0 && (*s)[n-1].hi > size {
		s.remove(size, (*s)[n-1].hi)
	}
}

// within returns what of [lo, hi) they have.
func (s spans) within(lo, hi int64) (all spans) {
	for i := sort.Search(len(s), func(i int) bool { return s[i].hi > lo }); i < len(s) && s[i].lo < hi; i++ {
		all = append(all, span{max(lo, s[i].lo), min(hi, s[i].hi)})
	}
	return all
}
