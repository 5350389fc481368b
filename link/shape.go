package link

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// A Shape is what befalls the packets of one path. The zero Shape is a perfect wire.
type Shape struct {
	// Delay is added to every packet, one way.
	Delay time.Duration `json:"delay,omitempty"`
	// Jitter spreads the delay evenly over [Delay-Jitter, Delay+Jitter], independently for each packet,
	// so packets may overtake each other. It is at most Delay.
	Jitter time.Duration `json:"jitter,omitempty"`
	// Loss is the probability, in [0, 1], that a wire packet is dropped, independently of the others.
	Loss float64 `json:"loss,omitempty"`
	// Cut drops everything.
	Cut bool `json:"cut,omitempty"`
}

// Then is the shape of a path that has s first and t after it: delays add,
// survival multiplies, cuts OR. Two jitters are an error: the
// sum of two delay distributions is none that a path can have.
func (s Shape) Then(t Shape) (Shape, error) {
	if s.Jitter != 0 && t.Jitter != 0 {
		return Shape{}, errors.New("two jitters on one path: a path has at most one delay distribution")
	}
	return Shape{
		Delay:  s.Delay + t.Delay,
		Jitter: s.Jitter + t.Jitter,
		Loss:   s.Loss + t.Loss*(1-s.Loss), // exact where one of them is 0
		Cut:    s.Cut || t.Cut,
	}, nil
}

// Validate says what is wrong with the shape, if anything.
func (s Shape) Validate() error {
	switch {
	case s.Delay < 0:
		return fmt.Errorf("delay %v: must not be negative", s.Delay)
	case s.Jitter < 0:
		return fmt.Errorf("jitter %v: must not be negative", s.Jitter)
	case s.Jitter > s.Delay:
		return fmt.Errorf("jitter %v: must not exceed the delay, %v", s.Jitter, s.Delay)
	case !(s.Loss >= 0 && s.Loss <= 1): // also refuses NaN
		return fmt.Errorf("loss %v: must be from 0 to 1", s.Loss)
	}
	return nil
}

// String prints the shape as the plan does: "10ms ±2ms, loss 1%", "cut", or "wire".
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
		parts = append(parts, d)
	}
	if s.Loss != 0 {
		parts = append(parts, fmt.Sprintf("loss %.4g%%", s.Loss*100))
	}
	if len(parts) == 0 {
		return "wire"
	}
	return strings.Join(parts, ", ")
}
