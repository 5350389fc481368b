package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/reckon-bench/reckon/workloads/kibishii"
)

// statusEvery is the time between two reports of a node's progress.
const statusEvery = 10 * time.Second

// operation is a command that a node carries out.
type operation struct {
	Command
	n       *node
	s       session
	store   store // counts this operation's retries
	created int64 // the revision that created the operation
}

func (o *operation) statusKey() string { return statuses + o.OpID + "/" + o.n.name }
func (o *operation) resultKey() string { return resultsOf + o.OpID + "/" + o.n.name }
func (o *operation) nodeKey() string   { return nodesPrefix + o.n.key }

// execute carries out the command in a value of the control key, if it is for this node and has not
// been done yet. Only ErrLeaseLost matters to the caller; the log and the operation's keys have the
// rest.
func (c *activeWorker) execute(ctx context.Context, s session, n *node, from order) error {
	log := c.Log.With("node", n.name, "revision", from.revision)
	command, err := decode(from.value)
	if err != nil {
		log.Error("no command", "error", err, "op", command.OpID)
		return c.reject(ctx, command.OpID, err)
	}
	o := &operation{Command: command, n: n, s: s, store: c.store.counting()}
	if o.Timeout == 0 {
		o.Timeout = c.Limit
	}
	log = log.With("op", o.OpID, "cmd", o.Cmd, "pass", o.Spec.Pass)
	if why, err := c.enter(ctx, o); err != nil || why != "" {
		log.Info("passed over", "because", why, "error", err)
		return err
	}
	log.Info("begins")
	err = c.carryOut(ctx, o, from.seen.Add(o.Timeout))
	log.Info("ended", "error", err, "lease_lost", errors.Is(err, ErrLeaseLost))
	return err
}

// reject ends the operation for those who wait for it: it cannot be carried out.
func (c *activeWorker) reject(ctx context.Context, opID string, why error) error {
	if opID == "" {
		return nil
	}
	_, err := c.store.txn(ctx, "reject "+opID, []clientv3.Cmp{created(opsPrefix+opID, 0)}, []clientv3.Op{clientv3.OpPut(opsPrefix+opID, encode(rejected(why)))})
	return err
}

func encode(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // none of our values can be one that JSON has no words for
	}
	return string(b)
}

// enter finds or creates the operation. why says why this node takes no part in it.
func (c *activeWorker) enter(ctx context.Context, o *operation) (why string, err error) {
	waited := false
	for {
		look, err := o.store.txn(ctx, "look at operation "+o.OpID, nil, []clientv3.Op{
			clientv3.OpGet(o.nodeKey(), clientv3.WithKeysOnly()), clientv3.OpGet(opsPrefix+o.OpID, clientv3.WithKeysOnly()),
			clientv3.OpGet(runningOf+o.OpID, clientv3.WithKeysOnly()), clientv3.OpGet(o.resultKey(), clientv3.WithKeysOnly()),
		})
		if err != nil {
			return "", err
		}
		self, op, running, result := createdIn(look, 0), createdIn(look, 1), createdIn(look, 2), createdIn(look, 3)
		switch {
		case self != o.s.fence:
			return "", ErrLeaseLost
		case op != 0 && running == 0:
			return "it has ended", nil
		case op != 0 && running < o.s.fence:
			return "it started without this node", nil
		case result != 0:
			return "this node has done it", nil
		case op != 0:
			o.created = running
			return "", nil
		}
		// All see a command at the same moment. The aggregator creates the operation, so that not
		// everybody reads who is there; where it does not, because it is dying, others do after a
		// moment.
		if !waited && !c.aggregating.Load() {
			waited = true
			rest(ctx, createPause+rand.N(createPause))
			continue
		}
		if err := c.create(ctx, o); err != nil {
			return "", err
		}
	}
}

// createPause is how long the other nodes leave it to the aggregator to create an operation.
const createPause = 10 * time.Millisecond

// createdIn is the revision that created the key that the i-th get of a transaction found; 0 for
// none.
func createdIn(resp *clientv3.TxnResponse, i int) int64 {
	for _, kv := range resp.Responses[i].GetResponseRange().Kvs {
		return kv.CreateRevision
	}
	return 0
}

// starting is the value of a key below startingOf.
type starting struct {
	OpID    string    `json:"opID"`
	Timeout int64     `json:"timeout"`     // seconds
	At      time.Time `json:"at,omitzero"` // when, by the clock of the node that created it
	Members []member  `json:"members"`
}

// create creates the operation with the nodes that are there, unless another node is faster, or one
// more registers meanwhile.
func (c *activeWorker) create(ctx context.Context, o *operation) error {
	resp, err := o.store.get(ctx, nodesPrefix, clientv3.WithPrefix())
	if err != nil {
		return err
	}
	all := members(resp.Kvs)
	_, err = o.store.txn(ctx, "create operation "+o.OpID, []clientv3.Cmp{
		created(opsPrefix+o.OpID, 0), created(o.nodeKey(), o.s.fence),
		clientv3.Compare(clientv3.ModRevision(nodesPrefix).WithPrefix(), "<", resp.Header.Revision+1),
	}, []clientv3.Op{
		clientv3.OpPut(startingOf+o.OpID, encode(starting{o.OpID, int64(o.Timeout / time.Second), time.Now().UTC(), all})),
		clientv3.OpPut(runningOf+o.OpID, strconv.Itoa(len(all))),
		clientv3.OpPut(opsPrefix+o.OpID, encode(started(len(all)))),
	})
	return err
}

// report is what a node puts below statuses and resultsOf.
type report struct {
	kibishii.Result
	Retries int64 // how many requests to etcd were repeated
}

// MarshalJSON adds to the Result's own, which would hide what is beside it.
func (r report) MarshalJSON() ([]byte, error) {
	b, err := json.Marshal(r.Result)
	if err != nil || len(b) < 2 {
		return nil, fmt.Errorf("write a result: %w", err)
	}
	return fmt.Appendf(b[:len(b)-1], `,"retries":%d}`, r.Retries), nil
}

// carryOut does the work, reports progress, and puts the result.
func (c *activeWorker) carryOut(ctx context.Context, o *operation, deadline time.Time) error {
	work, cancel := context.WithDeadlineCause(ctx, deadline, errDeadline)
	defer cancel()
	options := o.n.options
	options.Progress = new(kibishii.Progress)
	unlock, err := lock(work, o.n.root, c.Lease)
	if err != nil {
		return o.conclude(work, kibishii.Result{Cmd: o.Cmd, Outcome: kibishii.Outcome{Error: err.Error()}})
	}
	defer unlock()
	if err := o.tell(work, kibishii.Result{Cmd: o.Cmd}); err != nil { // after the lock: it says whether the lease still lives
		return err
	}
	var result kibishii.Result
	done := make(chan struct{})
	go func() {
		defer close(done)
		run := kibishii.Generate
		if o.Cmd == kibishii.CmdVerify {
			run = kibishii.Verify
		}
		var err error
		if result, err = run(work, o.n.root, o.Spec, options); err != nil && result.Error == "" {
			result.Error = err.Error()
		}
	}()
	tick := time.NewTicker(statusEvery)
	defer tick.Stop()
	var lost error
	for {
		select {
		case <-tick.C:
			if err := o.tell(work, options.Progress.Result()); errors.Is(err, ErrLeaseLost) {
				lost = err
				cancel()
			}
			continue
		case <-done:
		}
		break
	}
	if lost != nil {
		return lost
	}
	if work.Err() != nil { // what is unfinished is no result; the aggregator knows the deadline too
		return context.Cause(work)
	}
	return o.conclude(work, result)
}

var errDeadline = errors.New("the operation's deadline has passed")

// tell puts the progress.
func (o *operation) tell(ctx context.Context, so kibishii.Result) error {
	resp, err := o.store.txn(ctx, "tell the status of "+o.OpID, []clientv3.Cmp{created(o.nodeKey(), o.s.fence)},
		[]clientv3.Op{clientv3.OpPut(o.statusKey(), encode(report{so, o.store.retries.Load()}))})
	if err == nil && !resp.Succeeded {
		return ErrLeaseLost
	}
	return err
}

// conclude puts the result, once, if this node is still the one that started and the operation
// still runs.
func (o *operation) conclude(ctx context.Context, result kibishii.Result) error {
	resp, err := o.store.txn(ctx, "put the result of "+o.OpID, []clientv3.Cmp{
		created(o.nodeKey(), o.s.fence), created(runningOf+o.OpID, o.created), created(o.resultKey(), 0),
	}, []clientv3.Op{clientv3.OpPut(o.resultKey(), encode(report{result, o.store.retries.Load()}))},
		clientv3.OpGet(o.nodeKey(), clientv3.WithKeysOnly()), clientv3.OpGet(o.resultKey(), clientv3.WithKeysOnly()))
	switch {
	case err != nil || resp.Succeeded:
		return err
	case createdIn(resp, 1) > o.created: // an earlier attempt, whose answer did not come
		return nil
	case createdIn(resp, 0) != o.s.fence:
		return ErrLeaseLost
	}
	return errors.New("the operation ended without this node's result")
}
