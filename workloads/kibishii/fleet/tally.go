package fleet

import (
	"fmt"
	"strconv"
	"strings"
)

// The words of Standing.Status.
const (
	Running = "running"
	Success = "success"
	Failed  = "failed"
)

// A Standing is the value of an operation's key. The first five are the original's; lists are
// joined by commas.
type Standing struct {
	NodesStarting   string `json:"nodesStarting"`   // how many
	NodesCompleted  string `json:"nodesCompleted"`  // how many have put a result
	NodesSuccessful string `json:"nodesSuccessful"` // their names
	NodesFailed     string `json:"nodesFailed"`     // the names of the others that count: with damage, an error, a lost lease or no result at the deadline
	Status          string `json:"status"`
	NodesLost       string `json:"nodesLost,omitempty"` // those of NodesFailed that lost their lease
	Error           string `json:"error,omitempty"`     // why it failed, beyond what the results say
}

// started is how an operation stands at its start.
func started(n int) Standing {
	return Standing{NodesStarting: strconv.Itoa(n), NodesCompleted: "0", Status: Running}
}

// rejected is how an operation stands that no node can carry out.
func rejected(err error) Standing {
	return Standing{NodesStarting: "0", NodesCompleted: "0", Status: Failed, Error: err.Error()}
}

// tally is what is known of a running operation.
type tally struct {
	members []member
	results map[string]bool  // whether it was successful, by name, of those that have put one
	present map[string]int64 // the fences of the nodes that are there, by key; shared by all operations
	expired string           // why it ends now, whatever is missing; "" for it does not
}

// standing returns the state of the operation from what is known.
func (t tally) standing() Standing {
	var successful, failed, lost, late []string
	completed := 0
	for _, m := range t.members {
		success, has := t.results[m.Name]
		if has {
			completed++
		}
		switch {
		case t.present[m.Key] != m.Fence:
			lost = append(lost, m.Name)
			failed = append(failed, m.Name)
		case has && success:
			successful = append(successful, m.Name)
		case has:
			failed = append(failed, m.Name)
		case t.expired != "":
			late = append(late, m.Name)
			failed = append(failed, m.Name)
		}
	}
	s := Standing{
		NodesStarting: strconv.Itoa(len(t.members)), NodesCompleted: strconv.Itoa(completed), Status: Running,
		NodesSuccessful: strings.Join(successful, ","), NodesFailed: strings.Join(failed, ","), NodesLost: strings.Join(lost, ","),
	}
	if len(successful)+len(failed) < len(t.members) {
		return s
	}
	s.Status = Success
	if len(failed) > 0 || t.expired != "" && len(t.members) == 0 {
		s.Status = Failed
	}
	s.Error = t.why(lost, late)
	return s
}

func (t tally) why(lost, late []string) string {
	var parts []string
	if len(lost) > 0 {
		parts = append(parts, "lost the lease: "+strings.Join(lost, ","))
	}
	if len(late) > 0 {
		parts = append(parts, fmt.Sprintf("no result, %s: %s", t.expired, strings.Join(late, ",")))
	}
	return strings.Join(parts, "; ")
}
