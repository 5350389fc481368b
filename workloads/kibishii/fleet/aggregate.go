package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// writeEvery is the least time between two writes of one operation, except its last.
const writeEvery = 50 * time.Millisecond

// aggregate makes this worker the aggregator whenever there is no other, until its lease is lost.
func (c *activeWorker) aggregate(ctx context.Context, s session) {
	defer c.aggregating.Store(false)
	for ctx.Err() == nil {
		lead, revision, err := c.campaign(ctx, s)
		if err != nil {
			c.complain(ctx, "cannot stand for the aggregator", err)
			continue
		}
		if lead {
			c.aggregating.Store(true)
			c.Log.Info("aggregates the results")
			c.aggregateAll(ctx)
			c.aggregating.Store(false)
			continue
		}
		c.untilDeleted(ctx, aggregatorKey, revision+1)
	}
}

// campaign takes the aggregator's key if nobody has it. If somebody has, watching the key from the
// revision on shows when that ends.
func (c *activeWorker) campaign(ctx context.Context, s session) (lead bool, revision int64, err error) {
	n := c.nodes[0]
	resp, err := c.store.txn(ctx, "stand for the aggregator", []clientv3.Cmp{created(aggregatorKey, 0), created(nodesPrefix+n.key, s.fence)},
		[]clientv3.Op{clientv3.OpPut(aggregatorKey, n.name, clientv3.WithLease(s.lease))}, clientv3.OpGet(aggregatorKey))
	if err != nil || resp.Succeeded {
		return err == nil, 0, err
	}
	for _, kv := range resp.Responses[0].GetResponseRange().Kvs {
		return kv.Lease == int64(s.lease), resp.Header.Revision, nil
	}
	return false, 0, ErrLeaseLost
}

func (c *activeWorker) untilDeleted(ctx context.Context, key string, revision int64) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for b := range c.store.changes(ctx, key, revision, clientv3.WithFilterPut()) {
		if b.lost || len(b.events) > 0 {
			return
		}
	}
}

// aggregateAll aggregates until ctx ends or the aggregator's key is deleted.
func (c *activeWorker) aggregateAll(ctx context.Context) {
	for ctx.Err() == nil {
		f := newAggregator(c.store)
		if deposed, err := f.run(ctx); deposed {
			return
		} else if err != nil && !errors.Is(err, errOverwritten) {
			c.complain(ctx, "cannot aggregate: reading all anew", err)
		}
	}
}

// aggregator holds all running operations as of one revision of the store.
type aggregator struct {
	store   store
	present map[string]int64 // fences, by key
	ops     map[string]*openOperation
	live    bool // changes arrive as they happen
}

// openOperation is an operation that has not ended.
type openOperation struct {
	tally
	mod      int64  // of the operation's key
	written  string // what this aggregator wrote last
	dirty    bool   // its key has to be written
	next     time.Time
	deadline time.Time
	limit    time.Duration
}

func newAggregator(s store) *aggregator {
	return &aggregator{store: s, present: map[string]int64{}, ops: map[string]*openOperation{}}
}

// run reads the running operations, follows the changes, and aggregates. It returns when the
// aggregator's key is gone, or when everything must be read anew.
func (f *aggregator) run(ctx context.Context) (deposed bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	revision, err := f.read(ctx)
	if err != nil {
		return false, err
	}
	changes := f.store.changes(ctx, root, revision+1, clientv3.WithPrefix())
	for {
		wait, err := f.writeDirty(ctx)
		if err != nil {
			return false, err
		}
		select {
		case b, ok := <-changes:
			if !ok || b.lost {
				return false, nil
			}
			for _, e := range b.events {
				if deposed, err := f.apply(e); deposed || err != nil {
					return deposed, err
				}
			}
		case <-time.After(wait):
		}
	}
}

// read reads the running operations and everything about them as of one revision.
func (f *aggregator) read(ctx context.Context) (revision int64, err error) {
	begun, err := f.store.get(ctx, startingOf, clientv3.WithPrefix())
	if err != nil {
		return 0, err
	}
	revision = begun.Header.Revision
	at := clientv3.WithRev(revision)
	nodes, err := f.store.get(ctx, nodesPrefix, clientv3.WithPrefix(), at)
	if err != nil {
		return 0, err
	}
	all := begun.Kvs
	all = append(all, nodes.Kvs...)
	for _, kv := range begun.Kvs {
		op := strings.TrimPrefix(string(kv.Key), startingOf)
		own, err := f.store.get(ctx, opsPrefix+op, at)
		if err != nil {
			return 0, err
		}
		results, err := f.store.get(ctx, resultsOf+op+"/", clientv3.WithPrefix(), at)
		if err != nil {
			return 0, err
		}
		all = append(append(all, own.Kvs...), results.Kvs...)
	}
	for _, kv := range all {
		if _, err := f.apply(&clientv3.Event{Type: clientv3.EventTypePut, Kv: kv}); err != nil {
			return 0, err
		}
	}
	f.live = true
	return revision, nil
}

// apply applies one change. Keys of one revision arrive in the order in which they were put:
// starting before the operation's.
func (f *aggregator) apply(e *clientv3.Event) (deposed bool, err error) {
	key := string(e.Kv.Key)
	put := e.Type == clientv3.EventTypePut
	switch {
	case key == aggregatorKey:
		return !put, nil
	case strings.HasPrefix(key, nodesPrefix):
		name := strings.TrimPrefix(key, nodesPrefix)
		delete(f.present, name)
		if put {
			f.present[name] = e.Kv.CreateRevision
		}
		for _, op := range f.ops {
			op.dirty = true
		}
	case strings.HasPrefix(key, startingOf):
		op := strings.TrimPrefix(key, startingOf)
		delete(f.ops, op)
		if put {
			return false, f.begin(op, e.Kv.Value)
		}
	case strings.HasPrefix(key, opsPrefix):
		if op := f.ops[strings.TrimPrefix(key, opsPrefix)]; op != nil && put {
			op.mod = e.Kv.ModRevision
		}
	case strings.HasPrefix(key, resultsOf) && put:
		f.result(strings.TrimPrefix(key, resultsOf), e.Kv.Value)
	}
	return false, nil
}

func (f *aggregator) begin(op string, value []byte) error {
	var s starting
	if err := json.Unmarshal(value, &s); err != nil {
		return fmt.Errorf("read %s%s: %w", startingOf, op, err)
	}
	limit := time.Duration(s.Timeout) * time.Second
	f.ops[op] = &openOperation{
		tally: tally{members: s.Members, results: map[string]bool{}, present: f.present},
		dirty: true, limit: limit, deadline: f.began(s, time.Now()).Add(limit),
	}
	return nil
}

// began returns when the operation started: now, if this aggregator sees it happen, or else the
// time by the clock of the node that created it. Otherwise each new aggregator would restart its
// deadline.
func (f *aggregator) began(s starting, now time.Time) time.Time {
	if f.live || s.At.IsZero() || s.At.After(now) {
		return now
	}
	return s.At
}

// result applies the result opID/name. One that cannot be read is a failure.
func (f *aggregator) result(key string, value []byte) {
	opID, name, _ := strings.Cut(key, "/")
	if op := f.ops[opID]; op != nil {
		var r report
		op.results[name] = json.Unmarshal(value, &r) == nil && r.Success()
		op.dirty = true
	}
}

// writeDirty writes the state of the operations that have changed. wait is the time until the next
// write that is due without a change.
func (f *aggregator) writeDirty(ctx context.Context) (wait time.Duration, err error) {
	wait = time.Hour
	now := time.Now()
	for id, op := range f.ops {
		if now.After(op.deadline) && op.expired == "" {
			op.expired, op.dirty = fmt.Sprintf("%v after the start", op.limit), true
		}
		wait = min(wait, op.deadline.Sub(now))
		if !op.dirty {
			continue
		}
		s := op.standing()
		if s.Status == Running && now.Before(op.next) {
			wait = min(wait, op.next.Sub(now))
			continue
		}
		if err := f.write(ctx, id, op, s); err != nil {
			return 0, err
		}
	}
	return max(wait, time.Millisecond), nil
}

func (f *aggregator) write(ctx context.Context, id string, op *openOperation, s Standing) error {
	op.dirty, op.next = false, time.Now().Add(writeEvery)
	value := encode(s)
	if value == op.written || op.written == "" && value == encode(started(len(op.members))) {
		return nil
	}
	mod, err := swap(ctx, f.store, id, op.mod, s, op.members)
	if err != nil {
		return err
	}
	op.mod, op.written = mod, value
	if s.Status != Running {
		delete(f.ops, id)
	}
	return nil
}

// errOverwritten means that somebody else wrote the operation's key, or this aggregator did in an
// attempt whose answer was lost; or that a node lost its lease and the aggregator has not yet seen
// that.
var errOverwritten = errors.New("somebody else wrote the operation's key, or a node has just lost its lease")

// maxConditions is the most conditions that etcd allows in a transaction by default.
const maxConditions = 128

// swap writes the state of the operation if its key has not changed since that revision. For a
// success it also requires that no member has lost its lease, of as many as one transaction can
// check.
func swap(ctx context.Context, s store, id string, mod int64, to Standing, members []member) (revision int64, err error) {
	conditions := []clientv3.Cmp{clientv3.Compare(clientv3.ModRevision(opsPrefix+id), "=", mod)}
	if to.Status == Success {
		for _, m := range members[:min(len(members), maxConditions-1)] {
			conditions = append(conditions, created(nodesPrefix+m.Key, m.Fence))
		}
	}
	then := []clientv3.Op{clientv3.OpPut(opsPrefix+id, encode(to))}
	if to.Status != Running {
		then = append(then, clientv3.OpDelete(runningOf+id), clientv3.OpDelete(startingOf+id))
	}
	resp, err := s.txn(ctx, "write operation "+id, conditions, then)
	if err == nil && !resp.Succeeded {
		err = errOverwritten
	}
	if err != nil {
		return 0, err
	}
	return resp.Header.Revision, nil
}
