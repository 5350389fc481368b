package fleet

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/reckon-bench/reckon/workloads/kibishii"
)

// Unknown is the Status of an operation that was not seen to end.
const Unknown = "unknown"

// A State is what an operation came to on one node.
type State string

// The States of a node.
const (
	NotCompleted State = "not completed" // it has put no result
	Succeeded    State = "success"
	HasFailed    State = "failed" // it has put a result with damage or an error
	Lost         State = "lost"   // its lease expired before the operation ended, whatever it had done by then
)

// An Operation is what came of a Command, as its caller saw it. All times are the caller's.
type Operation struct {
	OpID         string           `json:"op_id"`
	Cmd          kibishii.Command `json:"cmd"`
	Spec         kibishii.Spec    `json:"spec"`
	Status       string           `json:"status"`                 // success, failed; running while it does; unknown where it was not seen to end
	Put          time.Time        `json:"put"`                    // when the command was first sent to etcd
	Acknowledged time.Time        `json:"acknowledged,omitzero"`  // when etcd had it
	Started      time.Time        `json:"started,omitzero"`       // when a node had created the operation
	Ended        time.Time        `json:"ended,omitzero"`         // when its key said so
	Starting     []string         `json:"starting"`               // who was there when it started, by the store's list; none where that was not seen
	Nodes        []NodeOutcome    `json:"nodes"`                  // those, and whoever else has told of it, by name
	Retries      int64            `json:"retries"`                // how many of the caller's requests were repeated, and watches opened again
	StoodStill   time.Duration    `json:"stood_still_ns"`         // see Operation.touch
	Standing     Standing         `json:"standing"`               // the operation's key, as last seen
	Error        string           `json:"error,omitempty"`        // why it is not a success, where the nodes' outcomes do not say it
	CommandRev   int64            `json:"command_revision"`       // the revision that put the command; 0 where none is known to
	EndRev       int64            `json:"end_revision,omitempty"` // the revision that ended the operation
	lastChange   time.Time
	gapOpen      bool
}

// A NodeOutcome is what came of it on one node.
type NodeOutcome struct {
	Name      string           `json:"name"`
	State     State            `json:"state"`
	Started   time.Time        `json:"started,omitzero"`   // when its first status was there
	Completed time.Time        `json:"completed,omitzero"` // when its result was there
	Result    *kibishii.Result `json:"result,omitempty"`   // its result, or while there is none its last status
	Retries   int64            `json:"retries"`            // how many of its requests to etcd were repeated
}

// ExitStatus is what the original's callers exit with: 0 success, 1 failed, 2 not all nodes have
// completed.
func (o Operation) ExitStatus() int {
	switch {
	case o.Status == Success:
		return 0
	case o.Status == Failed && o.Standing.NodesCompleted == o.Standing.NodesStarting && o.Standing.NodesStarting != "0":
		return 1
	case o.Status == Failed && o.Standing.NodesStarting == "0": // no node could carry it out
		return 1
	}
	return 2
}

// touch notes that a key of the operation has changed: how long coordination stood still is the
// longest time between two such changes, as its caller saw them, from the acknowledgement of the
// command to the end of the operation. The operation's keys are its own, and those of statuses and
// results. A node that works without a word for its 10 s counts, so what shows a fault is how much
// longer it is than in operations without one.
func (o *Operation) touch(now time.Time) {
	if o.gapOpen {
		o.StoodStill = max(o.StoodStill, now.Sub(o.lastChange))
	}
	o.lastChange, o.gapOpen = now, true
}

// apply takes in one change of the store.
func (o *Operation) apply(e *clientv3.Event, now time.Time) {
	key := string(e.Kv.Key)
	if e.Type != clientv3.EventTypePut {
		return
	}
	switch {
	case key == opsPrefix+o.OpID:
		o.stand(e.Kv.Value, e.Kv.ModRevision, now)
	case key == startingOf+o.OpID:
		var s starting
		if json.Unmarshal(e.Kv.Value, &s) == nil {
			o.Starting = nil // it may be read again
			for _, m := range s.Members {
				o.Starting = append(o.Starting, m.Name)
				o.node(m.Name)
			}
		}
	case strings.HasPrefix(key, statuses+o.OpID+"/"):
		o.report(strings.TrimPrefix(key, statuses+o.OpID+"/"), e.Kv.Value, now, false)
	case strings.HasPrefix(key, resultsOf+o.OpID+"/"):
		o.report(strings.TrimPrefix(key, resultsOf+o.OpID+"/"), e.Kv.Value, now, true)
	default:
		return
	}
	o.touch(now)
}

// node is the node of that name, added where it is new.
func (o *Operation) node(name string) *NodeOutcome {
	at, found := slices.BinarySearchFunc(o.Nodes, name, func(n NodeOutcome, name string) int { return strings.Compare(n.Name, name) })
	if !found {
		o.Nodes = slices.Insert(o.Nodes, at, NodeOutcome{Name: name, State: NotCompleted})
	}
	return &o.Nodes[at]
}

func (o *Operation) stand(value []byte, revision int64, now time.Time) {
	var s Standing
	if err := json.Unmarshal(value, &s); err != nil {
		s = Standing{Status: Failed, Error: fmt.Sprintf("its key cannot be read: %v", err)}
	}
	o.Standing, o.Status, o.Error = s, s.Status, s.Error
	if o.Started.IsZero() {
		o.Started = now
	}
	if s.Status == Running {
		return
	}
	if o.Ended.IsZero() {
		o.Ended, o.EndRev = now, revision
	}
	lost, failed := list(s.NodesLost), list(s.NodesFailed)
	for _, name := range slices.Concat(list(s.NodesSuccessful), failed) {
		n := o.node(name)
		switch {
		case slices.Contains(lost, name):
			n.State = Lost
		case !slices.Contains(failed, name):
			n.State = Succeeded
		case !n.Completed.IsZero():
			n.State = HasFailed
		}
	}
}

func list(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}

// report takes in a status or a result.
func (o *Operation) report(name string, value []byte, now time.Time, result bool) {
	n := o.node(name)
	if n.Started.IsZero() {
		n.Started = now
	}
	if !result && !n.Completed.IsZero() {
		return
	}
	var r report
	err := json.Unmarshal(value, &r)
	if err != nil {
		r.Error = fmt.Sprintf("its result cannot be read: %v", err)
	}
	n.Result, n.Retries = &r.Result, r.Retries
	if !result {
		return
	}
	if n.Completed.IsZero() {
		n.Completed = now
	}
	if n.State == NotCompleted {
		n.State = HasFailed
		if r.Success() {
			n.State = Succeeded
		}
	}
}

// Completed is how many nodes have put a result, and of how many.
func (o Operation) Completed() (n, of int) {
	for _, node := range o.Nodes {
		if !node.Completed.IsZero() {
			n++
		}
	}
	of, _ = strconv.Atoi(o.Standing.NodesStarting)
	return n, max(of, len(o.Nodes))
}
