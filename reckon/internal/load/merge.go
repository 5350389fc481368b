package load

import (
	"iter"

	"github.com/reckon-bench/reckon/reckon"
)

// Merge returns the streams as one, in order of Due.
func Merge(streams []iter.Seq[reckon.Op]) iter.Seq[reckon.Op] {
	if len(streams) == 1 {
		return streams[0]
	}
	return func(yield func(reckon.Op) bool) {
		heads := make([]reckon.Op, len(streams))
		alive := make([]bool, len(streams))
		nexts := make([]func() (reckon.Op, bool), len(streams))
		for i, s := range streams {
			next, stop := iter.Pull(s)
			defer stop()
			nexts[i] = next
			heads[i], alive[i] = next()
		}
		for {
			first := -1
			for i := range heads {
				if alive[i] && (first < 0 || heads[i].Due < heads[first].Due) {
					first = i
				}
			}
			if first < 0 || !yield(heads[first]) {
				return
			}
			heads[first], alive[first] = nexts[first]()
		}
	}
}
