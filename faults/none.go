package faults

import (
	"math/rand/v2"

	"github.com/spf13/pflag"

	"github.com/reckon-bench/reckon"
)

func init() {
	reckon.Faults.Register(reckon.Word[reckon.Fault]{
		Name: "none",
		Doc:  "nothing goes wrong: what every other fault is compared with",
		New:  func(*pflag.FlagSet) reckon.Fault { return none{} },
	})
}

type none struct{}

func (none) Strikes(reckon.Setting, *rand.Rand) []reckon.Strike { return nil }
