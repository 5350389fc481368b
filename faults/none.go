package faults

import (
	"math/rand/v2"

	"github.com/spf13/pflag"

	"github.com/reckon-bench/reckon/reckon"
)

// In a comma list none adds nothing: none,leader strikes as leader does, so that scripts may put lists together.
func init() {
	reckon.Faults.Register(reckon.Word[reckon.Fault]{
		Name: "none",
		Doc:  "nothing goes wrong: what every other fault is compared with; beside others it adds nothing",
		New:  func(*pflag.FlagSet) reckon.Fault { return none{} },
	})
}

type none struct{}

func (none) Validate(s reckon.Setting) error { return noTarget.judge(s) }

func (none) Strikes(reckon.Setting, *rand.Rand) []reckon.Strike { return nil }
