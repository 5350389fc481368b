package link

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
)

// A Distribution describes a path's delay around its mean, Delay, in units of Jitter. It is a
// string, so that shapes are comparable and can be written as JSON.
type Distribution string

const (
	Uniform Distribution = ""       // even over [Delay-Jitter, Delay+Jitter]
	Normal  Distribution = "normal" // Jitter is the standard deviation
	Pareto  Distribution = "pareto" // a long tail of late packets, with exponent 3 as netem's; Jitter is the standard deviation
)

// trace is the prefix of the distributions that ReadTrace makes; a table follows it.
const trace = "trace:"

// Scale is the unit of a Table, as in netem (NETEM_DIST_SCALE): a deviate of 1 is stored as 8192,
// and none exceeds ±4.
const Scale = 8192

// A Table has deviates that are all equally probable. netem takes it as TCA_NETEM_DELAY_DIST, and
// the user-space fabric draws from the same table, so that both mean the same. The nil table is the
// uniform distribution.
type Table []int16

// Draw returns a random deviate: the delay is Delay + Jitter times that.
func (t Table) Draw(rng *rand.Rand) float64 {
	if len(t) == 0 {
		return 2*rng.Float64() - 1
	}
	return float64(t[rng.IntN(len(t))]) / Scale
}

// Draw returns a random deviate: of mean 0 and standard deviation 1 for Normal and Pareto, even
// over [-1, 1] for Uniform. To draw often, use the Table, which is made once.
func (d Distribution) Draw(rng *rand.Rand) float64 { return d.Table().Draw(rng) }

// Table returns the distribution's table, which must not be modified; nil for Uniform and for what
// Validate refuses.
func (d Distribution) Table() Table {
	switch d {
	case Uniform:
		return nil
	case Normal:
		return normalTable()
	case Pareto:
		return paretoTable()
	}
	t, err := d.decode()
	if err != nil {
		return nil
	}
	return t
}

// Validate returns what is wrong with the distribution, if anything.
func (d Distribution) Validate() error {
	if d == Uniform || d == Normal || d == Pareto {
		return nil
	}
	_, err := d.decode()
	return err
}

// String returns the distribution's name: "uniform", "normal", "pareto" or "trace".
func (d Distribution) String() string {
	switch {
	case d == Uniform:
		return "uniform"
	case strings.HasPrefix(string(d), trace):
		return strings.TrimSuffix(trace, ":")
	}
	return string(d)
}

// tableSize is a power of two, so that netem's remainder of a random number is unbiased, and small
// enough to be sent to the kernel (NETEM_DIST_MAX is 16384).
const tableSize = 4096

var normalTable = sync.OnceValue(func() Table {
	return standardTable(func(p float64) float64 { return math.Sqrt2 * math.Erfinv(2*p-1) })
})

// paretoTable is a Pareto distribution with exponent 3, as iproute2's pareto.c makes it. That one
// divides by the variance instead of the standard deviation, and clips afterwards, so its standard
// deviation is 0.82 times the jitter; here it is the jitter.
var paretoTable = sync.OnceValue(func() Table {
	// Deviates are at most 4, which this value becomes. All values beyond it, 2 % of the packets,
	// are clipped to it.
	const most = 3.71
	return standardTable(func(p float64) float64 { return min(math.Pow(1-p, -1./3), most) })
})

// standardTable samples a quantile function evenly, and shifts and scales the sample to mean 0 and
// standard deviation 1.
func standardTable(quantile func(p float64) float64) Table {
	values := make([]float64, tableSize)
	for i := range values {
		values[i] = quantile((float64(i) + 0.5) / tableSize)
	}
	mean, sd := moments(values)
	return encode(values, mean, sd)
}

// encode returns a table of (value - mean) / unit.
func encode(values []float64, mean, unit float64) Table {
	t := make(Table, len(values))
	for i, v := range values {
		x := math.Round((v - mean) / unit * Scale)
		t[i] = int16(min(max(x, -math.MaxInt16), math.MaxInt16))
	}
	return t
}

// moments returns the mean and the population standard deviation of the values, of which there must
// be some.
func moments(values []float64) (mean, sd float64) {
	for _, v := range values {
		mean += v / float64(len(values))
	}
	for _, v := range values {
		sd += (v - mean) * (v - mean) / float64(len(values))
	}
	return mean, math.Sqrt(sd)
}

// traceSize is the number of deviates in a trace's table.
const traceSize = 128

// traceDistribution writes a trace's table as base64 of little-endian 16-bit numbers.
func traceDistribution(t Table) Distribution {
	var b []byte
	for _, v := range t {
		b = binary.LittleEndian.AppendUint16(b, uint16(v))
	}
	return Distribution(trace + base64.RawStdEncoding.EncodeToString(b))
}

func (d Distribution) decode() (Table, error) {
	text, ok := strings.CutPrefix(string(d), trace)
	if !ok {
		return nil, fmt.Errorf("distribution %q: must be normal, pareto or a trace; none is uniform", string(d))
	}
	b, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil || len(b) != 2*traceSize {
		return nil, fmt.Errorf("distribution trace: want a table of %d numbers", traceSize)
	}
	t := make(Table, traceSize)
	for i := range t {
		t[i] = int16(binary.LittleEndian.Uint16(b[2*i:]))
	}
	return t, nil
}
