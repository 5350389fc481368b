package results

import "math"

// Latency is of acknowledged operations of the load, in milliseconds from when
// each was due, not from when it could be sent: a stalled store cannot hide
// behind a client that stalls with it. The phase of an operation goes by Due:
// "during" is from the first strike in effect to the last heal, and without a
// strike everything is "before". Null where a phase has no acknowledged operation.
type Latency struct {
	All    *Quantiles `json:"all"`
	Before *Quantiles `json:"before"`
	During *Quantiles `json:"during"`
	After  *Quantiles `json:"after"`
	Reads  *Quantiles `json:"reads"`  // of all phases
	Writes *Quantiles `json:"writes"` // likewise
}

// Quantiles are exact, by nearest rank: p99 is the smallest sample that at least 99 % of all do not
// exceed.
type Quantiles struct {
	N    int     `json:"n"`
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p999"`
	Max  float64 `json:"max"`
}

// Throughput is in operations a second; operations belong to the phase in which they were due.
type Throughput struct {
	Offered float64  `json:"offered_per_s"`
	OK      float64  `json:"ok_per_s"` // over the whole load
	Before  *float64 `json:"before_ok_per_s"`
	During  *float64 `json:"during_ok_per_s"`
	After   *float64 `json:"after_ok_per_s"`
}

// Unavailability is how long nothing was acknowledged.
//
// A gap lies between two successive returns of acknowledged operations of the
// load; its start and its end bound gaps as well, so that a service that never
// came back shows. Say that the load lasts from 0 to 30 s, a leader is killed at 10 s, and
// acknowledgements return at ..., 9.99, 11.4, 11.41, ...: the longest gap is 1.41 s,
// and so is the time to recover from the strike. If they return at ..., 9.99 and never again,
// the longest gap is 20.01 s, but the time to recover is null and censored: it is
// not known, only that it is longer, and averages must treat it so.
type Unavailability struct {
	LongestGap float64    `json:"longest_gap_ms"`
	Gap        [2]float64 `json:"longest_gap_s"` // from, to
	// TTR is, for each strike, the longest gap that overlaps the time from when this strike began
	// to act to when the next one did (for the last one, to the end); null if it was not injected,
	// is censored, or no operation was due afterwards. A strike that was planned for the
	// same instant, or that acted before this one was in effect, is not the next one: which of them
	// caused an outage is not known, so each has all of it.
	//
	// Why from its beginning, and not from when it was in effect: a busy machine may take its time
	// to see that a process is gone. Say that it is killed at 0.998 s, seen to be gone at 1.433 s,
	// and that the others have a leader by 1.418 s. From 1.433 s on nothing is missing, and the
	// outage would count for nothing.
	TTR      []*float64 `json:"ttr_ms"`
	Censored []bool     `json:"censored"`
}

// Slowest returns the strike, from 0, from which service took the longest to come back, and how
// long that was in milliseconds: +Inf for the first from which it did not come back at all. It is
// -1 where no recovery was measured.
func (u Unavailability) Slowest() (strike int, ms float64) {
	strike = -1
	for i, ttr := range u.TTR {
		switch {
		case i < len(u.Censored) && u.Censored[i]:
			return i, math.Inf(1)
		case ttr != nil && (strike < 0 || *ttr > ms):
			strike, ms = i, *ttr
		}
	}
	return strike, ms
}
