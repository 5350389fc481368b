package link

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A Shape is what happens to the packets of one path. The zero Shape is a perfect wire.
// Probabilities are from 0 to 1, and are drawn for each wire packet, including those of one
// super-frame.
type Shape struct {
	// Delay is added to every packet, one way.
	Delay time.Duration `json:"delay,omitempty"`
	// Jitter spreads the delay, independently for each packet, so packets may overtake each other.
	// It is the unit of the Distribution: half the width of the uniform one, the standard deviation
	// of the others.
	Jitter time.Duration `json:"jitter,omitempty"`
	// Distribution of the delay around Delay. A delay that would be negative is 0.
	Distribution Distribution `json:"distribution,omitempty"`
	// Loss is the probability that a packet is dropped, independently of the others.
	Loss float64 `json:"loss,omitempty"`
	// Burst drops runs of packets, in addition to Loss.
	Burst Burst `json:"burst,omitzero"`
	// Duplicate is the probability that a packet is delivered twice.
	Duplicate float64 `json:"duplicate,omitempty"`
	// Corrupt is the probability that one random bit of a packet is flipped. Checksums are not
	// updated, so receivers that verify them drop the packet.
	Corrupt float64 `json:"corrupt,omitempty"`
	// Reorder is the probability that a packet overtakes those under way: it skips the delay and
	// the queue for the rate, as netem's reorder does. It needs a Delay.
	Reorder float64 `json:"reorder,omitempty"`
	// Rate is how many bits a second leave the path, IP headers included; 0 is no limit. Packets
	// queue for it after their delay, as in netem, and so leave in order whatever the jitter. A
	// full queue (QueueLimit) drops packets.
	Rate uint64 `json:"rate,omitempty"`
	// Cut drops everything.
	Cut bool `json:"cut,omitempty"`
}

// Then returns the shape of a path that applies s first and t after it: delays add, survival
// probabilities multiply, the lower rate wins, and either cut cuts. Two jitters are an error, since
// the sum of two delay distributions is none that a path can have; so are two bursts.
func (s Shape) Then(t Shape) (Shape, error) {
	switch {
	case s.Jitter != 0 && t.Jitter != 0:
		return Shape{}, errors.New("two jitters on one path: a path has at most one delay distribution")
	case s.Burst != (Burst{}) && t.Burst != (Burst{}):
		return Shape{}, errors.New("two bursts on one path: a path has at most one correlated loss")
	}
	sum := Shape{
		Delay:        s.Delay + t.Delay,
		Jitter:       s.Jitter + t.Jitter,
		Distribution: s.Distribution,
		Loss:         either(s.Loss, t.Loss),
		Burst:        s.Burst,
		Duplicate:    either(s.Duplicate, t.Duplicate),
		Corrupt:      either(s.Corrupt, t.Corrupt),
		Reorder:      either(s.Reorder, t.Reorder),
		Rate:         s.Rate,
		Cut:          s.Cut || t.Cut,
	}
	if t.Jitter != 0 {
		sum.Distribution = t.Distribution
	}
	if t.Burst != (Burst{}) {
		sum.Burst = t.Burst
	}
	if s.Rate == 0 || t.Rate != 0 && t.Rate < s.Rate {
		sum.Rate = t.Rate
	}
	return sum, nil
}

// either returns the probability that at least one of two independent events happens. It is exact
// if one of the probabilities is 0.
func either(a, b float64) float64 { return a + b*(1-a) }

// Validate returns what is wrong with the shape, if anything.
func (s Shape) Validate() error {
	switch {
	case s.Delay < 0:
		return fmt.Errorf("delay %v: must not be negative", s.Delay)
	case s.Jitter < 0:
		return fmt.Errorf("jitter %v: must not be negative", s.Jitter)
	case s.Jitter > s.Delay && s.Distribution == Uniform:
		return fmt.Errorf("jitter %v: must not exceed the delay, %v", s.Jitter, s.Delay)
	case s.Jitter == 0 && s.Distribution != Uniform:
		return fmt.Errorf("distribution %s: needs a jitter", s.Distribution)
	case s.Reorder != 0 && s.Delay == 0:
		return errors.New("reorder: needs a delay, which the packets that overtake others skip")
	}
	for _, p := range []struct {
		name  string
		value float64
	}{{"loss", s.Loss}, {"duplicate", s.Duplicate}, {"corrupt", s.Corrupt}, {"reorder", s.Reorder}} {
		if err := validProbability(p.name, p.value); err != nil {
			return err
		}
	}
	return errors.Join(s.Distribution.Validate(), s.Burst.Validate())
}

func validProbability(name string, p float64) error {
	if p >= 0 && p <= 1 { // NaN is not
		return nil
	}
	return fmt.Errorf("%s %v: must be from 0 to 1", name, p)
}

// String returns the shape as the plan prints it: "10ms ±2ms normal, loss 1%, rate 10 Mbit/s",
// "cut", or "wire".
func (s Shape) String() string {
	var parts []string
	if s.Cut {
		return "cut"
	}
	if s.Delay != 0 || s.Jitter != 0 {
		d := s.Delay.String()
		if s.Jitter != 0 {
			d += " ±" + s.Jitter.String()
		}
		if s.Distribution != Uniform {
			d += " " + s.Distribution.String()
		}
		parts = append(parts, d)
	}
	chance := func(name string, p float64) {
		if p != 0 {
			parts = append(parts, name+" "+percent(p))
		}
	}
	chance("loss", s.Loss)
	if s.Burst != (Burst{}) {
		parts = append(parts, s.Burst.String())
	}
	chance("duplicate", s.Duplicate)
	chance("corrupt", s.Corrupt)
	chance("reorder", s.Reorder)
	if s.Rate != 0 {
		parts = append(parts, "rate "+rateString(s.Rate))
	}
	if len(parts) == 0 {
		return "wire"
	}
	return strings.Join(parts, ", ")
}

func percent(p float64) string { return fmt.Sprintf("%.4g%%", p*100) }

// rateString returns a rate with its unit: "10 Mbit/s".
func rateString(r uint64) string {
	for _, u := range []struct {
		size float64
		name string
	}{{1e9, "Gbit/s"}, {1e6, "Mbit/s"}, {1e3, "kbit/s"}} {
		if float64(r) >= u.size {
			return strconv.FormatFloat(float64(r)/u.size, 'g', 4, 64) + " " + u.name
		}
	}
	return strconv.FormatUint(r, 10) + " bit/s"
}
