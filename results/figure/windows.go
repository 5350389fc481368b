package figure

import (
	"time"

	"github.com/reckon-bench/reckon/results/canvas"
	"github.com/reckon-bench/reckon/results/summary"
)

// windows cut the load into pieces of equal length.
type windows struct {
	r     *summary.Reading
	width float64 // seconds
	n     int
}

// windowsOf makes about so many windows, but each long enough for so many operations to be due in
// it.
func (v *view) windowsOf(number, operations int) windows {
	width := v.end / float64(number)
	if n := v.s.Ops.Offered; n > 0 {
		width = max(width, float64(operations)*v.end/float64(n))
	}
	width = canvas.Nice(min(width, v.end/10))
	// A last one that is not half full is left out: a rate over a sliver is noise.
	return windows{v.Reading, width, max(1, int(v.end/width+0.5))}
}

// of returns the window into which the instant falls, and whether there is one.
func (w windows) of(at time.Duration) (int, bool) {
	t := w.r.Since(at)
	i := int(t / w.width)
	return i, t >= 0 && i < w.n
}

// series makes a value for each window.
func (w windows) series(value func(i int) float64) canvas.Series {
	s := canvas.Series{Width: w.width, Values: make([]float64, w.n)}
	for i := range s.Values {
		s.Values[i] = value(i)
	}
	return s
}
