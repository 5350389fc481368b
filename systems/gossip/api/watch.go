package api

import (
	"context"
	"io"
	"slices"
	"sync"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/reckon-bench/reckon/systems/gossip/core"
)

const (
	keepaliveMin   = 5 * time.Second // etcd's limit on how often clients may ping
	keepaliveEvery = 2 * time.Hour
	keepaliveWait  = 20 * time.Second

	// progressEvery is how often a watch that asked for it is told the revision while nothing
	// changes.
	progressEvery = 10 * time.Second
	// watchBatch bounds the events of one answer.
	watchBatch = 1000
	// watchesMost bounds the watches of one stream.
	watchesMost = 10_000
)

// watchServer serves watches.
type watchServer struct {
	pb.UnimplementedWatchServer
	s Store
}

// Watch serves the watches of one stream, until it ends.
func (w *watchServer) Watch(stream pb.Watch_WatchServer) error {
	ctx, cancel := context.WithCancel(stream.Context())
	t := &watchStream{s: w.s, stream: stream, ctx: ctx, watches: map[int64]context.CancelFunc{}}
	defer t.wait.Wait()
	defer cancel()
	for {
		q, err := stream.Recv()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		switch r := q.RequestUnion.(type) {
		case *pb.WatchRequest_CreateRequest:
			err = t.create(r.CreateRequest)
		case *pb.WatchRequest_CancelRequest:
			err = t.cancel(r.CancelRequest.WatchId)
		case *pb.WatchRequest_ProgressRequest:
			err = t.send(&pb.WatchResponse{Header: header(w.s.Info()), WatchId: -1})
		}
		if err != nil {
			return err
		}
	}
}

// watchStream is one stream of watches.
type watchStream struct {
	s      Store
	stream pb.Watch_WatchServer
	ctx    context.Context
	wait   sync.WaitGroup

	mu      sync.Mutex // of sending, and of what follows
	watches map[int64]context.CancelFunc
	next    int64
}

func (t *watchStream) send(a *pb.WatchResponse) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.stream.Send(a)
}

// create begins a watch. The answer carries the present revision, from which the watch goes on
// unless another was asked for.
func (t *watchStream) create(q *pb.WatchCreateRequest) error {
	t.mu.Lock()
	id := q.WatchId
	if id == 0 {
		for id = t.next; t.watches[id] != nil; id++ {
		}
		t.next = id + 1
	}
	_, taken := t.watches[id]
	full := len(t.watches) >= watchesMost
	ctx, cancel := context.WithCancel(t.ctx)
	if !taken && !full {
		t.watches[id] = cancel
	}
	t.mu.Unlock()
	info := t.s.Info()
	created := &pb.WatchResponse{Header: header(info), WatchId: id, Created: true}
	if taken || full {
		cancel()
		created.WatchId, created.Canceled, created.CancelReason = -1, true, "gossip: too many watches, or one with this id"
		return t.send(created)
	}
	if err := t.send(created); err != nil {
		cancel()
		return err
	}
	from := info.Seq
	if q.StartRevision > 0 {
		first, ours := ofMember(q.StartRevision, info.Index)
		if from = first - 1; !ours {
			from = -1 // of another member: whatever was missed cannot be told
		}
	}
	t.wait.Add(1)
	go func() {
		defer t.wait.Done()
		defer cancel()
		t.follow(ctx, id, q, from, info.Index)
	}()
	return nil
}

func (t *watchStream) cancel(id int64) error {
	t.mu.Lock()
	stop := t.watches[id]
	delete(t.watches, id)
	t.mu.Unlock()
	if stop == nil {
		return nil
	}
	stop()
	return t.send(&pb.WatchResponse{Header: header(t.s.Info()), WatchId: id, Canceled: true})
}

// follow sends the changes after a sequence number, until the watch ends.
func (t *watchStream) follow(ctx context.Context, id int64, q *pb.WatchCreateRequest, from int64, index uint8) {
	progress := time.NewTicker(progressEvery)
	defer progress.Stop()
	for {
		changes, more, known := t.s.Hub().Since(from, watchBatch)
		info := t.s.Info()
		if !known || info.Index != index {
			t.lost(id, info)
			return
		}
		if len(changes) > 0 {
			from = changes[len(changes)-1].Entry.Mod
			events := eventsOf(q, changes, index)
			if len(events) == 0 {
				continue
			}
			info.Seq = max(info.Seq, from)
			if t.send(&pb.WatchResponse{Header: header(info), WatchId: id, Events: events}) != nil {
				return
			}
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-more:
		case <-progress.C:
			if !q.ProgressNotify {
				continue
			}
			info.Seq = max(from, 1)
			if t.send(&pb.WatchResponse{Header: header(info), WatchId: id}) != nil {
				return
			}
		}
	}
}

// lost ends a watch of which changes are not kept, or that another member began: the client has to
// list again.
func (t *watchStream) lost(id int64, info Info) {
	t.mu.Lock()
	delete(t.watches, id)
	t.mu.Unlock()
	_ = t.send(&pb.WatchResponse{Header: header(info), WatchId: id, Canceled: true, CompactRevision: header(info).Revision})
}

// eventsOf are the events of changes that the watch wants.
func eventsOf(q *pb.WatchCreateRequest, changes []core.Change, index uint8) (events []*mvccpb.Event) {
	for _, c := range changes {
		if !within(c.Entry.Key, string(q.Key), string(q.RangeEnd)) {
			continue
		}
		there := c.Prev != nil && !c.Prev.Deleted
		e := &mvccpb.Event{Kv: keyValue(c.Entry, index)}
		filter := pb.WatchCreateRequest_NOPUT
		if c.Entry.Deleted {
			if !there {
				continue // a deletion of what this member never had
			}
			e.Type, filter = mvccpb.Event_DELETE, pb.WatchCreateRequest_NODELETE
		}
		if slices.Contains(q.Filters, filter) {
			continue
		}
		if q.PrevKv && there {
			e.PrevKv = keyValue(c.Prev, index)
		}
		events = append(events, e)
	}
	return events
}
