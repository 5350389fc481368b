package faults

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/spf13/pflag"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/seed"
)

// timelineWord is the word for a file of faults.
const timelineWord = "timeline"

func init() {
	reckon.Faults.Register(reckon.Word[reckon.Fault]{
		Name:   timelineWord,
		Doc:    "the faults of a YAML file, each with its own time and target: --faults FILE in place of the fault word",
		Source: "yours",
		New: func(fs *pflag.FlagSet) reckon.Fault {
			t := &timeline{}
			fs.Var(t, "faults", "the faults with their times and targets, in place of the fault word: a YAML list of {fault: WORD, at: TIME, for: TIME, target: ROLE, with: {FLAG: VALUE}}")
			return t
		},
	})
}

// timeline is the fault that a file describes, and the value of --faults.
type timeline struct{ entries []timed }

// timed is one entry of a timeline, as a plan records it.
type timed struct {
	Word   string            `json:"fault"`
	At     string            `json:"at,omitempty"`
	For    string            `json:"for,omitempty"`
	Target string            `json:"target,omitempty"`
	With   map[string]string `json:"with,omitempty"` // every flag of the word

	at, length *time.Duration
	fault      reckon.Fault
}

// in returns the setting for the entry.
func (e timed) in(s reckon.Setting) reckon.Setting {
	if e.at != nil {
		s.FaultAt = e.at
	}
	if e.length != nil {
		s.FaultFor = e.length
	}
	s.Target = e.Target
	return s
}

// strikes returns the strikes of the entry. Its random stream is named by its place, so that
// another entry at the end changes nothing before it.
func (e timed) strikes(s reckon.Setting, place int) []reckon.Strike {
	return e.fault.Strikes(e.in(s), seed.Stream(s.Seed, fmt.Sprintf("fault %s %d %s", timelineWord, place, e.Word)))
}

func (t *timeline) Validate(s reckon.Setting) error {
	if len(t.entries) == 0 {
		return errors.New("wants a file: --faults FILE.yaml, in place of the fault word")
	}
	if err := noTarget.check(s); err != nil {
		return err
	}
	for i, e := range t.entries {
		if err := e.validate(s, i); err != nil {
			return fmt.Errorf("entry %d, %s: %w", i+1, e.Word, err)
		}
	}
	return nil
}

// Requires returns what the entries require, each named by its place in the file.
func (t *timeline) Requires() (all []reckon.Requirement) {
	for i, e := range t.entries {
		r, ok := e.fault.(reckon.Requirer)
		if !ok {
			continue
		}
		for _, need := range r.Requires() {
			need.By = fmt.Sprintf("--faults, entry %d, %s: %s", i+1, e.Word, need.By)
			all = append(all, need)
		}
	}
	return all
}

// validate returns an error if the entry cannot be injected in the setting.
func (e timed) validate(s reckon.Setting, place int) error {
	if n, ok := e.fault.(reckon.Validator); ok {
		if err := n.Validate(e.in(s)); err != nil {
			return err
		}
	}
	for _, k := range e.strikes(s, place) {
		if k.To > s.Duration || k.From >= s.Duration {
			return fmt.Errorf("strikes from %v to %v, outside the run, which lasts %v", k.From, k.To, s.Duration)
		}
	}
	return nil
}

// Trial returns one with a flaky link, during which the leader is killed, and then a paused follower.
func (*timeline) Trial() reckon.Trial {
	return reckon.Trial{Flags: map[string][]string{"faults": {"[{fault: flaky-link, at: 2s, for: 4s}, " +
		"{fault: leader, at: 3s, for: 2s}, {fault: pause, at: 6s, for: 1s, target: follower}]"}}}
}

func (t *timeline) Strikes(s reckon.Setting, _ *rand.Rand) (all []reckon.Strike) {
	for i, e := range t.entries {
		for _, strike := range e.strikes(s, i) {
			if strike.Word == "" {
				strike.Word = e.Word
			}
			strike.Line = fmt.Sprintf("%d %s", i+1, strike.Line)
			all = append(all, strike)
		}
	}
	slices.SortStableFunc(all, func(a, b reckon.Strike) int { return cmp.Compare(a.From, b.From) })
	return all
}
