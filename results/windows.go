package results

import "time"

// windows cut the load into pieces of equal length.
type windows struct {
	r     *reading
	width float64 // seconds
	n     int
}

// windowsOf makes about so many windows, but each long enough for so many operations to be due in it.
func (v *view) windowsOf(number, operations int) windows {
	width := v.end / float64(number)
	if n := v.s.Ops.Offered; n > 0 {
		width = max(width, float64(operations)*v.end/float64(n))
	}
	width = nice(min(width, v.end/10))
	// A last one that is not half full is left out: a rate over a sliver is noise.
	return windows{v.reading, width, max(1, int(v.end/width+0.5))}
}

// of is the window into which the instant falls, and whether there is one.
func (w windows) of(at time.Duration) (int, bool) {
	t := w.r.since(at)
	i := int(t / w.width)
	return i, t >= 0 && i < w.n
}

// series makes a value for each window.
func (w windows) series(value func(i int) float64) series {
	s := series{width: w.width, values: make([]float64, w.n)}
	for i := range s.values {
		s.values[i] = value(i)
	}
	return s
}
