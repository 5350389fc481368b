package results

// Kibishii is what the passes of Kibishii's workers amount to; a run without them has none.
type Kibishii struct {
	Generate PassCount `json:"generate"`
	Verify   PassCount `json:"verify"`

	Files int64 `json:"verified_files"` // found right, over all passes
	Bytes int64 `json:"verified_bytes"`

	// What verifying found wrong, over all passes; a pass that failed for another reason may have
	// left its tree half written.
	Missing   int64         `json:"missing"`
	Corrupted int64         `json:"corrupted"`
	Extra     int64         `json:"extra"`
	Damaged   []DamagedPath `json:"damaged"` // the first hundred, each once
	// how many more there are; a worker names a hundred a pass
	DamagedMore int64 `json:"damaged_more"`

	// Time is from a command to the last worker's completion, of passes of the load that succeeded.
	Time PassTimes `json:"time_ms"`
	// Standstill is the longest time in which work was left of a pass of the load, and no key of it
	// changed; null where there was no pass.
	Standstill ByPhase[*float64] `json:"longest_standstill_ms"`
	Retries    int               `json:"retries"` // of requests to the store
}

// PassCount is how the passes of one command ended.
type PassCount struct {
	OK      int `json:"ok"`
	Failed  int `json:"failed"`
	Unknown int `json:"unknown"` // not seen to end
}

// DamagedPath is what was first wrong with a path.
type DamagedPath struct {
	Node string  `json:"node"`
	Path string  `json:"path"`
	What string  `json:"what"`
	At   float64 `json:"at_s"` // when the pass ended that found it
}

// ByPhase has a value for each part of the load. A pass is one of "during" if any of it overlaps
// the time from the first strike to the last heal: passes wait for each other, so what a fault
// delays is the pass under way.
type ByPhase[T any] struct {
	All    T `json:"all"`
	Before T `json:"before"`
	During T `json:"during"`
	After  T `json:"after"`
}

// PassTimes are in milliseconds; null where no pass counts.
type PassTimes = ByPhase[*PassTime]

// PassTime is exact, by nearest rank.
type PassTime struct {
	N   int     `json:"n"`
	P50 float64 `json:"p50"`
	Max float64 `json:"max"`
}
