package faults

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/spf13/pflag"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/flags"
)

// Faults in a random order, as Jepsen mixes its nemeses. The seed draws them, and the plan lists
// them.
func init() {
	reckon.Faults.Register(reckon.Word[reckon.Fault]{
		Name:   churnWord,
		Doc:    "injects a random fault every --churn-slot during the middle third of the load, among those that heal themselves and fit the number of nodes; each lasts half its slot, and the cluster can recover in the other half",
		Source: "Jepsen's mixed nemeses",
		New: func(fs *pflag.FlagSet) reckon.Fault {
			f := &churn{}
			flags.SecondsVar(fs, &f.slot, "churn-slot", 5*time.Second, "how long a fault drawn by churn and the recovery time after it last together")
			f.bind(fs)
			return f
		},
	})
}

const churnWord = "churn"

type churn struct {
	slot  time.Duration
	words []entry
}

// entry is a word with its fault.
type entry struct {
	word  string
	fault reckon.Fault
}

// bind makes the faults that churn draws from: those that heal themselves. A flag that several of
// them understand is one flag for all.
func (f *churn) bind(fs *pflag.FlagSet) {
	var sets []*pflag.FlagSet
	for _, w := range reckon.Faults.Words() {
		if w.Name == churnWord { // which would bind itself without end
			continue
		}
		own := pflag.NewFlagSet(w.Name, pflag.ContinueOnError)
		fault := w.New(own)
		if h, ok := fault.(reckon.SelfHealing); !ok || !h.HealsItself() {
			continue
		}
		f.words = append(f.words, entry{w.Name, fault})
		sets = append(sets, own)
	}
	for _, own := range sets {
		own.VisitAll(func(flag *pflag.Flag) {
			if shared := fs.Lookup(flag.Name); shared != nil {
				shared.Value = both{shared.Value, flag.Value}
				return
			}
			fs.AddFlag(flag)
		})
	}
}

// both is the value of a flag that sets two values.
type both struct {
	pflag.Value
	other pflag.Value
}

func (v both) Set(s string) error {
	if err := v.other.Set(s); err != nil {
		return err
	}
	return v.Value.Set(s)
}

// fitting returns the faults that the setting of the slot allows.
func (f *churn) fitting(s reckon.Setting) (all []entry) {
	for _, e := range f.words {
		if n, ok := e.fault.(reckon.Validator); !ok || n.Validate(s) == nil {
			all = append(all, e)
		}
	}
	return all
}

// slots returns the setting of each slot, with the window of its fault.
func (f *churn) slots(s reckon.Setting) (all []reckon.Setting) {
	from, to := middle(s)
	for at := from; at+f.slot <= to; at += f.slot {
		half := f.slot / 2
		in := s
		in.FaultAt, in.FaultFor = &at, &half
		all = append(all, in)
	}
	return all
}

// leastSlot is the least length of a slot in election timeouts: a fault of two leads to a new
// leader, and two later the cluster has settled.
const leastSlot = 4

func (f *churn) Validate(s reckon.Setting) error {
	from, to := middle(s)
	switch least := leastSlot * s.ElectionTimeout; {
	case f.slot < least:
		return fmt.Errorf("--churn-slot %v: want at least %v, %d election timeouts", f.slot, least, leastSlot)
	case f.slot > to-from:
		return fmt.Errorf("--churn-slot %v: want at most %v, for which the fault lasts", f.slot, to-from)
	}
	return noTarget.check(s)
}

// Requires returns what the faults require, each requirement once, although the seed may draw none
// of those that ask for it.
func (f *churn) Requires() (all []reckon.Requirement) {
	for _, e := range f.words {
		r, ok := e.fault.(reckon.Requirer)
		if !ok {
			continue
		}
		for _, need := range r.Requires() {
			if !slices.Contains(all, need) {
				all = append(all, need)
			}
		}
	}
	return all
}

// Trial returns one with two slots.
func (*churn) Trial() reckon.Trial {
	return reckon.Trial{Flags: map[string][]string{"duration": {"12s"}, "churn-slot": {"2s"}}}
}

func (f *churn) Strikes(s reckon.Setting, rng *rand.Rand) (all []reckon.Strike) {
	for _, in := range f.slots(s) {
		fit := f.fitting(in)
		if len(fit) == 0 {
			return nil
		}
		drawn := fit[rng.IntN(len(fit))]
		own := rand.New(rand.NewPCG(rng.Uint64(), rng.Uint64()))
		for _, strike := range drawn.fault.Strikes(in, own) {
			strike.Word = drawn.word
			all = append(all, strike)
		}
	}
	return all
}
