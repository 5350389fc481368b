package fleet

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// ErrTaken: a node's name is another worker's, who is alive.
var ErrTaken = errors.New("the name is taken")

// session is a worker's time as one and the same: from its registration until its lease expires.
type session struct {
	lease clientv3.LeaseID
	ttl   time.Duration
	fence int64 // the revision of the registration
}

// register puts the keys of all nodes, in one transaction and on one lease. A name that is taken is
// waited for while its holder may be dead. patience bounds how long etcd may not answer; 0 is for
// ever.
func (c *activeWorker) register(ctx context.Context, patience time.Duration) (session, error) {
	s, err := c.grant(ctx, patience)
	if err != nil {
		return s, err
	}
	alive, cancel := context.WithCancel(ctx)
	defer cancel() // serve keeps it alive from then on
	go func(s session) { _ = c.store.keepAlive(alive, s.lease, s.ttl) }(s)
	var wait waiting
	for {
		resp, err := c.store.get(ctx, nodesPrefix, clientv3.WithPrefix())
		if err != nil {
			return s, err
		}
		taken, ours := c.conflict(resp, s.lease)
		switch {
		case ours != 0: // an earlier attempt, whose answer did not come
			s.fence = ours
			return s, nil
		case taken != "":
			if err := c.wait(ctx, &wait, taken); err != nil {
				return s, err
			}
			continue
		}
		done, err := c.claim(ctx, &s, resp)
		if err != nil || done {
			return s, err
		}
	}
}

func (c *activeWorker) grant(ctx context.Context, patience time.Duration) (s session, err error) {
	if patience > 0 {
		var cancel func()
		ctx, cancel = context.WithTimeoutCause(ctx, patience, fmt.Errorf("no answer within %v from %s", patience, strings.Join(c.Etcd.Endpoints, ", ")))
		defer cancel()
	}
	err = c.store.try(ctx, "get a lease from etcd", func(ctx context.Context) error {
		resp, err := c.store.c.Grant(ctx, int64(c.Lease/time.Second))
		if err == nil {
			s.lease, s.ttl = resp.ID, time.Duration(resp.TTL)*time.Second
		}
		return err
	})
	return s, err
}

// conflict is the key on which a name of ours is taken, "" for none, and the revision of our own
// registration where it is there.
func (c *activeWorker) conflict(resp *clientv3.GetResponse, lease clientv3.LeaseID) (taken string, ours int64) {
	for i, m := range members(resp.Kvs) {
		kv := resp.Kvs[i]
		if kv.Lease == int64(lease) {
			return "", kv.CreateRevision
		}
		clash := func(n *node) bool { return n.key == m.Key || n.name == m.Name }
		if string(kv.Value) == c.Node || slices.ContainsFunc(c.nodes, clash) {
			taken = string(kv.Key)
		}
	}
	return taken, 0
}

// claim registers, if what was read still holds: no name of ours has appeared since. Conditions on
// the values of a prefix are never met where it has no key, hence the two kinds.
func (c *activeWorker) claim(ctx context.Context, s *session, read *clientv3.GetResponse) (done bool, err error) {
	var conditions []clientv3.Cmp
	var puts []clientv3.Op
	for _, n := range c.nodes {
		conditions = append(conditions, created(nodesPrefix+n.key, 0))
		puts = append(puts, clientv3.OpPut(nodesPrefix+n.key, c.Node, clientv3.WithLease(s.lease)))
		if len(read.Kvs) > 0 {
			conditions = append(conditions, clientv3.Compare(clientv3.Value(nodesPrefix).WithPrefix(), "!=", n.name))
		}
	}
	if len(read.Kvs) > 0 {
		conditions = append(conditions, clientv3.Compare(clientv3.Value(nodesPrefix).WithPrefix(), "!=", c.Node))
	} else {
		conditions = append(conditions, created(nodesPrefix, 0).WithPrefix())
	}
	// Another worker's volume may get the name of this node.
	conditions = append(conditions, created(nodesPrefix+c.Node, createdAt(read, nodesPrefix+c.Node)))
	resp, err := c.store.txn(ctx, "register "+c.Node, conditions, puts)
	if errors.Is(err, rpctypes.ErrLeaseNotFound) {
		*s, err = c.grant(ctx, 0)
		return false, err
	}
	if err != nil || !resp.Succeeded {
		return false, err
	}
	s.fence = resp.Header.Revision
	return true, nil
}

func createdAt(read *clientv3.GetResponse, key string) int64 {
	for _, kv := range read.Kvs {
		if string(kv.Key) == key {
			return kv.CreateRevision
		}
	}
	return 0
}

// waiting is a wait for a name.
type waiting struct {
	began time.Time
	since time.Time // the same, or when etcd's leader has changed last
	term  uint64    // of etcd's leader
}

const (
	waitPoll = 250 * time.Millisecond
	// expirySlack is how much later than its time a lease may be found expired: etcd looks every
	// 500 ms, and proposes the end.
	expirySlack = 2 * time.Second
	maxLeases   = 4 // how many lease times a wait lasts at most
)

// wait waits a little for the name. It gives up after one lease time, in which the lease of a
// holder that is dead expires. But each new leader gives all leases their whole time again, and so
// the time is counted from the last election on.
func (c *activeWorker) wait(ctx context.Context, w *waiting, key string) error {
	h, err := c.holder(ctx, key)
	if err != nil || !h.there {
		return err
	}
	now := time.Now()
	if w.began.IsZero() {
		w.began = now
		c.Log.Warn("the name is taken: waiting for its lease to expire", "key", key)
	}
	if h.term != w.term {
		w.term, w.since = h.term, now
	}
	whole := max(c.Lease, h.granted)
	if now.Sub(w.since) > whole+expirySlack || now.Sub(w.began) > maxLeases*(whole+expirySlack) {
		return fmt.Errorf("node %s: %w: %s is there, and still is after %v", c.Node, ErrTaken, key, now.Sub(w.began).Round(time.Second))
	}
	rest(ctx, waitPoll)
	return ctx.Err()
}

// holding is the state of a node's key.
type holding struct {
	there   bool
	granted time.Duration // its lease's whole time; 0 where it has none
	term    uint64        // of etcd's leader, who keeps the time
}

func (c *activeWorker) holder(ctx context.Context, key string) (h holding, err error) {
	resp, err := c.store.get(ctx, key)
	if err != nil || len(resp.Kvs) == 0 {
		return h, err
	}
	h.there, h.term = true, resp.Header.RaftTerm
	id := clientv3.LeaseID(resp.Kvs[0].Lease)
	if id == clientv3.NoLease {
		return h, nil
	}
	err = c.store.try(ctx, "ask for the lease of "+key, func(ctx context.Context) error {
		ttl, err := c.store.c.TimeToLive(ctx, id)
		if err == nil {
			h.granted = time.Duration(ttl.GrantedTTL) * time.Second
		}
		return err
	})
	return h, err
}

// leaveTime is how long a worker that is told to stop tries to give its names back.
const leaveTime = 2 * time.Second

// leave gives the names back at once. Where that fails they are free when the lease expires.
func (c *activeWorker) leave(s session) {
	ctx, cancel := context.WithTimeout(context.Background(), leaveTime)
	defer cancel()
	err := c.store.try(ctx, "give the lease back", func(ctx context.Context) error {
		_, err := c.store.c.Revoke(ctx, s.lease)
		return err
	})
	if err != nil && !errors.Is(err, rpctypes.ErrLeaseNotFound) {
		c.Log.Warn("the names stay until the lease expires", "error", err)
	}
}
