package reckon

import (
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/reckon-bench/reckon/reckon/flags"
)

// CutModeVar declares --cut.
func CutModeVar(fs *pflag.FlagSet, m *CutMode) {
	*m = Drop
	fs.Var((*cutModeValue)(m), "cut", "how paths are cut: packets vanish (drop), connections are reset as well (reset), or the host's interface goes down (link-down)")
}

type cutModeValue CutMode

var cutModes = []string{Drop.String(), Reset.String(), LinkDown.String()}

func (v *cutModeValue) Type() string   { return strings.Join(cutModes, "|") }
func (v *cutModeValue) String() string { return CutMode(*v).String() }

// Choices returns the words that the value can be, for shell completion.
func (v *cutModeValue) Choices() []string { return cutModes }

func (v *cutModeValue) Set(s string) error {
	i := slices.Index(cutModes, s)
	if i < 0 {
		return flags.UnknownChoice(s, cutModes)
	}
	*v = cutModeValue(i)
	return nil
}

// SeedVar declares --seed.
func SeedVar(fs *pflag.FlagSet, p *uint64) {
	fs.Uint64Var(p, "seed", 1, "what every random choice of the run is derived from")
}

// FailureTimeoutVar declares --failure-timeout, which the run and its system share.
func FailureTimeoutVar(fs *pflag.FlagSet, p *time.Duration) {
	flags.SecondsVar(fs, p, "failure-timeout", time.Second, "the system's election timeout")
}
