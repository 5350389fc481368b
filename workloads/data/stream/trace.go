package stream

// A run is bytes of the new file that come from one part: of the old file, or
// of what the generation wrote. In bytes.
type run struct {
	written bool
	from    int64 // in the old file, or in the generation's source
	n       int64
}

// runs calls yield with the runs of [off, off+n) of the new file, in order. It
// reports whether yield wanted all of them.
func (s *Step) runs(off, n int64, yield func(run) bool) bool {
	a, end := s.align, off+n
	limit := s.New - s.Append - s.Old%a // what is left behind the last unit belongs to no stratum
	if off < limit {
		var parts [7]part
		j, from, to := s.stratumOf(off/a, limit/a, edge.new)
		for ; off < end; j, from, to = j+1, to, s.edge(j+2) {
			s.stratum(j, from, to, &parts)
			for i := range parts {
				p := &parts[i]
				stop := min(end, (p.new+p.newLen())*a)
				if stop <= off {
					continue
				}
				into := off - p.new*a
				r := run{p.op != keep, p.old*a + into, stop - off}
				if r.written {
					r.from = p.src*a + into
				}
				if !yield(r) {
					return false
				}
				off = stop
			}
			if j == 1<<s.log2-1 {
				break
			}
		}
	}
	tail := s.New - s.Append
	if stop := min(end, tail); off < stop {
		if !yield(run{false, s.Old - (tail - off), stop - off}) {
			return false
		}
		off = stop
	}
	return off >= end || yield(run{true, s.Added() - (s.New - off), end - off})
}

// moved returns where the byte at old stands after the step, and false if it was deleted or overwritten.
func (s *Step) moved(old int64) (int64, bool) {
	a := s.align
	if old >= s.units()*a {
		return old + s.New - s.Append - s.Old, true
	}
	x := old / a
	var parts [7]part
	j, from, to := s.stratumOf(x, s.units(), func(e edge) int64 { return e.old })
	s.stratum(j, from, to, &parts)
	for _, p := range parts {
		if x >= p.old && x < p.old+p.oldLen() {
			return p.new*a + old - p.old*a, p.op == keep
		}
	}
	return 0, false
}

// placed returns where the byte of the generation's source stands after the step.
func (s *Step) placed(src int64) (int64, bool) {
	if src < 0 || src >= s.Added() {
		return 0, false
	}
	if tail := s.Added() - s.Append; src >= tail {
		return s.New - s.Append + src - tail, true
	}
	x, n, shift := src/s.align, s.Insert, int64(0)
	kind, start := insert, func(e edge) int64 { return e.insert }
	if x >= s.Insert {
		kind, x, n, shift, start = overwrite, x-s.Insert, s.Overwrite, s.Insert, func(e edge) int64 { return e.overwrite }
	}
	var parts [7]part
	j, from, to := s.stratumOf(x, n, start)
	s.stratum(j, from, to, &parts)
	for _, p := range parts {
		if p.op == kind {
			return (p.new+x+shift-p.src)*s.align + src%s.align, true
		}
	}
	return 0, false
}
