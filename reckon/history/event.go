package history

import "time"

// An Event is something that happened in the run other than an operation. Events are made by the
// constructors of facts.go, and read by its accessors.
type Event struct {
	At      time.Duration `json:"at"` // nanoseconds since the epoch
	Kind    EventKind     `json:"kind"`
	Subject string        `json:"subject,omitempty"` // a host, a fault or a phase, as the kind says
	Detail  string        `json:"detail,omitempty"`  // for people
	// Data are the event's numbers by name; those of strikes have "strike", the strike's number.
	Data map[string]float64 `json:"data,omitempty"`

	End     End     `json:"end,omitempty"`     // of Verified, and of Missed where it was seen
	State   State   `json:"state,omitempty"`   // of Held and Released
	Step    Step    `json:"step,omitempty"`    // of Worked
	Pass    string  `json:"pass,omitempty"`    // of Worked: the ID of the Pass
	Overlay []Layer `json:"overlay,omitempty"` // of Degraded and Restored, in order of path
}

// An End is one end of a strike: its beginning or its heal.
type End string

// The ends of a strike.
const (
	EndStruck End = "struck"
	EndHealed End = "healed"
)

// A State is what a node is held in.
type State string

// The states that a node can be held in.
const (
	Dead   State = "dead"
	Paused State = "paused"
)

// A Step is what became of a worker's part in a pass.
type Step string

// The steps of a worker.
const (
	Started  Step = "started"
	Finished Step = "finished"
	Lost     Step = "lost" // its lease ran out in the middle of the pass
	GaveUp   Step = "gave up"
)

// A Layer is what an overlay does to one path.
type Layer struct {
	From  string `json:"from"`
	To    string `json:"to"`
	Cut   bool   `json:"cut,omitempty"`
	Shape string `json:"shape,omitempty"` // for people, as link.Shape prints it; "" of a cut
}

// EventKind says what an event's other fields mean.
type EventKind string

// The kinds of events. The comments name the fields as they stand in events.jsonl; facts.go has
// them typed.
const (
	// Phase: the run entered phase Subject: "build", "probe", "start", "ready", "preload", "load",
	// "drain", "settle", "final", "collect", "done". The load's schedule counts from the At of
	// "load". Data of "build" holds "unix_s", the wall clock's time of the epoch in Unix seconds;
	// that of "done" how many "ops", "changes" and "passes" were recorded.
	Phase EventKind = "phase"
	// Struck: strike Data["strike"] (from 0, over all faults) of fault Subject took effect; Detail
	// says on what. Data["planned_from"] and ["planned_to"] are seconds since the load started,
	// ["tries"] how often it was tried, ["took_s"] how many seconds before At it first did
	// something (a signal was about to be sent, an overlay to be laid).
	Struck EventKind = "struck"
	// Healed: the same strike was healed at At.
	Healed EventKind = "healed"
	// Verified: an end of strike Data["strike"] was observed by something other than the injector.
	// End "struck": the process is gone, probes do not arrive. End "healed": the process answers
	// again, probes pass. Detail says what was seen.
	Verified EventKind = "verified"
	// Missed: strike Data["strike"] of fault Subject did not take effect, or was not seen to;
	// Detail says why. The run is inconclusive.
	Missed EventKind = "missed"
	// Held and Released: node Subject was put into, or let go from, State.
	Held     EventKind = "held"
	Released EventKind = "released"
	// Degraded and Restored: Overlay was laid over the links, or taken away. Detail is the overlay
	// in text.
	Degraded EventKind = "degraded"
	Restored EventKind = "restored"
	// Settled: after the load the cluster was stable since At: every member served, and Subject had
	// led for two election timeouts.
	Settled EventKind = "settled"
	// Unsettled: that did not happen within Data["bound_s"] seconds, though every process ran and
	// every fault was healed; Detail says what was missing.
	Unsettled EventKind = "unsettled"
	// Ended: the process of node Subject ended by itself, after all had been ready, and not because
	// the machine lacked something; Detail says how, and what it printed.
	Ended EventKind = "ended"
	// Leads: node Subject was first seen leading term Data["term"]. Subject "" means that no node
	// leads any more.
	Leads EventKind = "leads"
	// Up and Down: node Subject began, or ceased, to answer.
	Up   EventKind = "up"
	Down EventKind = "down"
	// Noise: one sample of what the host machine did. Data holds "steal_pct", "busy_pct",
	// "psi_cpu_pct", "psi_io_pct" and "psi_memory_pct" over the time since the last sample.
	Noise EventKind = "noise"
	// Metrics: one sample of member Subject's own metrics, by the names that the system gives them.
	Metrics EventKind = "metrics"
	// Hash: member Subject answered Data["hash"] for the state at Data["revision"].
	Hash EventKind = "hash"
	// Collected: member Subject's own account of its past is on record, all of it: Data["changes"]
	// changes, the newest at Data["revision"].
	Collected EventKind = "collected"
	// Links: the totals of fabric Subject at the end of the load. Data holds "packets", "lost",
	// "cut", "overflow", and "late_p50_us", "late_p99_us", "late_max_us" (from due to delivered).
	Links EventKind = "links"
	// Probe: probes of path Subject ("n1>n2"), whose shape should be Detail, measured
	// Data["p50_ms"] and ["p99_ms"] one way, and ["lost"] of ["sent"] did not arrive. The median
	// should lie from ["floor_ms"] to ["ceiling_ms"], the number lost from ["fewest"] to ["most"].
	Probe EventKind = "probe"
	// Probed: the links were verified before the load: Data["probed"] of ["paths"] paths, with
	// ["packets"] probes in ["took_s"] seconds.
	Probed EventKind = "probed"
	// Path: the fabric's counters of path Subject at the end of the load, since the links were
	// made. Data holds "packets", "lost", "cut", "overflow", "duplicated", "corrupted" and
	// "reordered"; only paths that carried anything have one.
	Path EventKind = "path"
	// Worked: worker Subject reported, by itself and not through the store, Step of its part in
	// Pass.
	Worked EventKind = "worked"
	// Driver: the load driver of client Subject ended. Data holds "offered", and "lag_p50_us",
	// "lag_p99_us", "lag_max_us" (from due to dispatched).
	Driver EventKind = "driver"
	// Captured: the capture of host Subject's packets ended. Data holds "packets", "bytes",
	// "dropped" (by the kernel) and "unwritten" (past the limit).
	Captured EventKind = "captured"
	// Violated: in a simulated run, invariant Subject was broken at step Data["step"] of the
	// simulation; Detail says how. The run stopped there.
	Violated EventKind = "violated"
	// Harness: something that makes the run inconclusive; Detail says what.
	Harness EventKind = "harness"
	// Interrupted: the run was cut short; Detail says by what.
	Interrupted EventKind = "interrupted"
)
