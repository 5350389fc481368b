// Package fleet makes many workers generate and verify trees at a caller's command, coordinated by
// etcd. It is the protocol of Kibishii, whose callers (shell scripts with etcdctl and jq) work
// unchanged.
//
//	/kibishii/control                         the command, put by the caller: JSON, every value a string
//	/kibishii/nodes/<nodeID><basename(root)>  a present node: its value is <nodeID>; on a lease
//	/kibishii/ops/<opID>                      the state of the operation: JSON, every value a string
//	/kibishii/status/<opID>/<name>            a node's progress, at its start and then every 10 s
//	/kibishii/results/<opID>/<name>           its result on that node
//
// A worker with one root is the node <nodeID>. With several it is as many nodes, each of the name
// <nodeID><basename(root)>; their keys stand and fall together, so that whoever reads the keys can tell: the value of
// one key is that node's name, and where several keys share a value their own ends are the names.
//
// Four more kinds of keys are ours, and no caller needs them:
//
//	/kibishii/commands/<opID>   the command was put: created with the control key, so that it is put once
//	/kibishii/starting/<opID>   the nodes that the operation started with, while it runs
//	/kibishii/running/<opID>    created with the operation's key, deleted when it ends
//	/kibishii/folder            the aggregator; on its lease
//
// # Guarantees
//
// A node is told apart from one that had its name before by the revision that created its key: its
// fence. The first node that sees a command creates the operation, in one transaction with the list
// of the nodes that are there then and their fences. A node puts its result in a transaction that
// wants its fence and the running operation. So a node whose lease expired is never counted, and no
// result comes after the end.
//
// One worker, the aggregator, sees the results in the order of their revisions and writes them into
// the operation's key, all that have arrived at a time; n workers that compared and swapped that
// key would need n*n attempts. If it dies, another one takes its place when its lease has expired.
// An operation ends when each of its nodes has a result or has lost its lease, or at its deadline.
// It is a success if each has put a successful result and none has lost its lease before the end:
// the transaction that ends it wants their fences, up to the 127 that etcd's limit leaves room for;
// of more nodes, those beyond may lose theirs in the moment between the aggregator's last look and
// the end. The deadline goes by the aggregator's clock, and, where another one takes its place, by
// that of the node that created the operation.
//
// A worker reads the control key at a revision and watches it from there, and does the commands in
// their order, one at a time. It passes over a command whose operation has ended, or has started
// without this node, or that it has done: so a value that is put twice is done once.
package fleet

import (
	"path/filepath"
	"strings"
	"unicode"

	"go.etcd.io/etcd/api/v3/mvccpb"
)

const (
	root          = "/kibishii/"
	controlKey    = root + "control"
	aggregatorKey = root + "folder"
	nodesPrefix   = root + "nodes/"
	opsPrefix     = root + "ops/"
	statuses      = root + "status/"
	resultsOf     = root + "results/"
	commands      = root + "commands/"
	startingOf    = root + "starting/"
	runningOf     = root + "running/"
)

// A member is a node as the store knows it.
type member struct {
	Name  string `json:"name"`
	Key   string `json:"key"`   // below nodesPrefix
	Fence int64  `json:"fence"` // the revision that created the key
}

// members are the nodes of those keys, in the keys' order.
func members(kvs []*mvccpb.KeyValue) []member {
	shared := map[string]int{}
	for _, kv := range kvs {
		shared[string(kv.Value)]++
	}
	var all []member
	for _, kv := range kvs {
		m := member{Name: string(kv.Value), Key: strings.TrimPrefix(string(kv.Key), nodesPrefix), Fence: kv.CreateRevision}
		if shared[m.Name] > 1 || !validName(m.Name) {
			m.Name = m.Key
		}
		all = append(all, m)
	}
	return all
}

// validName says whether it can stand in a key, in a list of names and on a line.
func validName(s string) bool {
	return s != "" && !strings.ContainsAny(s, ",/") && !strings.ContainsFunc(s, unicode.IsControl)
}

// volume is what a root adds to a node's key.
func volume(root string) string {
	abs, err := filepath.Abs(root)
	if err != nil { // there is no working directory
		return filepath.Base(root)
	}
	return filepath.Base(abs)
}
