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

// Unknown is the Status of an operation whose end was not observed.
const Unknown = "unknown"

// A State is the outcome of an operation on one node.
type State string

// The States of a node.
const (
	NotCompleted State = "not completed" // it reported no result
	Succeeded    State = "success"
	HasFailed    State = "failed" // it reported a result with damage or an error
	Lost         State = "lost"   // its lease expired before the operation ended, whatever it had reported by then
)

// An Operation is the outcome of a Command as its caller observed it. All times are by the caller's
// clock.
type Operation struct {
	OpID         string           `json:"op_id"`
	Cmd          kibishii.Command `json:"cmd"`
	Spec         kibishii.Spec    `json:"spec"`
	Status       string           `json:"status"`                 // success or failed; running until it ends; unknown if its end was not observed
	Put          time.Time        `json:"put"`                    // when the command was first sent to etcd
	Acknowledged time.Time        `json:"acknowledged,omitzero"`  // when etcd acknowledged it
	Started      time.Time        `json:"started,omitzero"`       // when a node had created the operation, as observed
	Ended        time.Time        `json:"ended,omitzero"`         // when its key recorded the end
	Starting     []string         `json:"starting"`               // the nodes present when it started, by the list in etcd; empty if that was not observed
	Nodes        []NodeOutcome    `json:"nodes"`                  // those and any others that reported, by name
	Retries      int64            `json:"retries"`                // how many of the caller's requests were repeated, and watches opened again
	StoodStill   time.Duration    `json:"stood_still_ns"`         // see Operation.touch
	Standing     Standing         `json:"standing"`               // the operation's key, as last seen
	Error        string           `json:"error,omitempty"`        // why it is not a success, if the outcomes of the nodes do not show it
	CommandRev   int64            `json:"command_revision"`       // the revision at which the command was stored; 0 if unknown
	EndRev       int64            `json:"end_revision,omitempty"` // the revision at which the operation ended
	lastChange   time.Time
	gapOpen      bool
}

// A NodeOutcome is the outcome of an operation on one node.
type NodeOutcome struct {
	Name      string           `json:"name"`
	State     State            `json:"state"`
	Started   time.Time        `json:"started,omitzero"`   // when its first status was observed
	Completed time.Time        `json:"completed,omitzero"` // when its result was observed
	Result    *kibishii.Result `json:"result,omitempty"`   // its result, or until there is one, its last status
	Retries   int64            `json:"retries"`            // how many of its requests to etcd were repeated
}

// ExitStatus returns the exit status of the original's callers: 0 success, 1 failed, 2 not all nodes
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

// touch records that a key of the operation has changed. StoodStill is the longest time between two
// such changes, as the caller observed them, from the acknowledgement of the command to the end of
// the operation. The keys are the operation's own and those of its statuses and results. A node
// reports only every 10 s while it works, which counts too; so compare the value with that of
// operations without a fault.
func (o *Operation) touch(now time.Time) {
	if o.gapOpen {
		o.StoodStill = max(o.StoodStill, now.Sub(o.lastChange))
	}
	o.lastChange, o.gapOpen = now, true
}

// apply applies one change in etcd.
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

// node returns the node of that name, and adds it if it is new.
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

// report applies a status or a result.
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

// Completed returns how many nodes have reported a result, and how many nodes there are.
func (o Operation) Completed() (n, of int) {
	for _, node := range o.Nodes {
		if !node.Completed.IsZero() {
			n++
		}
	}
	of, _ = strconv.Atoi(o.Standing.NodesStarting)
	return n, max(of, len(o.Nodes))
}
