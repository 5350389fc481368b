package api

import (
	"cmp"
	"context"
	"slices"
	"strings"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/reckon-bench/reckon/systems/gossip/core"
	"github.com/reckon-bench/reckon/systems/gossip/state"
)

// kv serves keys.
type kv struct {
	pb.UnimplementedKVServer
	s Store
}

// Range answers from this member's own state, also where a linearizable answer is asked for: there
// is none.
func (k *kv) Range(_ context.Context, q *pb.RangeRequest) (*pb.RangeResponse, error) {
	if len(q.Key) == 0 {
		return nil, rpctypes.ErrGRPCEmptyKey
	}
	v, err := k.s.View()
	if err != nil {
		return nil, refusal(err)
	}
	if err := present(q.Revision, v); err != nil {
		return nil, err
	}
	info := k.s.Info()
	info.Seq = v.Seq
	a := &pb.RangeResponse{Header: header(info)}
	entries := live(v.State, string(q.Key), string(q.RangeEnd))
	a.Count = int64(len(entries))
	if q.CountOnly {
		return a, nil
	}
	for _, e := range entries {
		kv := keyValue(e, v.Index)
		if q.KeysOnly {
			kv.Value = nil
		}
		if wanted(q, kv) {
			a.Kvs = append(a.Kvs, kv)
		}
	}
	arrange(q, a.Kvs)
	if q.Limit > 0 && int64(len(a.Kvs)) > q.Limit {
		a.Kvs, a.More = a.Kvs[:q.Limit], true
	}
	return a, nil
}

// present refuses any revision but the newest: older states are not kept.
func present(revision int64, v View) error {
	if revision <= 0 {
		return nil
	}
	seq, ours := ofMember(revision, v.Index)
	switch {
	case !ours || seq < v.Seq:
		return rpctypes.ErrGRPCCompacted
	case seq > v.Seq:
		return rpctypes.ErrGRPCFutureRev
	}
	return nil
}

// live lists the entries of a range that are there.
func live(s *state.Snapshot, from, end string) (entries []*state.Entry) {
	if end == "" {
		if e := s.Get(from); e != nil && !e.Deleted {
			entries = append(entries, e)
		}
		return entries
	}
	s.Ascend(from, func(e *state.Entry) bool {
		if !within(e.Key, from, end) {
			return false
		}
		if !e.Deleted {
			entries = append(entries, e)
		}
		return true
	})
	return entries
}

// wanted applies the filters on revisions.
func wanted(q *pb.RangeRequest, kv *mvccpb.KeyValue) bool {
	return kv.ModRevision >= q.MinModRevision && (q.MaxModRevision == 0 || kv.ModRevision <= q.MaxModRevision) &&
		kv.CreateRevision >= q.MinCreateRevision && (q.MaxCreateRevision == 0 || kv.CreateRevision <= q.MaxCreateRevision)
}

// arrange sorts as asked; keys are in ascending order already.
func arrange(q *pb.RangeRequest, kvs []*mvccpb.KeyValue) {
	order := q.SortOrder
	if order == pb.RangeRequest_NONE && q.SortTarget != pb.RangeRequest_KEY {
		order = pb.RangeRequest_ASCEND // as etcd has it
	}
	if order == pb.RangeRequest_NONE {
		return
	}
	slices.SortStableFunc(kvs, func(a, b *mvccpb.KeyValue) int {
		c := 0
		switch q.SortTarget {
		case pb.RangeRequest_KEY:
			c = strings.Compare(string(a.Key), string(b.Key))
		case pb.RangeRequest_VERSION:
			c = cmp.Compare(a.Version, b.Version)
		case pb.RangeRequest_CREATE:
			c = cmp.Compare(a.CreateRevision, b.CreateRevision)
		case pb.RangeRequest_MOD:
			c = cmp.Compare(a.ModRevision, b.ModRevision)
		case pb.RangeRequest_VALUE:
			c = strings.Compare(string(a.Value), string(b.Value))
		}
		if order == pb.RangeRequest_DESCEND {
			return -c
		}
		return c
	})
}

// Put gives a key a value.
func (k *kv) Put(ctx context.Context, q *pb.PutRequest) (*pb.PutResponse, error) {
	switch {
	case len(q.Key) == 0:
		return nil, rpctypes.ErrGRPCEmptyKey
	case len(q.Key)+len(q.Value) > requestMost:
		return nil, rpctypes.ErrGRPCRequestTooLarge
	case q.Lease != 0:
		return nil, rpctypes.ErrGRPCLeaseNotFound
	case q.IgnoreValue || q.IgnoreLease:
		return nil, status.Error(codes.Unimplemented, "gossip: ignore_value and ignore_lease are not possible: another member may be writing the key")
	}
	answer, err := k.s.Write(ctx, []core.Op{{Key: string(q.Key), Value: string(q.Value)}})
	if err != nil {
		return nil, refusal(err)
	}
	a := &pb.PutResponse{Header: k.header(answer)}
	if q.PrevKv && len(answer.Prev) > 0 {
		a.PrevKv = keyValue(&answer.Prev[0], k.s.Info().Index)
	}
	return a, nil
}

// header has the revision of the write that it answers, as in etcd.
func (k *kv) header(answer core.Answer) *pb.ResponseHeader {
	info := k.s.Info()
	if answer.Seq > 0 {
		info.Seq = answer.Seq
	}
	return header(info)
}

// DeleteRange deletes a key, whether it is here already or not yet, or the keys of a range that are
// here now. Each gets a tombstone of its own.
func (k *kv) DeleteRange(ctx context.Context, q *pb.DeleteRangeRequest) (*pb.DeleteRangeResponse, error) {
	if len(q.Key) == 0 {
		return nil, rpctypes.ErrGRPCEmptyKey
	}
	v, err := k.s.View()
	if err != nil {
		return nil, refusal(err)
	}
	var ops []core.Op
	if len(q.RangeEnd) == 0 {
		ops = append(ops, core.Op{Key: string(q.Key), Deleted: true})
	} else {
		for _, e := range live(v.State, string(q.Key), string(q.RangeEnd)) {
			ops = append(ops, core.Op{Key: e.Key, Deleted: true})
		}
	}
	answer, err := k.s.Write(ctx, ops)
	if err != nil {
		return nil, refusal(err)
	}
	a := &pb.DeleteRangeResponse{Header: k.header(answer), Deleted: int64(len(answer.Prev))}
	if q.PrevKv {
		for i := range answer.Prev {
			a.PrevKvs = append(a.PrevKvs, keyValue(&answer.Prev[i], v.Index))
		}
	}
	return a, nil
}

// Txn is refused: a comparison here says nothing about what another member is writing.
func (k *kv) Txn(context.Context, *pb.TxnRequest) (*pb.TxnResponse, error) {
	return nil, status.Error(codes.Unimplemented, "gossip: no transactions: a comparison at one member says nothing about what another is writing")
}

// Compact is refused: no history is kept that could be compacted.
func (k *kv) Compact(context.Context, *pb.CompactionRequest) (*pb.CompactionResponse, error) {
	return nil, status.Error(codes.Unimplemented, "gossip: no compaction: older states are not kept")
}
