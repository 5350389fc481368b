package results

import "cmp"

// DefinitionsVersion is the version of what the numbers of a summary mean. It rises where the
// meaning of one changes: summaries of different versions are not compared, but made anew.
//
//  1. What summaries say that have no version.
//  2. Gaps end where the load ends. A time to recover is looked for while its fault lasts, and is
//     zero where no gap was above the usual. An operation is "during" if any part of it is.
const DefinitionsVersion = 2

// A Gap is the longest time in which none of some operations was acknowledged. It ends where the
// load ends at the latest.
type Gap struct {
	Length float64    `json:"longest_gap_ms"`
	At     [2]float64 `json:"longest_gap_s"` // from, to
	// Lasted says that the gap had not ended when the load did.
	Lasted bool `json:"lasted"`
	// Usual is the longest gap of the same operations before the first fault, and at least the bound
	// on the generator's lag; null where nothing precedes a fault, or nothing struck.
	Usual *float64 `json:"usual_gap_ms"`
}

// Outage reports whether the gap is longer than what was usual before the fault.
func (g *Gap) Outage() bool { return g != nil && g.Usual != nil && g.Length > *g.Usual }

// A Part is what became of service for one client, through one member, or in one region.
//
// Say that a client uses only n2, and that n2 is cut off from 4 s to 14 s: other clients are served
// all the time, so the run has no outage in total, and this client has one of 10 s.
type Part struct {
	Name string `json:"name"`
	// Region is where the client or the member is; "" where the topology has no regions.
	Region string `json:"region,omitempty"`
	Ops    Ops    `json:"ops"`
	Gap
	Reads  *Gap            `json:"reads"`  // null where none was offered
	Writes *Gap            `json:"writes"` // likewise
	Good   ByPhase[*Share] `json:"good"`
}

// Outages are the outages of parts: of reads and of writes, of each client, through each member,
// and in each region. Unavailability has that of all together, which is none while anybody is
// served.
type Outages struct {
	Reads   *Gap   `json:"reads"` // of all clients; null where none was offered
	Writes  *Gap   `json:"writes"`
	Clients []Part `json:"clients"`
	// Members are those that clients use, by the field via of operations. A member through which
	// nothing was acknowledged is down for its clients whether or not anything was sent to it.
	// Empty where no operation says through whom it was sent.
	Members []Part `json:"members"`
	Regions []Part `json:"regions"` // of clients; empty where the topology has none
}

// Worst returns the part with the longest gap, the first of equals; nil where there is none.
func Worst(parts []Part) *Part {
	var worst *Part
	for i := range parts {
		if worst == nil || parts[i].Length > worst.Length {
			worst = &parts[i]
		}
	}
	return worst
}

// A Share is how many of some operations were good: acknowledged within the limit of Degradation.
type Share struct {
	Good    int     `json:"good"`
	Offered int     `json:"offered"`
	Ratio   float64 `json:"ratio"`
}

// Degradation is how much of the service was good, and for how long less of it than before.
//
// Say that before the fault every second has at least 99 % good operations, that from 10 s on one
// third of them fails, and from 19 s on all are good again: service was degraded from 10 s to 19 s,
// and lost 9 s × (0.99 - 0.67), some 2.9 seconds of service.
type Degradation struct {
	Limit float64 `json:"limit_ms"` // an operation is good if it was acknowledged within it
	// Basis says where the limit comes from: "flag" (--slo), "before" (ten times the median before
	// the fault), "preload" (of the preload), or "election timeout", which is the least.
	Basis string `json:"limit_from"`

	Good ByPhase[*Share] `json:"good"`
	// Lowest is the first percentile of the shares of good operations in windows of one second
	// before the fault: with up to a hundred such windows, the lowest. 1 where nothing precedes the
	// fault; null where nothing struck.
	Lowest *float64 `json:"lowest_before"`
	// From and To are the beginning of the first window from the fault on whose share was below
	// Lowest, and the end of the last; null where there is none.
	From *float64 `json:"from_s"`
	To   *float64 `json:"to_s"`
	// Degraded is how long all such windows are together; null where nothing struck.
	Degraded *float64 `json:"degraded_ms"`
	// Lost is the area between Lowest and the shares below it, in seconds of service.
	Lost *float64 `json:"lost_s"`
}

// A RecoveryKind says how service came back from a strike. The zero value is that it was not
// measured: nothing was injected, or nothing was asked of the store afterwards.
type RecoveryKind string

const (
	// RecoveredNoOutage: while the fault lasted no gap was above the usual.
	RecoveredNoOutage RecoveryKind = "no outage"
	// RecoveredInFault: service came back while the fault lasted.
	RecoveredInFault RecoveryKind = "during"
	// RecoveredAfterHeal: service came back only after the heal.
	RecoveredAfterHeal RecoveryKind = "after heal"
	// NotRecovered: the gap had not ended when the load did.
	NotRecovered RecoveryKind = "never"
)

// A Recovery is how service came back from one strike.
type Recovery struct {
	Kind RecoveryKind `json:"kind"`
	Gap  *[2]float64  `json:"gap_s"` // from, to; null where there was no outage
	// AfterHeal is how long after the heal service came back, where it did so only then.
	AfterHeal *float64 `json:"after_heal_ms"`
}

// A StageCount is what was offered in one stage of a run.
type StageCount struct {
	Ops
	Writes int `json:"writes_ok"` // writes that were acknowledged
}

// Stages has the operations of each stage of a run. Figures are of the load alone; checks judge the
// other stages too.
type Stages struct {
	Preload StageCount `json:"preload"`
	Load    StageCount `json:"load"`
	Final   StageCount `json:"final"`
}

// Writes returns how many writes were acknowledged in all stages.
func (s Stages) Writes() int { return s.Preload.Writes + s.Load.Writes + s.Final.Writes }

// An ErrorCount is how many operations of the load ended with one error.
type ErrorCount struct {
	Text    string         `json:"text"` // without the member that the operation was sent through
	Outcome string         `json:"outcome"`
	N       int            `json:"n"`
	Via     map[string]int `json:"via"` // by member; "" stands for never sent, or not known
}

// Compare orders errors by how often they came, the most frequent first.
func (e ErrorCount) Compare(f ErrorCount) int {
	return cmp.Or(cmp.Compare(f.N, e.N), cmp.Compare(e.Text, f.Text), cmp.Compare(e.Outcome, f.Outcome))
}
