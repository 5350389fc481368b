package faults

import "github.com/reckon-bench/reckon/reckon"

// The leader dies and comes back: the failure with which every study of Raft begins (Ongaro &
// Ousterhout 2014, section 9.3).
func init() {
	reckon.Faults.Register(reckon.Word[reckon.Fault]{
		Name:   "leader",
		Doc:    "the leader is killed (SIGKILL) at a third of the load, and started again on the same data at two thirds",
		Source: "Raft (Ongaro & Ousterhout 2014, section 9.3); Jensen, etcd-io/raft#86 and #169",
		New:    newHold(hold{reckon.Dead, "kill", "killed", middle}),
	})
}
