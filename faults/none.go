package faults

import (
	"math/rand/v2"

	"github.com/spf13/pflag"

	"github.com/reckon-bench/reckon/reckon"
)

// In a comma list none adds nothing: none,leader is the same as leader, so that scripts may join
// lists.
func init() {
	reckon.Faults.Register(reckon.Word[reckon.Fault]{
		Name:   "none",
		Doc:    "no fault: the baseline for all others; in a list with others it adds nothing",
		Source: "the run that every other is compared with",
		New:    func(*pflag.FlagSet) reckon.Fault { return none{} },
	})
}

type none struct{}

func (none) Validate(s reckon.Setting) error { return noTarget.check(s) }

func (none) Strikes(reckon.Setting, *rand.Rand) []reckon.Strike { return nil }
