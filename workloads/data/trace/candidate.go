package trace

import (
	"iter"

	"github.com/reckon-bench/reckon/workloads/data/stream"
)

// most is in how many places a block that several files share is looked for.
const most = 64

// written returns the sources that the bytes may be: one, or for those of a pool
// every place in which the pool has them.
func (t *Tracer) written(i int, source stream.Source, shared bool) (all []stream.Source) {
	tr := t.trees[i]
	if !shared {
		return []stream.Source{source}
	}
	pool := tr.Pool(source.Generation)
	if pool == nil || source.Stream != 0 {
		return nil
	}
	content := uint64(source.Offset / pool.Unit())
	pool.Blocks(content, func(block uint64) bool {
		if number, off, ok := tr.Holds(source.Generation, block); ok {
			all = append(all, stream.Source{Stream: number, Generation: source.Generation, Offset: off + source.Offset%pool.Unit()})
		}
		return len(all) < most
	})
	return all
}

// candidates are the places in which the source's file had the byte, of the
// generations in which it had a name.
func (t *Tracer) candidates(i int, source stream.Source, at int64) iter.Seq[candidate] {
	return func(yield func(candidate) bool) {
		tr := t.trees[i]
		first, last, ok := tr.Alive(source.Stream)
		if !ok || int(source.Generation) < first || int(source.Generation) > last {
			return
		}
		f, err := tr.Stream(source.Stream)
		if err != nil {
			return
		}
		for _, p := range f.History.Places(source.Generation, source.Offset, uint16(last)) {
			// What stands around the byte may change though it stays in its place.
			for lo := int(p.First); lo <= int(p.Last); {
				hi := lo
				for hi < int(p.Last) && !f.History.Changed(uint16(hi+1)) {
					hi++
				}
				o := Origin{Tree: i, Stream: source.Stream, First: lo, Last: hi, Offset: p.Off}
				c := candidate{Origin: o, view: f.At(uint16(lo))}
				expected := t.hinted && t.tree == i
				c.same = expected && t.stream == source.Stream && p.Off == at
				c.generated = expected && lo <= t.generation && t.generation <= hi
				c.Path = t.path(i, source.Stream, hi)
				if !yield(c) {
					return
				}
				lo = hi + 1
			}
		}
	}
}

// path returns the first name of the stream at the generation.
func (t *Tracer) path(i int, number uint32, generation int) string {
	v, err := t.trees[i].At(generation)
	if err != nil {
		return ""
	}
	for e := range v.Names(number) {
		return v.Path(e)
	}
	return ""
}

// extend finds how far the candidate explains the bytes before and after s.at, up to limit.
func (s *scan) extend(c *candidate, limit int64) error {
	c.before, c.after = 0, 0
	for {
		n := min(choose, s.end-s.at-c.after, c.view.Size()-c.Offset-c.after, limit-c.after)
		if n <= 0 {
			break
		}
		same, err := s.common(c, s.at+c.after, c.Offset+c.after, n)
		if err != nil {
			return err
		}
		if c.after += same; same < n {
			break
		}
	}
	for {
		n := min(choose, s.at-c.before-s.start, c.Offset-c.before, limit-c.before)
		if n <= 0 {
			return nil
		}
		same, err := s.backward(c, s.at-c.before-n, c.Offset-c.before-n, n)
		if err != nil {
			return err
		}
		if c.before += same; same < n {
			return nil
		}
	}
}

// read reads n bytes at at, and those that the candidate has at off.
func (s *scan) read(c *candidate, at, off, n int64) (got, want []byte, err error) {
	got, want = s.compared[:n], s.wanted[:n]
	if at >= s.from && at+n <= s.from+int64(len(s.buf)) {
		copy(got, s.buf[at-s.from:])
	} else if _, err := s.r.ReadAt(got, at); err != nil {
		return nil, nil, err
	}
	_, err = c.view.ReadAt(want, off)
	return got, want, err
}

// common returns how many bytes are alike from the start.
func (s *scan) common(c *candidate, at, off, n int64) (int64, error) {
	got, want, err := s.read(c, at, off, n)
	for i := range got {
		if got[i] != want[i] {
			return int64(i), err
		}
	}
	return n, err
}

// backward returns how many bytes are alike up to the end.
func (s *scan) backward(c *candidate, at, off, n int64) (int64, error) {
	got, want, err := s.read(c, at, off, n)
	for i := len(got) - 1; i >= 0; i-- {
		if got[i] != want[i] {
			return n - 1 - int64(i), err
		}
	}
	return n, err
}
