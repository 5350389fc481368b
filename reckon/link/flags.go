package link

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"github.com/reckon-bench/reckon/reckon/flags"
)

// Flags declare the parts of a Shape, each in the units that reckon's users know.
type Flags struct {
	// Set has a flag for each part, by the part's name: "latency", "loss".
	Set *pflag.FlagSet

	base            time.Duration // the default of the latency
	latency, jitter time.Duration
	spread          spreadValue
	rate            rateValue
	burst           burstValue

	loss, duplicate, corrupt, reorder float64
}

// NewFlags declares the parts of a shape whose latency is the given one by default.
func NewFlags(latency time.Duration) *Flags {
	f := &Flags{Set: pflag.NewFlagSet("shape", pflag.ContinueOnError), base: latency}
	fs := f.Set
	flags.LatencyVar(fs, &f.latency, "latency", latency, "one way, end to end")
	flags.LatencyVar(fs, &f.jitter, "jitter", 0, "spread of the latency: to both sides where it is uniform, else its standard deviation; reorders packets")
	fs.Var(&f.spread, "distribution", "of the latency around its mean; FILE has measured delays, one a line, and with them a latency and a jitter")
	flags.PercentVar(fs, &f.loss, "loss", 0, "packets lost, one way, end to end")
	fs.Var(&f.burst, "burst", "packets lost in bursts as well (Gilbert-Elliott), in percent: that begin a burst, end it, are lost in it (100) and between (0)")
	flags.PercentVar(fs, &f.duplicate, "duplicate", 0, "packets delivered twice")
	flags.PercentVar(fs, &f.corrupt, "corrupt", 0, "packets with a bit flipped")
	flags.PercentVar(fs, &f.reorder, "reorder", 0, "packets that skip the latency and so overtake others")
	fs.Var(&f.rate, "rate", "of each path, such as 100mbit or 1gbit; a bare number is bits a second, and without one there is no limit")
	return f
}

// Bind adds the flags to fs, with the prefix before each name: "link-" gives --link-latency.
func (f *Flags) Bind(fs *pflag.FlagSet, prefix string) {
	f.Set.VisitAll(func(part *pflag.Flag) {
		bound := *part
		bound.Name = prefix + part.Name
		fs.AddFlag(&bound)
	})
}

// LatencyGiven reports whether the latency is not the default.
func (f *Flags) LatencyGiven() bool { return f.latency != f.base }

// Validate returns an error for parts that make no sense together, or none at any latency. It
// begins with the name of the part that is wrong.
func (f *Flags) Validate() error {
	switch {
	case f.loss == 1:
		return errors.New("loss 100: nothing would ever arrive; must be below 100")
	case f.corrupt == 1:
		return errors.New("corrupt 100: every packet would fail its checksum; must be below 100")
	case f.spread.Distribution != Uniform && f.spread.jitter == 0 && f.jitter == 0:
		return fmt.Errorf("jitter %v: must be above 0 for the distribution %s", f.jitter, &f.spread)
	}
	return nil
}

// Shape returns the shape with the latency that was given or, where none was, that of the file of
// measured delays. Its error begins with the name of the part that is wrong.
func (f *Flags) Shape() (Shape, error) {
	latency := f.latency
	if f.spread.jitter != 0 && (latency == f.base || latency == 0) {
		latency = f.spread.mean
	}
	return f.ShapeAt(latency)
}

// ShapeAt is Shape with another latency.
func (f *Flags) ShapeAt(latency time.Duration) (Shape, error) {
	s := Shape{
		Delay: latency, Jitter: cmp.Or(f.jitter, f.spread.jitter), Distribution: f.spread.Distribution,
		Loss: f.loss, Burst: Burst(f.burst),
		Duplicate: f.duplicate, Corrupt: f.corrupt, Reorder: f.reorder, Rate: uint64(f.rate),
	}
	switch {
	case s.Jitter > latency && s.Distribution == Uniform:
		return s, fmt.Errorf("jitter %v: must not exceed the latency, %v", s.Jitter, latency)
	case s.Reorder > 0 && latency == 0:
		return s, errors.New("reorder: needs a latency, which the packets that overtake others skip")
	}
	return s, nil
}
