package fleet

import (
	"context"
	"errors"
	"strconv"
	"sync/atomic"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/metadata"
)

// A batch is what a watch tells at a time.
type batch struct {
	events []*clientv3.Event
	// lost: the history that was asked for is compacted. Nothing follows; whoever watches must read
	// anew.
	lost bool
}

const (
	// probeEvery is how often a watch is asked for a sign of life, and silentFor how long it may
	// give none.
	probeEvery = time.Second
	silentFor  = 2500 * time.Millisecond
)

// changes are all changes of the key, or below it, from the revision on, in order and each once,
// whatever becomes of connections and members. The channel is closed when ctx ends.
func (s store) changes(ctx context.Context, key string, revision int64, options ...clientv3.OpOption) <-chan batch {
	out := make(chan batch)
	go func() {
		defer close(out)
		pause := firstPause
		for {
			before := revision
			at := s.ring.current()
			var lost bool
			revision, lost = s.watch(ctx, key, revision, options, out)
			if lost {
				send(ctx, out, batch{lost: true})
				return
			}
			if revision > before {
				pause = firstPause
			}
			if !rest(ctx, pause) {
				return
			}
			s.leave(at)
			s.retries.Add(1)
			pause = min(2*pause, longPause)
		}
	}()
	return out
}

func send(ctx context.Context, out chan<- batch, b batch) bool {
	select {
	case out <- b:
		return true
	case <-ctx.Done():
		return false
	}
}

// watches numbers the streams: etcd's client lets watches of equal metadata share one, and it could
// not be left while another holds it.
var watches atomic.Int64

// watch is one watch, for as long as it gives signs of life; next is the revision from which to go
// on. To open one takes as long as the member at the other end does not answer, hence the guard
// from outside.
func (s store) watch(ctx context.Context, key string, revision int64, options []clientv3.OpOption, out chan<- batch) (next int64, lost bool) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	guard := time.AfterFunc(silentFor, cancel)
	defer guard.Stop()
	ctx = clientv3.WithRequireLeader(metadata.AppendToOutgoingContext(ctx, "reckon-watch", strconv.FormatInt(watches.Add(1), 10)))
	answers := s.c.Watch(ctx, key, append(options, clientv3.WithRev(revision))...)
	probe := time.NewTicker(probeEvery)
	defer probe.Stop()
	for {
		select {
		case <-ctx.Done():
			return revision, false
		case <-probe.C:
			s.probe(ctx)
		case answer, ok := <-answers:
			if err := answer.Err(); err != nil || !ok {
				return revision, errors.Is(err, rpctypes.ErrCompacted)
			}
			if len(answer.Events) > 0 {
				guard.Stop() // whoever takes it in may take his time
				if !send(ctx, out, batch{events: answer.Events}) {
					return revision, false
				}
				revision = answer.Events[len(answer.Events)-1].Kv.ModRevision + 1
			}
			guard.Reset(silentFor)
		}
	}
}

// probe asks the watch for an answer. It does not wait where the stream takes nothing: the silence
// will tell.
func (s store) probe(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, probeEvery/10)
	defer cancel()
	_ = s.c.RequestProgress(ctx)
}
