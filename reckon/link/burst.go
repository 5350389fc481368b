package link

import "errors"

// A Burst is correlated loss. A path is in a good or a bad state, which each wire packet may
// change; a packet is dropped with the probability of the state that it finds. The zero Burst drops
// nothing.
//
// Gilbert, "Capacity of a Burst-Noise Channel" (1960), has Bad < 1 and Good 0; Elliott, "Estimates
// of Error Rates for Codes on Burst-Noise Channels" (1963), adds Good. netem(8) calls it "loss
// gemodel p r 1-h 1-k".
type Burst struct {
	P    float64 `json:"p"`              // probability that a packet turns the good state into the bad
	R    float64 `json:"r"`              // and the bad into the good: bad states last 1/R packets on average
	Bad  float64 `json:"bad"`            // probability of loss in the bad state; 1 is the simple Gilbert model
	Good float64 `json:"good,omitempty"` // and in the good state
}

// Loss returns the share of packets that is lost in the long run.
func (b Burst) Loss() float64 {
	if b.P == 0 {
		return b.Good
	}
	bad := b.P / (b.P + b.R)
	return bad*b.Bad + (1-bad)*b.Good
}

// Validate returns what is wrong with the burst, if anything.
func (b Burst) Validate() error {
	if b == (Burst{}) {
		return nil
	}
	for _, p := range []struct {
		name  string
		value float64
	}{{"burst p", b.P}, {"burst r", b.R}, {"burst loss in the bad state", b.Bad}, {"burst loss in the good state", b.Good}} {
		if err := validProbability(p.name, p.value); err != nil {
			return err
		}
	}
	switch {
	case b.P == 0:
		return errors.New("burst p 0: must be above 0, or no burst ever begins")
	case b.R == 0:
		return errors.New("burst r 0: must be above 0, or the first burst never ends")
	case b.Bad == 0:
		return errors.New("burst loss in the bad state 0: must be above 0; 1 loses all of a burst")
	}
	return nil
}

// String returns the burst as "burst p 1% r 25%", followed by the loss in each state unless that is
// 1 in the bad and 0 in the good state.
func (b Burst) String() string {
	s := "burst p " + percent(b.P) + " r " + percent(b.R)
	if b.Bad != 1 {
		s += " bad " + percent(b.Bad)
	}
	if b.Good != 0 {
		s += " good " + percent(b.Good)
	}
	return s
}
