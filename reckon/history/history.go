// Package history holds what happened in a run: the operations that clients
// offered (Op), what befell the hosts (Event) and what the store itself says
// it went through (Change), and how each is written down, one JSON object a line.
//
// Instants are durations since the run's epoch, on one clock for all processes
// of a run (see Clock).
//
// The package refuses to judge: whether a history is right is package check's
// business, and what it amounts to is package results'.
package history

import (
	"fmt"
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
)

func (s Stage) String() string {
	switch s {
	case Load:
		return "load"
	case Preload:
		return "preload"
	case Final:
		return "final"
	}
	return fmt.Sprintf("Stage(%d)", uint8(s))
}

// An Op is one operation of a client on the store.
//
// Latency is Return - Due, not Return - Call: what a client waited for while it
// could not even be sent is part of what its user felt.
type Op struct {
	Stage   Stage
	Client  string // the client host, "c1"
	Process int    // a logical process of that run: its operations never overlap, and it ends with its first Unknown
	Kind    Kind
	Key     string
	// Value is what a write wrote, or what a read answered ("" and Version 0 where there was no such key).
	// Where it is longer than AbridgeOver bytes the record holds Abridge(value).
	Value string

	Due    time.Duration // when the schedule wanted it, since the epoch
	Call   time.Duration // when it was handed to the client
	Return time.Duration // when its outcome was decided

	Outcome Outcome
	Error   string // why it is not OK

	Revision   int64  // of a write: the store's revision at which it took effect; of a read: the revision at which the value that it answered was written
	Version    int64  // of a read: how often the key has been written, 0 where it does not exist
	Member     string // which member answered, where the client can tell
	Unobserved bool   // of a read that is OK: the client keeps to itself what the store answered, so Value means nothing
}

// Latency is what the operation's user felt: from due to decided.
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

// An Event is something that befell the run other than an operation.
type Event struct {
	At      time.Duration      `json:"at"` // nanoseconds since the epoch
	Kind    EventKind          `json:"kind"`
	Subject string             `json:"subject,omitempty"` // a host, a fault or a phase, as the kind says
	Detail  string             `json:"detail,omitempty"`
	Data    map[string]float64 `json:"data,omitempty"`
}

// EventKind says what an event's other fields mean.
type EventKind string

const (
	// Phase: the run entered phase Subject: "build", "probe", "start", "ready", "preload", "load", "drain", "settle", "final", "collect", "done".
	// The "done" phase's Data holds how many "ops" and "changes" were recorded.
	// The "load" phase's At is the instant from which the load's schedule counts.
	// The "build" phase's Data holds "unix_s", the wall clock's time of the epoch in Unix seconds.
	Phase EventKind = "phase"
	// Struck: strike number Data["strike"] (from 0, over all faults) of fault Subject took effect; Detail says on whom,
	// Data["planned_from"] and ["planned_to"] are seconds since the load started, ["tries"] how often it was tried,
	// ["took_s"] how many seconds before At it first did something (a signal was about to be sent, an overlay to be laid).
	Struck EventKind = "struck"
	// Healed: the same strike was healed at At.
	Healed EventKind = "healed"
	// Verified: what strike Data["strike"] claimed was seen to be so ("struck": the process is gone, probes do not arrive; "healed": it answers again, probes pass), as Detail says.
	Verified EventKind = "verified"
	// Missed: strike Data["strike"] of fault Subject did not strike, or was not seen to; Detail says why. The run is harness.
	Missed EventKind = "missed"
	// Held and Released: node Subject was put into, or let go from, the state Detail ("dead", "paused").
	Held     EventKind = "held"
	Released EventKind = "released"
	// Degraded and Restored: the overlay Detail was laid over the links, or taken away.
	Degraded EventKind = "degraded"
	Restored EventKind = "restored"
	// Settled: after the load the cluster stood, since At: every member served, and Subject had led for two election timeouts.
	Settled EventKind = "settled"
	// Unsettled: it did not come to that within Data["bound_s"] seconds, though every process ran and all was healed; Detail says what was missing.
	Unsettled EventKind = "unsettled"
	// Ended: the process of node Subject ended by itself, after all had been ready, and not for want of something of the machine's; Detail says
	// how, and what it printed. The store broke a promise.
	Ended EventKind = "ended"
	// Leads: node Subject was first seen leading term Data["term"]. Subject "" means that no node leads any more.
	Leads EventKind = "leads"
	// Up and Down: node Subject began, or ceased, to answer.
	Up   EventKind = "up"
	Down EventKind = "down"
	// Noise: one sample of what the host machine did: Data holds "steal_pct", "busy_pct", "psi_cpu_pct", "psi_io_pct", "psi_memory_pct" over the time since the last sample.
	Noise EventKind = "noise"
	// Metrics: one sample of member Subject's own metrics, by the names that the system gives them.
	Metrics EventKind = "metrics"
	// Hash: member Subject answered Data["hash"] for the state at Data["revision"].
	Hash EventKind = "hash"
	// Collected: member Subject's own account of its past is on record, all of it: Data["changes"] changes, the newest at Data["revision"].
	Collected EventKind = "collected"
	// Links: the fabric Subject's account at the end of the load: Data holds "late_p50_us", "late_p99_us", "late_max_us" (due to delivered)
	// and "packets", "lost", "cut", "overflow".
	Links EventKind = "links"
	// Probe: probes of path Subject ("n1>n2"), whose shape is to be Detail, measured Data["p50_ms"] and ["p99_ms"] one way, and
	// ["lost"] of ["sent"] did not arrive. The median should lie from ["floor_ms"] to ["ceiling_ms"], the lost be from ["fewest"] to ["most"].
	Probe EventKind = "probe"
	// Probed: the links were proven before the load: Data["probed"] of ["paths"] paths, with ["packets"] probes in ["took_s"] seconds.
	Probed EventKind = "probed"
	// Path: the fabric's account of path Subject at the end of the load: Data holds "packets", "lost", "cut", "overflow", "duplicated", "corrupted" and "reordered",
	// since the links were made; only paths that carried anything have one.
	Path EventKind = "path"
	// Worked: worker Subject reported, by itself and not through the store, a step of its work: Detail is "started ID", "finished ID" or
	// "lost ID" (its lease ran out in the middle of it), where ID is that of a Pass.
	Worked EventKind = "worked"
	// Driver: the load driver of client Subject ended; Data holds "offered", "lag_p50_us", "lag_p99_us", "lag_max_us" (due to dispatched).
	Driver EventKind = "driver"
	// Captured: the capture of host Subject's packets ended; Data holds "packets", "bytes", "dropped" (by the kernel) and "unwritten" (past the limit).
	Captured EventKind = "captured"
	// Violated: in a simulated run, invariant Subject was broken at step Data["step"] of the simulation; Detail says how. The run stopped there.
	Violated EventKind = "violated"
	// Harness: something that makes the run no result at all; Detail says what.
	Harness EventKind = "harness"
	// Interrupted: the run was cut short.
	Interrupted EventKind = "interrupted"
)

// A History is all of one run, ops in the order in which they were recorded
// (that is, roughly, by Return), events in order of At, changes by Revision, passes in order of Call.
type History struct {
	Ops     []Op
	Events  []Event
	Changes []Change
	Passes  []Pass
}

// Observed is the history without reads of which nobody knows what they answered, and how many those are.
func (h *History) Observed() (rest *History, untold int) {
	for i := range h.Ops {
		if h.Ops[i].Unobserved {
			untold++
		}
	}
	if untold == 0 {
		return h, 0
	}
	told := *h
	told.Ops = make([]Op, 0, len(h.Ops)-untold)
	for _, o := range h.Ops {
		if !o.Unobserved {
			told.Ops = append(told.Ops, o)
		}
	}
	return &told, untold
}

// PhaseStart is the instant at which the run entered the phase, and whether it did.
func (h *History) PhaseStart(name string) (time.Duration, bool) {
	for _, e := range h.Events {
		if e.Kind == Phase && e.Subject == name {
			return e.At, true
		}
	}
	return 0, false
}
