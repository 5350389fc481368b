package plan

import (
	"cmp"
	"slices"
	"time"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/seed"
)

// A Strike is a reckon.Strike with its place in the plan.
type Strike struct {
	reckon.Strike
	Fault string // the word
	Queue string // strikes of the run that wait for each other share it
	Index int    // among all strikes of the run, from 0
}

// StrikesAnew asks all faults for their strikes again. Those of two calls share nothing that their
// Inject binds.
func (p *Plan) StrikesAnew() (all []Strike) {
	for _, f := range p.Faults {
		for _, s := range f.Value.Strikes(p.Setting, seed.Stream(p.Options.Seed, "fault "+f.Name)) {
			all = append(all, Strike{s, cmp.Or(s.Word, f.Name), f.Name + " " + s.Line, len(all)})
		}
	}
	return all
}

// An End is one end of a strike: its injection or its healing.
type End struct {
	At     time.Duration // since the start of the load
	Heal   bool
	Strike Strike
}

// Ends returns both ends of all strikes in order of time; at one instant healing comes first.
func Ends(strikes []Strike) []End {
	var all []End
	for _, s := range strikes {
		all = append(all, End{s.From, false, s}, End{s.To, true, s})
	}
	slices.SortStableFunc(all, func(a, b End) int {
		if c := cmp.Compare(a.At, b.At); c != 0 || a.Strike.Index == b.Strike.Index {
			return c
		}
		return cmp.Compare(rank(a.Heal), rank(b.Heal))
	})
	return all
}

func rank(heal bool) int {
	if heal {
		return 0
	}
	return 1
}
