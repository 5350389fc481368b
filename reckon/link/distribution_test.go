package link_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/reckon-bench/reckon/reckon/link"
)

// Deviates have mean 0 and standard deviation 1, up to what 8192 steps and 1,000,000 draws allow.
func TestDistributionMoments(t *testing.T) {
	const n = 1_000_000
	for _, tt := range []struct {
		d           link.Distribution
		sd          float64
		least, most float64 // that may come
		median      float64
	}{
		{link.Uniform, 1 / math.Sqrt(3), -1, 1, 0},
		{link.Normal, 1, -4, 4, 0},
		{link.Pareto, 1, -1, 4, -0.362}, // most are early, a few very late
	} {
		t.Run(tt.d.String(), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(1, 2))
			xs := make([]float64, n)
			for i := range xs {
				xs[i] = tt.d.Draw(rng)
			}
			mean, sd := meanSD(xs)
			slices.Sort(xs)
			if math.Abs(mean) > 0.005 || math.Abs(sd-tt.sd) > 0.01 || math.Abs(xs[n/2]-tt.median) > 0.01 {
				t.Errorf("mean %.4f, deviation %.4f, median %.3f, want 0, %.4f, %.2f", mean, sd, xs[n/2], tt.sd, tt.median)
			}
			if xs[0] < tt.least || xs[n-1] > tt.most || xs[n-1] < 0.9*tt.most {
				t.Errorf("from %v to %v, want from %v to %v", xs[0], xs[n-1], tt.least, tt.most)
			}
		})
	}
}

func meanSD(xs []float64) (mean, sd float64) {
	for _, x := range xs {
		mean += x / float64(len(xs))
	}
	for _, x := range xs {
		sd += (x - mean) * (x - mean) / float64(len(xs))
	}
	return mean, math.Sqrt(sd)
}

// Nothing of a table is cut off: netem would draw the rest from a lopsided distribution.
func TestTables(t *testing.T) {
	for _, d := range []link.Distribution{link.Normal, link.Pareto} {
		table := d.Table()
		sum := 0
		for _, v := range table {
			sum += int(v)
		}
		if mean := float64(sum) / float64(len(table)) / link.Scale; math.Abs(mean) > 1e-4 {
			t.Errorf("%v: mean %v", d, mean)
		}
		if last := table[len(table)-1]; last == math.MaxInt16 || !slices.IsSorted(table) {
			t.Errorf("%v: ends at %d", d, last)
		}
	}
	if link.Uniform.Table() != nil || link.Distribution("nonsense").Table() != nil {
		t.Error("a table of nothing")
	}
}

func TestReadTrace(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		mean, sd   time.Duration // of the delays in the text
	}{
		{"two values, with units and remarks", "# measured\n10\n\n 20ms # late\n", 15 * ms, 5 * ms},
		{"one in a hundred is very late and shares a part with others", strings.Repeat("10\n", 99) + "1s\n", 19900 * time.Microsecond, 98503 * time.Microsecond},
		{"many", many(1000), 49950 * time.Microsecond, 28866 * time.Microsecond},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, mean, jitter, err := link.ReadTrace(strings.NewReader(tt.text))
			if err != nil {
				t.Fatal(err)
			}
			shape := link.Shape{Delay: mean, Jitter: jitter, Distribution: d}
			if err := shape.Validate(); err != nil || d.String() != "trace" {
				t.Errorf("%v: %v", shape, err)
			}
			var delays []float64
			for _, v := range d.Table() {
				delays = append(delays, float64(mean)+float64(jitter)*float64(v)/link.Scale)
			}
			m, sd := meanSD(delays)
			if math.Abs(m-float64(tt.mean)) > 1e-3*float64(tt.mean) || math.Abs(sd-float64(tt.sd)) > 0.09*float64(tt.sd) {
				t.Errorf("mean %v, deviation %v, want %v, %v", time.Duration(m), time.Duration(sd), tt.mean, tt.sd)
			}
		})
	}
}

// many are n delays from 0 to 100 ms.
func many(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintln(&b, float64((i*37)%n)/float64(n)*100)
	}
	return b.String()
}

func TestReadTraceRefuses(t *testing.T) {
	for _, text := range []string{"", "# nothing\n", "10\n10\n", "ten\n", "-1\n5\n", "NaN\n5\n", "2h\n1\n"} {
		if d, _, _, err := link.ReadTrace(strings.NewReader(text)); err == nil {
			t.Errorf("%q is the trace %q", text, d)
		} else {
			t.Log(err)
		}
	}
}
