package history

import "time"

// A Pass is one operation of Kibishii's workers: each of them generated its tree of
// files anew, or verified it.
type Pass struct {
	ID      string `json:"id"`
	Command string `json:"command"` // "generate" or "verify"
	Number  int32  `json:"number"`  // of the pass that the files carry
	Stage   string `json:"stage"`   // as of an Op: "load" or "final"

	Call   time.Duration `json:"call"`   // when the command was given, since the epoch
	Return time.Duration `json:"return"` // when its outcome was known

	// Outcome is the operation's status as the store has it: OK where every node that started
	// succeeded, Failed where the operation ended otherwise, and Unknown where it was not seen to
	// end.
	Outcome Outcome `json:"outcome"`
	Error   string  `json:"error,omitempty"` // why it is not OK

	// The operation's own lists, as it ended: who was there when it started, who has given a
	// result, and which.
	Starting   []string `json:"starting"`
	Completed  []string `json:"completed"`
	Successful []string `json:"successful"`
	Failing    []string `json:"failing"`
	// Counts are how many the operation itself says that started and completed; nil where it was
	// not seen to end, and in records of earlier releases.
	Counts *PassCounts `json:"counts,omitempty"`

	Nodes   []PassNode `json:"nodes"`   // every node that started, or reported it, each once
	Retries int        `json:"retries"` // of requests to the store that the caller had to repeat
	// longest time in which coordination stood still: work was left, and no key of the operation
	// changed
	Stood time.Duration `json:"stood"`
}

// PassCounts are an operation's own.
type PassCounts struct {
	Starting  int `json:"starting"`
	Completed int `json:"completed"`
}

// A PassNode is one worker's part in a pass.
type PassNode struct {
	Node  string `json:"node"`
	Host  string `json:"host,omitempty"`
	State string `json:"state"` // "success", "failed", "lost" (its lease ran out) or "not completed"
	// when its first status was seen, since the epoch
	Started   time.Duration `json:"started,omitempty"`
	Completed time.Duration `json:"completed,omitempty"` // when its result was seen
	Error     string        `json:"error,omitempty"`

	Files     int64 `json:"files"` // generated, or verified and found right
	Dirs      int64 `json:"dirs"`
	Bytes     int64 `json:"bytes"`
	Missing   int64 `json:"missing,omitempty"`
	Corrupted int64 `json:"corrupted,omitempty"`
	Extra     int64 `json:"extra,omitempty"`

	Damage []Damage `json:"damage,omitempty"` // the first of what is wrong
	More   int64    `json:"more,omitempty"`   // how much more is
}

// Damage is what is wrong with one path of a tree.
type Damage struct {
	Path string `json:"path"`
	What string `json:"what"`
}

// LastCompletion returns when the last result was seen; Call where there was none.
func (p *Pass) LastCompletion() time.Duration {
	last := p.Call
	for _, n := range p.Nodes {
		last = max(last, n.Completed)
	}
	return last
}
