// Package flags holds flag values with units, as reckon's users know them: a bare number is
// milliseconds for a latency, seconds for a duration, percent for a share. Suggest words the error
// for an unknown name.
//
// It knows no flag set of reckon's: packages that declare flags use it.
package flags

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

// LatencyVar declares a flag that is a short time; a bare number is milliseconds.
func LatencyVar(fs *pflag.FlagSet, p *time.Duration, name string, def time.Duration, usage string) {
	*p = def
	fs.Var(&durationValue{p, time.Millisecond, "latency"}, name, usage)
}

// SecondsVar declares a flag that is a time; a bare number is seconds.
func SecondsVar(fs *pflag.FlagSet, p *time.Duration, name string, def time.Duration, usage string) {
	*p = def
	fs.Var(&durationValue{p, time.Second, "duration"}, name, usage)
}

// PercentVar declares a flag that is a share: "5" and "5%" are 0.05. What it sets lies in [0, 1].
func PercentVar(fs *pflag.FlagSet, p *float64, name string, def float64, usage string) {
	*p = def
	fs.Var((*percentValue)(p), name, usage)
}

// SizeVar declares a flag that is a number of bytes, such as 64MiB; a bare number is MiB.
func SizeVar(fs *pflag.FlagSet, p *uint64, name string, def uint64, usage string) {
	*p = def
	fs.Var((*sizeValue)(p), name, usage)
}

// BytesVar declares a flag that is a number of bytes, such as 64KiB; a bare number is bytes.
func BytesVar(fs *pflag.FlagSet, p *int64, name string, def int64, usage string) {
	*p = def
	fs.Var((*bytesValue)(p), name, usage)
}

// ChoiceVar declares a flag that is one of a few words.
func ChoiceVar(fs *pflag.FlagSet, p *string, name, def string, choices []string, usage string) {
	*p = def
	fs.Var(&choiceValue{p, choices}, name, usage)
}

// MaybeSecondsVar declares a flag that is a time, or not set, which is its default.
func MaybeSecondsVar(fs *pflag.FlagSet, p **time.Duration, name, usage string) {
	fs.Var(&maybeDuration{p}, name, usage)
}

type maybeDuration struct{ p **time.Duration }

func (v *maybeDuration) Type() string { return "duration" }

func (v *maybeDuration) String() string {
	if v.p == nil || *v.p == nil {
		return ""
	}
	return (*v.p).String()
}

func (v *maybeDuration) Set(s string) error {
	var d time.Duration
	if err := (&durationValue{&d, time.Second, "duration"}).Set(s); err != nil {
		return err
	}
	*v.p = &d
	return nil
}

type durationValue struct {
	p    *time.Duration
	unit time.Duration
	kind string
}

func (v *durationValue) Type() string   { return v.kind }
func (v *durationValue) String() string { return v.p.String() }

func (v *durationValue) Set(s string) error {
	bare := fmt.Sprintf("a bare number is %s", map[time.Duration]string{time.Millisecond: "milliseconds", time.Second: "seconds"}[v.unit])
	d, err := time.ParseDuration(s)
	if err != nil {
		x, ferr := strconv.ParseFloat(s, 64)
		if ferr != nil {
			return fmt.Errorf("want a %s such as 20ms or 1.5s; %s", v.kind, bare)
		}
		ns := x * float64(v.unit)
		if math.IsNaN(ns) || math.Abs(ns) > float64(math.MaxInt64/2) {
			return fmt.Errorf("out of range; %s", bare)
		}
		d = time.Duration(math.Round(ns))
	}
	if d < 0 {
		return fmt.Errorf("must not be negative")
	}
	*v.p = d
	return nil
}

type percentValue float64

func (v *percentValue) Type() string { return "percent" }
func (v *percentValue) String() string {
	return strconv.FormatFloat(float64(*v)*100, 'g', 12, 64)
}

func (v *percentValue) Set(s string) error {
	x, err := strconv.ParseFloat(strings.TrimSuffix(s, "%"), 64)
	if err != nil || !(x >= 0 && x <= 100) {
		return fmt.Errorf("want a percentage from 0 to 100")
	}
	*v = percentValue(x / 100)
	return nil
}

// Size returns a number of bytes in the largest unit that divides it: "64MiB".
func Size(bytes uint64) string { return (*sizeValue)(&bytes).String() }

type sizeValue uint64

// sizes are the units of a size, the largest first.
var sizes = []struct {
	name string
	size uint64
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}}

func (v *sizeValue) Type() string { return "size" }

func (v *sizeValue) String() string {
	for _, u := range sizes {
		if n := uint64(*v); n >= u.size && n%u.size == 0 {
			return strconv.FormatUint(n/u.size, 10) + u.name
		}
	}
	return "0B"
}

func (v *sizeValue) Set(s string) error {
	n, ok := parseSize(s, 1<<20)
	if !ok {
		return fmt.Errorf("want a size such as 64MiB or 500KiB; a bare number is MiB")
	}
	*v = sizeValue(n)
	return nil
}

// parseSize reads a size; a bare number counts units.
func parseSize(s string, unit uint64) (uint64, bool) {
	number := s
	for _, u := range sizes {
		if rest, ok := strings.CutSuffix(s, u.name); ok {
			unit, number = u.size, rest
			break
		}
	}
	x, err := strconv.ParseFloat(number, 64)
	return uint64(x * float64(unit)), err == nil && x >= 0 && x*float64(unit) <= 1<<50
}

type bytesValue int64

func (v *bytesValue) Type() string   { return "size" }
func (v *bytesValue) String() string { return (*sizeValue)(new(uint64(*v))).String() }

func (v *bytesValue) Set(s string) error {
	n, ok := parseSize(s, 1)
	if !ok {
		return fmt.Errorf("want a size such as 64KiB or 16MiB, at most 1024 TiB; a bare number is bytes")
	}
	*v = bytesValue(n)
	return nil
}

type choiceValue struct {
	p       *string
	choices []string
}

func (v *choiceValue) Type() string   { return strings.Join(v.choices, "|") }
func (v *choiceValue) String() string { return *v.p }

// Choices are the words that it can be, for shell completion.
func (v *choiceValue) Choices() []string { return v.choices }

func (v *choiceValue) Set(s string) error {
	for _, c := range v.choices {
		if s == c {
			*v.p = s
			return nil
		}
	}
	return UnknownChoice(s, v.choices)
}

// UnknownChoice returns the error for a word that is not one of a flag's choices. The flag's name
// is in the error that wraps it.
func UnknownChoice(word string, choices []string) error {
	return fmt.Errorf("unknown word%s; known: %s", DidYouMean(word, choices), strings.Join(choices, ", "))
}
