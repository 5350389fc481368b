// Package faults holds the words for what goes wrong: when to strike, and what.
// One file a word.
//
// A fault is a list of strikes; it refuses to wait, to repeat and to verify:
// the list says when, and the run sees to the rest.
package faults

import (
	"time"

	"github.com/reckon-bench/reckon"
)

// middle is the window of most faults: the second third of the load, unless the run says otherwise.
func middle(s reckon.Setting) (from, to time.Duration) {
	return s.Window(s.Duration/3, 2*s.Duration/3)
}
