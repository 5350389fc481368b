package results

import "github.com/reckon-bench/reckon/reckon/check"

// A Summary is what a run amounts to, for scripts and for the report. In JSON
// it is a contract: keys are added, never renamed. Times whose name ends in _s are
// seconds since the start of the load; null stands for what did not happen or was not measured.
type Summary struct {
	Verdict     Status   `json:"verdict"`
	Reason      string   `json:"reason"` // one sentence: why it is this verdict
	Interrupted bool     `json:"interrupted"`
	Seed        uint64   `json:"seed"`
	Words       []string `json:"words"`
	Duration    float64  `json:"duration_s"` // planned length of the load

	Checks  []check.Result `json:"checks"`
	Harness []string       `json:"harness"` // why the run is inconclusive, if it is
	// what a reader should know, though it changes no verdict
	Notes []string `json:"notes"`

	Ops            Ops            `json:"ops"`
	Latency        Latency        `json:"latency_ms"`
	Throughput     Throughput     `json:"throughput"`
	Strikes        []Strike       `json:"strikes"`
	Unavailability Unavailability `json:"unavailability"`
	Kibishii       *Kibishii      `json:"kibishii,omitempty"` // where the run had workers
	Leaders        Leaders        `json:"leaders"`
	// from the first strike to the last heal; null where nothing struck
	InFault *Stretch `json:"in_fault"`
	// from the last heal to the end of the load; null where nothing was healed before
	AtHeal *Stretch `json:"at_heal"`

	Links Links `json:"links"`
	// packets, host by host, where they were recorded
	Captured []Captured `json:"captured,omitempty"`
	Load     Load       `json:"load"`
	// what the machine did, by the names of Noise events
	Host map[string]Level `json:"host"`
	// what members counted, by member and metric
	Members map[string]map[string]Metric `json:"members"`

	Phases    []PhaseAt `json:"phases"`
	FaultFrom *float64  `json:"fault_from_s"` // the first strike began to act; "before" ends here
	FaultTo   *float64  `json:"fault_to_s"`   // the last heal; "after" begins here
	LoadEnd   float64   `json:"load_end_s"`
	// from the last heal (where nothing struck, from the end of the load) until every member served
	// and one leader stayed; null where that never came
	Settle *float64 `json:"settle_s"`
}

// Ops counts the operations of the load. Every offered one is in exactly one of the other three.
type Ops struct {
	Offered int `json:"offered"`
	OK      int `json:"ok"`
	Failed  int `json:"failed"`
	Unknown int `json:"unknown"`
}

// A Strike is one strike of a fault, planned and as it happened.
type Strike struct {
	Fault   string     `json:"fault"`
	Name    string     `json:"name"`   // what the plan calls it
	Detail  string     `json:"detail"` // what it acted on
	Planned [2]float64 `json:"planned_s"`
	// just before it first did something: it may be felt from here on
	Acted    *float64 `json:"acted_s"`
	Struck   *float64 `json:"struck_s"` // in effect, and seen to be
	Healed   *float64 `json:"healed_s"`
	Verified bool     `json:"verified"` // both its effect and its end were observed
	Missed   string   `json:"missed,omitempty"`
	Seen     []string `json:"seen,omitempty"` // the observations
}

// PhaseAt says when the run entered a phase.
type PhaseAt struct {
	Name string  `json:"name"`
	At   float64 `json:"at_s"`
}

// A Stretch is what became of service in one part of a run: while faults were in effect, or after
// the last of them was healed. A gap that reaches from one into the other counts in each for its
// part.
//
// Say that a follower is cut off from 10 s to 20 s, and forces an election when it comes back:
// acknowledgements return at ..., 19.99, 20.01, 20.40, ... So there is no outage in the fault, and
// one of 390 ms at the heal.
type Stretch struct {
	LongestGap float64 `json:"longest_gap_ms"`
	// Lasted says that the longest gap had not ended when the stretch did, and was longer than an
	// election timeout.
	Lasted  bool `json:"lasted"`
	Changes int  `json:"leader_changes"`
}

// Leaders is who led, from the start of the load.
type Leaders struct {
	// Changes counts how often another node, or the same one in another term, was seen to lead
	// after the load began.
	Changes int          `json:"changes"`
	List    []Leadership `json:"list"` // the first may have begun before the load
}

// Leadership is the first sight of a node leading a term. Node "" means that none led any more.
type Leadership struct {
	At   float64 `json:"at_s"`
	Node string  `json:"node"`
	Term uint64  `json:"term"`
}

// Load is how well the generator kept to its schedule.
type Load struct {
	// from due to dispatched, in microseconds, over all operations of the load
	Lag   *Lateness `json:"lag_us"`
	Bound float64   `json:"lag_bound_us"` // on its p99
	Late  float64   `json:"late_bound_us"`
}

// Level is how high something was during the load.
type Level struct {
	Mean float64 `json:"mean"`
	Max  float64 `json:"max"`
}

// Metric is one of a member's own metrics over the run.
type Metric struct {
	First float64 `json:"first"`
	Last  float64 `json:"last"`
	Max   float64 `json:"max"`
}
