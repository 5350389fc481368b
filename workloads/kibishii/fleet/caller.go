package fleet

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// A Caller puts commands and follows their operations. It is safe for concurrent use.
//
// A command is put once. Its key is created in one transaction with another one that bears the
// operation's number and the call's, so that an attempt whose answer did not come is repeated until
// it is known whether one was done. A caller that dies changes nothing: the operation goes on and
// ends, by its deadline at the latest; who calls again with the same OpID and the same command
// follows it instead of starting it anew.
type Caller struct {
	store store
	grace time.Duration
	// Watch, unless nil, is called whenever the state of an operation changes. It must not block.
	Watch func(Operation)

	mu   sync.Mutex
	last int64 // the number that it gave an operation last
}

// Call connects to etcd. It does not wait for it, unless there is a user to authenticate; what
// follows does.
func Call(ctx context.Context, e Etcd) (*Caller, error) {
	s, err := e.connect(ctx)
	if err != nil {
		return nil, err
	}
	return &Caller{store: s, grace: grace}, nil
}

// Close ends the connection; operations go on.
func (c *Caller) Close() { c.store.close() }

// Nodes returns the names of the nodes that are present.
func (c *Caller) Nodes(ctx context.Context) (names []string, err error) {
	resp, err := c.store.get(ctx, nodesPrefix, clientv3.WithPrefix())
	if err != nil {
		return nil, err
	}
	return namesOf(resp.Kvs), nil
}

func namesOf(kvs []*mvccpb.KeyValue) (names []string) {
	for _, m := range members(kvs) {
		names = append(names, m.Name)
	}
	slices.Sort(names)
	return names
}

// A TooFewError says that fewer nodes than wanted were present in time.
type TooFewError struct {
	Want  int
	There []string
}

func (e *TooFewError) Error() string {
	return fmt.Sprintf("%d nodes are there (%v), want %d", len(e.There), e.There, e.Want)
}

// Await waits until so many nodes are there. When ctx ends before, the error is a *TooFewError,
// unless etcd never answered.
func (c *Caller) Await(ctx context.Context, n int) (names []string, err error) {
	for {
		resp, err := c.store.get(ctx, nodesPrefix, clientv3.WithPrefix())
		if err != nil {
			return names, err
		}
		if names = namesOf(resp.Kvs); len(names) >= n {
			return names, nil
		}
		if !c.untilChanged(ctx, resp.Header.Revision+1) {
			return names, &TooFewError{n, names}
		}
	}
}

// untilChanged waits until a node has come or gone; false where ctx ended before.
func (c *Caller) untilChanged(ctx context.Context, revision int64) bool {
	watching, cancel := context.WithCancel(ctx)
	defer cancel()
	_, ok := <-c.store.changes(watching, nodesPrefix, revision, clientv3.WithPrefix())
	return ok
}

const (
	// defaultTimeout is the deadline of a command that has none.
	defaultTimeout = time.Hour
	// grace is how long after its deadline an operation may take to end: a lease, so that the
	// aggregator may die in it. Then the caller ends it.
	grace = defaultLease + expirySlack
	// endTime is how long the caller tries to.
	endTime = 10 * time.Second
)

// Do puts the command and follows the operation to its end. An error means that the command cannot
// be, or that the end was not seen; then the Operation is what was seen, and its Status is Unknown.
func (c *Caller) Do(ctx context.Context, command Command) (Operation, error) {
	command.Timeout = cmp.Or(command.Timeout, defaultTimeout)
	if err := command.Validate(); err != nil {
		return Operation{Status: Unknown, Cmd: command.Cmd, Spec: command.Spec, Error: err.Error()}, err
	}
	o := &Operation{OpID: command.OpID, Cmd: command.Cmd, Spec: command.Spec, Status: Unknown, Put: time.Now()}
	s := c.store.counting()
	bounded, cancel := context.WithDeadlineCause(ctx, o.Put.Add(command.Timeout+c.grace), errDeadline)
	defer cancel()
	err := c.put(bounded, s, o, command)
	if err == nil {
		err = c.follow(bounded, s, o)
	}
	if err != nil && errors.Is(context.Cause(bounded), errDeadline) && o.OpID != "" {
		err = c.end(ctx, s, o, fmt.Sprintf("%v after the command", command.Timeout))
	}
	o.Retries = s.retries.Load()
	if err != nil {
		o.Status, o.Error = Unknown, err.Error()
	}
	return *o, err
}

// ticket is the value of a key below commands.
type ticket struct {
	Call    string          `json:"call"` // a number of that call alone
	Command json.RawMessage `json:"command"`
}

// put puts the command. Afterwards the operation has its number, and the revision of the command.
func (c *Caller) put(ctx context.Context, s store, o *Operation, command Command) error {
	call := rand.Text()
	chosen := command.OpID != ""
	for {
		if !chosen {
			command.OpID = strconv.FormatInt(c.number(time.Now()), 10)
		}
		o.OpID = command.OpID
		value := command.encode()
		key := commands + o.OpID
		resp, err := s.txn(ctx, "put the command", []clientv3.Cmp{created(key, 0), created(opsPrefix+o.OpID, 0)},
			[]clientv3.Op{clientv3.OpPut(key, encode(ticket{call, json.RawMessage(value)})), clientv3.OpPut(controlKey, value+"\n")},
			clientv3.OpGet(key))
		if err != nil {
			return err
		}
		o.Acknowledged = time.Now()
		if resp.Succeeded {
			o.CommandRev = resp.Header.Revision
			return nil
		}
		for _, kv := range resp.Responses[0].GetResponseRange().Kvs {
			var t ticket
			err := json.Unmarshal(kv.Value, &t)
			if err == nil && (t.Call == call || chosen && string(t.Command) == value) {
				o.CommandRev = kv.CreateRevision
				return nil
			}
		}
		if chosen {
			return fmt.Errorf("operation %s: another command has that number", o.OpID)
		}
	}
}

// number is the next to try: the second, as in the original, or one more than the last. To try one
// that is known to be taken costs a transaction, so a caller whose operations take less than a
// second would be slower with each.
func (c *Caller) number(now time.Time) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = max(now.Unix(), c.last+1)
	return c.last
}

// follow follows the operation from its command to its end.
func (c *Caller) follow(ctx context.Context, s store, o *Operation) error {
	o.touch(o.Acknowledged)
	revision := o.CommandRev + 1
	for {
		ended, err := c.watch(ctx, s, o, revision)
		if err != nil || ended {
			return err
		}
		// The history is compacted: what there is now is what has become of it.
		if revision, err = c.read(ctx, s, o); err != nil || o.ended() {
			return err
		}
	}
}

func (o *Operation) ended() bool { return !o.Ended.IsZero() }

// watch follows it until the end, or, with false and no error, until the history is lost.
func (c *Caller) watch(ctx context.Context, s store, o *Operation, revision int64) (ended bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for b := range s.changes(ctx, root, revision, clientv3.WithPrefix()) {
		now := time.Now()
		for _, e := range b.events {
			o.apply(e, now)
		}
		o.Retries = s.retries.Load()
		if c.Watch != nil && len(b.events) > 0 {
			snapshot := *o
			snapshot.Nodes = slices.Clone(o.Nodes)
			c.Watch(snapshot)
		}
		if o.ended() {
			return true, nil
		}
		if b.lost {
			return false, nil
		}
	}
	return false, fmt.Errorf("follow operation %s: %w", o.OpID, context.Cause(ctx))
}

// read takes in what there is of the operation at one revision: statuses and results before its own
// key, as they were put.
func (c *Caller) read(ctx context.Context, s store, o *Operation) (next int64, err error) {
	begun, err := s.get(ctx, startingOf+o.OpID)
	if err != nil {
		return 0, err
	}
	at := clientv3.WithRev(begun.Header.Revision)
	all := begun.Kvs
	for _, get := range []struct {
		key     string
		options []clientv3.OpOption
	}{
		{statuses + o.OpID + "/", []clientv3.OpOption{clientv3.WithPrefix(), at}},
		{resultsOf + o.OpID + "/", []clientv3.OpOption{clientv3.WithPrefix(), at}},
		{opsPrefix + o.OpID, []clientv3.OpOption{at}},
	} {
		resp, err := s.get(ctx, get.key, get.options...)
		if err != nil {
			return 0, err
		}
		all = append(all, resp.Kvs...)
	}
	now := time.Now()
	for _, kv := range all {
		o.apply(&clientv3.Event{Type: clientv3.EventTypePut, Kv: kv}, now)
	}
	return begun.Header.Revision + 1, nil
}

// end ends an operation that nobody else has ended in time: no worker is left to aggregate it, or
// none ever came to start it. Then it must not start later either, and does not: to put a command
// wants that its operation has no key.
func (c *Caller) end(ctx context.Context, s store, o *Operation, why string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, endTime, errDeadline)
	defer cancel()
	for {
		f := newAggregator(s)
		revision, err := f.read(ctx)
		if err != nil {
			return err
		}
		op, to, mod := f.ops[o.OpID], rejected(fmt.Errorf("no node has started it, %s", why)), int64(0)
		var members []member
		if op != nil {
			op.expired = why
			to, mod, members = op.standing(), op.mod, op.members
		}
		_, err = swap(ctx, s, o.OpID, mod, to, members)
		if err != nil && !errors.Is(err, errOverwritten) { // which another one's end is too
			return err
		}
		if _, err := c.read(ctx, s, o); err != nil || o.ended() {
			return err
		}
		if !rest(ctx, firstPause) {
			return fmt.Errorf("end operation %s after revision %d: %w", o.OpID, revision, context.Cause(ctx))
		}
	}
}
