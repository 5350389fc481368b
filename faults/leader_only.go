package faults

import (
	"time"

	"github.com/reckon-bench/reckon/reckon"
)

// The leader dies and stays dead for the rest of the load: what the others do when it does not come
// back (etcd's robustness suite restarts a killed member at once).
func init() {
	reckon.Faults.Register(reckon.Word[reckon.Fault]{
		Name:   "leader-only",
		Doc:    "the leader is killed (SIGKILL) at a third of the load, and stays dead until the load ends",
		Source: "as `leader`, without the return",
		New: newHold(hold{reckon.Dead, "kill", "killed", func(s reckon.Setting) (from, to time.Duration) {
			return s.Window(s.Duration/3, s.Duration)
		}}),
	})
}
