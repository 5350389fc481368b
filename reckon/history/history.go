// Package history holds what happened in a run: the operations that clients offered (Op), what
// happened to the hosts and links (Event), what the store itself says it went through (Change), and
// the passes of Kibishii's workers (Pass); and how each is written, one JSON object a line.
//
// An event's facts are typed: events are made by the constructors of facts.go and read by its
// accessors. Detail is text for people, and no code decides by it. Records of before that are read
// by the rule that held then, in decode.go and nowhere else.
//
// Instants are durations since the run's epoch, on one clock for all processes of a run (see
// Clock).
//
// The package does not judge: whether a history is correct is for package check, and what it
// amounts to is for package results.
package history

import (
	"fmt"
	"slices"
	"time"
)

// An Outcome says what is known of an operation's effect. The zero value is
// Unknown, so that forgetting to decide is safe.
type Outcome uint8

const (
	// Unknown: the operation may have taken effect, may yet, or never will.
	// The process that issued it is never used again.
	Unknown Outcome = iota
	// OK: the store acknowledged it.
	OK
	// Failed: it had no effect and never will have one. Only the client of a
	// system may say so. A read that was not answered is always Failed.
	Failed
)

func (o Outcome) String() string {
	switch o {
	case Unknown:
		return "unknown"
	case OK:
		return "ok"
	case Failed:
		return "failed"
	}
	return fmt.Sprintf("Outcome(%d)", uint8(o))
}

// MarshalText and UnmarshalText make outcomes words in JSON.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

func (o *Outcome) UnmarshalText(b []byte) error {
	w, ok := word(string(b), Unknown, OK, Failed)
	if !ok {
		return fmt.Errorf("unknown outcome %q: known are unknown, ok, failed", b)
	}
	*o = w
	return nil
}

// Kind is what an operation does.
type Kind uint8

const (
	Read Kind = iota
	Write
)

func (k Kind) String() string {
	if k == Write {
		return "write"
	}
	return "read"
}

// Stage is the part of the run that offered an operation.
type Stage uint8

const (
	// Load is the open-loop load, the part that is measured.
	Load Stage = iota
	// Preload gives every key a first value before the load.
	Preload
	// Final reads every key through every member after settling.
	Final
	// Probing asks single members whether they serve, with ServingKey. It is no load: its operations
	// count in no figure and no check of the load.
	Probing
)

// ServingKey is the reserved key of Probing: no workload uses it, and changes of it in the store's
// own account are no client's.
const ServingKey = "reckon/serves"

// ProbeProcess is the first logical process of Probing: a client's own processes are below it.
const ProbeProcess = 1_000_000_000

func (s Stage) String() string {
	switch s {
	case Load:
		return "load"
	case Preload:
		return "preload"
	case Final:
		return "final"
	case Probing:
		return "probe"
	}
	return fmt.Sprintf("Stage(%d)", uint8(s))
}

// An Op is one operation of a client on the store.
//
// Latency is Return - Due, not Return - Call: what a client waited for while it
// could not even be sent is part of what its user felt.
type Op struct {
	Stage  Stage
	Client string // the client host, "c1"
	// a logical process: its operations never overlap, and it ends with its first Unknown
	Process int
	Kind    Kind
	Key     string
	// Value is what a write wrote, or what a read answered ("" and Version 0 where there was no
	// such key). Where it is longer than AbridgeOver bytes the record holds Abridge(value).
	Value string
	// Delete says that the write removes the key; its Value is "".
	Delete bool

	Due    time.Duration // when the schedule wanted it, since the epoch
	Call   time.Duration // when it was handed to the client
	Return time.Duration // when its outcome was decided

	Outcome Outcome
	Error   string // why it is not OK

	// Revision is, of a write, the store's revision at which it took effect; of a read, the
	// revision at which the value that it answered was written.
	Revision int64
	Version  int64  // of a read: how often the key has been written, 0 where it does not exist
	Member   string // which member answered, where the client knows
	// Via is the member that the operation was last sent through, set when it is sent, so that a
	// failure counts for its member too; "" where it was never sent, or the client does not say.
	Via string
	// Unobserved: of a read that is OK, the client does not report what the store answered, so
	// Value means nothing.
	Unobserved bool
}

// Latency returns how long the operation's user waited: from due to decided.
func (o Op) Latency() time.Duration { return o.Return - o.Due }

func (o Op) String() string {
	s := fmt.Sprintf("%s/%d %s %s", o.Client, o.Process, o.Kind, o.Key)
	switch {
	case o.Kind == Write:
		s += "=" + o.Value
	case o.Unobserved:
		s += " -> not told"
	case o.Outcome == OK && o.Version == 0 && o.Value == "":
		s += " -> none"
	case o.Outcome == OK:
		s += " -> " + o.Value
	}
	s += fmt.Sprintf(" [%v, %v] %s", o.Call, o.Return, o.Outcome)
	if o.Revision != 0 {
		s += fmt.Sprintf(" at revision %d", o.Revision)
	}
	if o.Error != "" {
		s += " (" + o.Error + ")"
	}
	return s
}

// A Change is one step of the store's own account of its past: the key was
// given the value at the revision, or was deleted.
type Change struct {
	Revision int64  `json:"revision"`
	Version  int64  `json:"version"` // of the key: 1 for the first write since it was created
	Key      string `json:"key"`
	Value    string `json:"value"` // abridged as in Op
	Deleted  bool   `json:"deleted,omitempty"`
	Member   string `json:"member,omitempty"`
}

// A History is all of one run: ops in the order in which they were recorded (roughly by Return),
// events in order of At, changes in the order in which the store gave them, passes in order of Call.
type History struct {
	Ops     []Op
	Events  []Event
	Changes []Change
	Passes  []Pass
}

// Observed returns the history without the reads whose answer is not known, and how many those are.
func (h *History) Observed() (rest *History, unobserved int) {
	for i := range h.Ops {
		if h.Ops[i].Unobserved {
			unobserved++
		}
	}
	if unobserved == 0 {
		return h, 0
	}
	observed := *h
	observed.Ops = make([]Op, 0, len(h.Ops)-unobserved)
	for _, o := range h.Ops {
		if !o.Unobserved {
			observed.Ops = append(observed.Ops, o)
		}
	}
	return &observed, unobserved
}

// Unprobed returns the history without the operations of Probing.
func (h *History) Unprobed() *History {
	probed := func(o Op) bool { return o.Stage == Probing }
	if !slices.ContainsFunc(h.Ops, probed) {
		return h
	}
	rest := *h
	rest.Ops = slices.DeleteFunc(slices.Clone(h.Ops), probed)
	return &rest
}

// PhaseStart returns the instant at which the run entered the phase, and whether it did.
func (h *History) PhaseStart(name string) (time.Duration, bool) {
	for _, e := range h.Events {
		if e.Kind == Phase && e.Subject == name {
			return e.At, true
		}
	}
	return 0, false
}
