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

// foldEvery is the least time between two folds of one operation, other than its last.
const foldEvery = 50 * time.Millisecond

// fold has this worker be the folder whenever there is no other, until its lease is lost.
func (c *crew) fold(ctx context.Context, s session) {
	defer c.folding.Store(false)
	for ctx.Err() == nil {
		lead, revision, err := c.campaign(ctx, s)
		if err != nil {
			c.complain(ctx, "cannot stand for the folder", err)
			continue
		}
		if lead {
			c.folding.Store(true)
			c.Log.Info("folds the results")
			c.foldAll(ctx)
			c.folding.Store(false)
			continue
		}
		c.untilDeleted(ctx, folderKey, revision+1)
	}
}

// campaign takes the folder's key where nobody has it. Where somebody has, watching it from the revision on tells of the end.
func (c *crew) campaign(ctx context.Context, s session) (lead bool, revision int64, err error) {
	n := c.nodes[0]
	resp, err := c.store.txn(ctx, "stand for the folder", []clientv3.Cmp{created(folderKey, 0), created(nodesPrefix+n.key, s.fence)},
		[]clientv3.Op{clientv3.OpPut(folderKey, n.name, clientv3.WithLease(s.lease))}, clientv3.OpGet(folderKey))
	if err != nil || resp.Succeeded {
		return err == nil, 0, err
	}
	for _, kv := range resp.Responses[0].GetResponseRange().Kvs {
		return kv.Lease == int64(s.lease), resp.Header.Revision, nil
	}
	return false, 0, ErrLeaseLost
}

func (c *crew) untilDeleted(ctx context.Context, key string, revision int64) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for b := range c.store.changes(ctx, key, revision, clientv3.WithFilterPut()) {
		if b.lost || len(b.events) > 0 {
			return
		}
	}
}

// foldAll folds until ctx ends or the folder's key is deleted.
func (c *crew) foldAll(ctx context.Context) {
	for ctx.Err() == nil {
		f := newFolder(c.store)
		if deposed, err := f.run(ctx); deposed {
			return
		} else if err != nil && !errors.Is(err, errOverwritten) {
			c.complain(ctx, "cannot fold: reading all anew", err)
		}
	}
}

// folder has all running operations as of one revision of the store.
type folder struct {
	store   store
	present map[string]int64 // fences, by key
	ops     map[string]*folded
	live    bool // what comes now has just happened
}

// folded is a running operation.
type folded struct {
	tally
	mod      int64  // of the operation's key
	written  string // what this folder wrote last
	dirty    bool   // there is something to fold
	next     time.Time
	deadline time.Time
	limit    time.Duration
}

func newFolder(s store) *folder {
	return &folder{store: s, present: map[string]int64{}, ops: map[string]*folded{}}
}

// run reads what there is, follows what changes, and folds. It returns when the folder's key is gone, or it must read anew.
func (f *folder) run(ctx context.Context) (deposed bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	revision, err := f.read(ctx)
	if err != nil {
		return false, err
	}
	changes := f.store.changes(ctx, root, revision+1, clientv3.WithPrefix())
	for {
		wait, err := f.foldDirty(ctx)
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

// read reads the running operations, and all that counts for them, as of one revision.
func (f *folder) read(ctx context.Context) (revision int64, err error) {
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

// apply takes in one change. The keys of one revision come as they were put: starting before the operation's.
func (f *folder) apply(e *clientv3.Event) (deposed bool, err error) {
	key := string(e.Kv.Key)
	put := e.Type == clientv3.EventTypePut
	switch {
	case key == folderKey:
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

func (f *folder) begin(op string, value []byte) error {
	var s starting
	if err := json.Unmarshal(value, &s); err != nil {
		return fmt.Errorf("read %s%s: %w", startingOf, op, err)
	}
	limit := time.Duration(s.Timeout) * time.Second
	f.ops[op] = &folded{
		tally: tally{members: s.Members, results: map[string]bool{}, present: f.present},
		dirty: true, limit: limit, deadline: f.began(s, time.Now()).Add(limit),
	}
	return nil
}

// began is when the operation started: now, where this folder sees it happen, and else by the clock of the node that
// created it, or each new folder would give it its whole time again.
func (f *folder) began(s starting, now time.Time) time.Time {
	if f.live || s.At.IsZero() || s.At.After(now) {
		return now
	}
	return s.At
}

// result takes in opID/name. What cannot be read is a failure.
func (f *folder) result(key string, value []byte) {
	opID, name, _ := strings.Cut(key, "/")
	if op := f.ops[opID]; op != nil {
		var r report
		op.results[name] = json.Unmarshal(value, &r) == nil && r.Success()
		op.dirty = true
	}
}

// foldDirty writes how the operations stand where that has changed; wait is how long until there is more to write without a change.
func (f *folder) foldDirty(ctx context.Context) (wait time.Duration, err error) {
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

func (f *folder) write(ctx context.Context, id string, op *folded, s Standing) error {
	op.dirty, op.next = false, time.Now().Add(foldEvery)
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

// errOverwritten: somebody else wrote an operation's key, or this folder did in an attempt whose answer did not come; or a node
// has lost its lease, of which the folder has not heard yet.
var errOverwritten = errors.New("somebody else wrote the operation's key, or a node has just lost its lease")

// maxConditions is how many a transaction of etcd may have, by default.
const maxConditions = 128

// swap writes how the operation stands, if its key has not changed since that revision; and, if it is a success, no member has
// lost its lease, of as many as one transaction can ask for.
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
	resp, err := s.txn(ctx, "fold operation "+id, conditions, then)
	if err == nil && !resp.Succeeded {
		err = errOverwritten
	}
	if err != nil {
		return 0, err
	}
	return resp.Header.Revision, nil
}
