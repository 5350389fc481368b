package faults

import "github.com/reckon-bench/reckon/reckon"

// A stalled process keeps its connections, so its peers get no error (Jepsen's etcd test, nemesis
// pause).
func init() {
	reckon.Faults.Register(reckon.Word[reckon.Fault]{
		Name:   "pause",
		Doc:    "the leader is stopped (SIGSTOP) at a third of the load, keeping its connections, and continues (SIGCONT) at two thirds",
		Source: "Jepsen's etcd test",
		New:    newHold(hold{reckon.Paused, "pause", "paused", middle}),
	})
}
