package fleet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/reckon-bench/reckon/workloads/kibishii"
)

// A Worker generates and verifies trees at a caller's command, as one node a root.
type Worker struct {
	Etcd  Etcd
	Node  string   // its nodeID
	Roots []string // directories that exist

	Lease    time.Duration // how long a silent worker counts as there; 0 for 10 s; whole seconds
	Patience time.Duration // how long etcd may not answer at the start; 0 for 10 s
	Limit    time.Duration // the deadline of operations whose command has none; 0 for a day
	Identity bool          // write node and volume into the blocks, and want them there
	Options  kibishii.Options
	Log      *slog.Logger // nil for none
}

const (
	defaultLease    = 10 * time.Second
	defaultPatience = 10 * time.Second
	defaultLimit    = 24 * time.Hour
	maxRoots        = 32 // etcd takes a transaction of 128 conditions
)

// Validate returns an error, with the value and the rule, where there can be no such worker.
func (w Worker) Validate() error {
	switch {
	case !validName(w.Node):
		return fmt.Errorf("node %q: must not be empty, and hold no comma, slash or control character", w.Node)
	case len(w.Roots) == 0 || len(w.Roots) > maxRoots:
		return fmt.Errorf("%d roots: want 1 to %d", len(w.Roots), maxRoots)
	case w.Lease < 0 || w.Lease%time.Second != 0:
		return fmt.Errorf("lease %v: must be whole seconds, and not negative", w.Lease)
	}
	byName := map[string]string{}
	for _, r := range w.Roots {
		if other, taken := byName[volume(r)]; taken {
			return fmt.Errorf("roots %s and %s: both are called %q, and must differ in that", other, r, volume(r))
		}
		byName[volume(r)] = r
		if !validName(volume(r)) {
			return fmt.Errorf("root %s: its last element is a volume's name, and must hold no comma, slash or control character", r)
		}
		info, err := os.Stat(r)
		if err != nil {
			return fmt.Errorf("root %s: %w", r, errors.Unwrap(err))
		}
		if !info.IsDir() {
			return fmt.Errorf("root %s: must be a directory", r)
		}
	}
	return nil
}

// Run works until ctx ends; then it gives its names back and returns nil. An error means that it
// cannot work: it is not valid, etcd did not answer at the start, or a name is taken (ErrTaken).
// Whatever fails later, it goes on as soon as it can.
func (w Worker) Run(ctx context.Context) error {
	c, err := w.activeWorker(ctx)
	if err != nil {
		return err
	}
	defer c.store.close()
	patience := c.Patience
	for {
		s, err := c.register(ctx, patience)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		patience = 0 // it has been there: from now on it waits as long as it takes
		c.Log.Info("registered", "nodes", c.names(), "revision", s.fence)
		err = c.serve(ctx, s)
		if ctx.Err() != nil {
			c.leave(s)
			return nil
		}
		c.Log.Warn("registering again", "because", err)
	}
}

// activeWorker is a worker that runs: its nodes and what they share.
type activeWorker struct {
	Worker
	store       store
	nodes       []*node
	aggregating atomic.Bool // this worker is the aggregator
}

// node is one root.
type node struct {
	name, key, root string
	queue           chan order
	options         kibishii.Options
}

// activeWorker makes everything that outlives a lease.
func (w Worker) activeWorker(ctx context.Context) (*activeWorker, error) {
	if err := w.Validate(); err != nil {
		return nil, err
	}
	w.Lease, w.Patience, w.Limit = cmp.Or(w.Lease, defaultLease), cmp.Or(w.Patience, defaultPatience), cmp.Or(w.Limit, defaultLimit)
	if w.Log == nil {
		w.Log = slog.New(slog.DiscardHandler)
	}
	c := &activeWorker{Worker: w}
	for _, r := range w.Roots {
		abs, err := filepath.Abs(r)
		if err != nil {
			return nil, fmt.Errorf("root %s: %w", r, err)
		}
		n := &node{name: w.Node, key: w.Node + volume(abs), root: abs, options: w.Options}
		if len(w.Roots) > 1 {
			n.name = n.key
		}
		if w.Identity {
			n.options.Identity = kibishii.Identity{Node: w.Node, Volume: volume(abs)}
		}
		c.nodes = append(c.nodes, n)
	}
	bounded, cancel := context.WithTimeoutCause(ctx, w.Patience, fmt.Errorf("no answer within %v", w.Patience))
	defer cancel()
	var err error
	c.store, err = w.Etcd.connect(bounded)
	return c, err
}

func (c *activeWorker) names() (all []string) {
	for _, n := range c.nodes {
		all = append(all, n.name)
	}
	return all
}

// serve works while the lease lives. It returns when all that it began has ended.
func (c *activeWorker) serve(ctx context.Context, s session) error {
	ctx, lose := context.WithCancelCause(ctx)
	var all sync.WaitGroup
	for _, n := range c.nodes {
		n.queue = make(chan order, queued)
	}
	all.Go(func() { lose(c.store.keepAlive(ctx, s.lease, s.ttl)) })
	all.Go(func() { c.listen(ctx) })
	all.Go(func() { c.aggregate(ctx, s) })
	for _, n := range c.nodes {
		all.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case o := <-n.queue:
					if err := c.execute(ctx, s, n, o); errors.Is(err, ErrLeaseLost) {
						lose(err)
					}
				}
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}

// order is a value of the control key.
type order struct {
	value    []byte
	revision int64
	seen     time.Time
}

// queued is how many orders may wait for a node; where more come, the watch waits.
const queued = 64

// listen hands every value of the control key to every node: the one that is there, and all that
// come.
func (c *activeWorker) listen(ctx context.Context) {
	last := int64(0) // the newest that was handed out
	hand := func(value []byte, revision int64) {
		if revision <= last {
			return
		}
		last = revision
		for _, n := range c.nodes {
			select {
			case n.queue <- order{value, revision, time.Now()}:
			case <-ctx.Done():
			}
		}
	}
	for ctx.Err() == nil {
		resp, err := c.store.get(ctx, controlKey)
		if err != nil {
			c.complain(ctx, "cannot read the control key", err)
			continue
		}
		for _, kv := range resp.Kvs {
			hand(kv.Value, kv.ModRevision)
		}
		for b := range c.store.changes(ctx, controlKey, resp.Header.Revision+1) {
			if b.lost {
				c.Log.Warn("the control key's history is compacted: reading it anew")
			}
			for _, e := range b.events {
				if e.Type == clientv3.EventTypePut {
					hand(e.Kv.Value, e.Kv.ModRevision)
				}
			}
		}
	}
}

// complain logs what will not pass by itself, and waits before it is tried again.
func (c *activeWorker) complain(ctx context.Context, what string, err error) {
	if ctx.Err() == nil {
		c.Log.Error(what, "error", err)
		rest(ctx, longPause)
	}
}
