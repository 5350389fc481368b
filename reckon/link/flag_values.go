package link

import (
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/reckon-bench/reckon/reckon/flags"
)

// Flag values for what a link does beyond its latency and loss. Each prints what Set accepts, or
// nothing if it was not given.

// rateValue is bits per second: "100mbit", "1gbit", "2.5mbit"; a bare number is bit/s, as in tc(8).
type rateValue uint64

var rateUnits = []struct {
	name string
	size float64
}{{"gbit", 1e9}, {"mbit", 1e6}, {"kbit", 1e3}, {"bit", 1}}

func (v *rateValue) Type() string { return "rate" }

func (v *rateValue) String() string {
	for _, u := range rateUnits {
		if size := uint64(u.size); *v != 0 && uint64(*v)%size == 0 {
			return fmt.Sprintf("%d%s", uint64(*v)/size, u.name)
		}
	}
	return ""
}

func (v *rateValue) Set(s string) error {
	number, size := strings.ToLower(s), 1.
	for _, u := range rateUnits {
		if rest, ok := strings.CutSuffix(number, u.name); ok {
			number, size = rest, u.size
			break
		}
	}
	x, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	bits := math.Round(x * size)
	switch {
	case err != nil || math.IsNaN(x) || x < 0 || bits > 1e13:
		return errors.New("want a rate such as 100mbit or 1gbit; a bare number is bits a second")
	case bits < 1:
		return errors.New("must be above 0; leave it out for no limit")
	}
	*v = rateValue(bits)
	return nil
}

// burstValue is a Gilbert-Elliott model in percent: P,R or P,R,BAD or P,R,BAD,GOOD.
type burstValue Burst

func (v *burstValue) Type() string { return "p,r[,bad[,good]]" }

func (v *burstValue) String() string {
	if *v == (burstValue{}) {
		return ""
	}
	parts := []string{inPercent(v.P), inPercent(v.R)}
	if v.Bad != 1 || v.Good != 0 {
		parts = append(parts, inPercent(v.Bad), inPercent(v.Good))
	}
	return strings.Join(parts, ",")
}

func inPercent(p float64) string { return strconv.FormatFloat(p*100, 'g', 12, 64) }

func (v *burstValue) Set(s string) error {
	const want = "want percentages P,R or P,R,BAD or P,R,BAD,GOOD: of packets that begin a burst, that end one, that are lost in it and between"
	p := []float64{0, 0, 1, 0}
	cells := strings.Split(s, ",")
	if len(cells) < 2 || len(cells) > len(p) {
		return errors.New(want)
	}
	for i, c := range cells {
		x, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(c), "%"), 64)
		if err != nil || !(x >= 0 && x <= 100) {
			return errors.New(want)
		}
		p[i] = x / 100
	}
	b := Burst{P: p[0], R: p[1], Bad: p[2], Good: p[3]}
	if err := b.Validate(); err != nil {
		return err
	}
	*v = burstValue(b)
	return nil
}

// spreadValue is the distribution of the latency: a word, or a file of measured delays, which also
// has a latency and a jitter of its own.
type spreadValue struct {
	Distribution
	mean, jitter time.Duration // of a file
}

func (v *spreadValue) Type() string { return "uniform|normal|pareto|FILE" }

// String never returns a file's name, so that a recorded plan can be made again without the file:
// "trace:TABLE@20ms±3ms".
func (v *spreadValue) String() string {
	if v.jitter == 0 {
		return v.Distribution.String()
	}
	return fmt.Sprintf("%s@%v±%v", string(v.Distribution), v.mean, v.jitter)
}

func (v *spreadValue) Set(s string) error {
	switch d := Distribution(s); {
	case s == Uniform.String():
		*v = spreadValue{}
		return nil
	case d == Normal, d == Pareto:
		*v = spreadValue{Distribution: d}
		return nil
	case strings.HasPrefix(s, "trace:"):
		return v.recorded(s)
	}
	f, err := os.Open(s)
	if err != nil {
		hint := flags.DidYouMean(s, []string{"uniform", "normal", "pareto"})
		return fmt.Errorf("want uniform, normal, pareto or a file of delays, one a line: %s%s", why(err), hint)
	}
	defer f.Close()
	d, mean, jitter, err := ReadTrace(f)
	if err != nil {
		return err
	}
	*v = spreadValue{d, mean, jitter}
	return nil
}

// why returns the reason that a file could not be opened, without its path, which the flag's error
// has.
func why(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// recorded takes what String prints for a file.
func (v *spreadValue) recorded(s string) error {
	table, rest, _ := strings.Cut(s, "@")
	mean, jitter, ok := strings.Cut(rest, "±")
	m, err := time.ParseDuration(mean)
	j, jerr := time.ParseDuration(jitter)
	d := Distribution(table)
	if err := errors.Join(err, jerr, d.Validate()); !ok || err != nil || m < 0 || j <= 0 {
		return errors.New("not a trace that a plan recorded")
	}
	*v = spreadValue{d, m, j}
	return nil
}
