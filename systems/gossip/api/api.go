// Package api serves the store over etcd's v3 API, so that etcdctl, clientv3 and whatever else
// speaks to etcd can use it as far as its semantics go: Range, Put, DeleteRange, Watch, and what
// Maintenance and Cluster tell of members. What would have to lie is Unimplemented: transactions,
// leases, authentication, compaction.
//
// A revision is local: the member's sequence number, shifted by 8 bits, and twice the member's
// index. It rises with every change that the member applies. It means nothing at another member,
// which answers it as compacted: the API's own way of saying "list again". The lowest bit is left
// free, since clients go on from a revision plus one.
package api

import (
	"context"
	"errors"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"

	"github.com/reckon-bench/reckon/systems/gossip/core"
	"github.com/reckon-bench/reckon/systems/gossip/state"
)

// Store is a member, as the API uses it. Its methods may be called at any time.
type Store interface {
	// Write puts and deletes keys, and waits for the answer or the end of ctx.
	Write(ctx context.Context, ops []core.Op) (core.Answer, error)
	// View is the state as it is, and who tells it; the error says why the member does not serve.
	View() (View, error)
	// Info is what the member says of itself, also when it does not serve.
	Info() Info
	// Members lists whom the member knows.
	Members() []core.View
	// Forget removes another member for ever.
	Forget(ctx context.Context, id uint64) error
	// Hub has the changes that were applied.
	Hub() *Hub
}

// View is a state at an instant.
type View struct {
	State *state.Snapshot
	Seq   int64
	Index uint8
	Root  state.Root
}

// Info is what a member knows of itself and the others.
type Info struct {
	Cluster, ID uint64
	Seq         int64
	Index       uint8
	NotReady    error
	Bytes       int64 // of entries in memory
}

// Revision is the revision of a sequence number at the member with the index.
func Revision(seq int64, index uint8) int64 { return seq<<8 | int64(index)<<1 }

// ofMember reports whether the revision, or the revision before it, is one of the member's, and of
// which sequence number the first change from it on is.
func ofMember(revision int64, index uint8) (seq int64, ok bool) {
	return revision>>8 + revision&1, uint8(revision)>>1 == index
}

const (
	// requestMost is etcd's limit on a request, in bytes.
	requestMost = 1.5 * 1024 * 1024
	// overhead is what a message may be larger than its keys and values.
	overhead = 512 * 1024
	// version is of etcd's API that is followed.
	version = "3.6.0"
)

// Server is a gRPC server of the store.
func Server(s Store) *grpc.Server {
	g := grpc.NewServer(
		grpc.MaxRecvMsgSize(requestMost+overhead),
		grpc.MaxSendMsgSize(1<<31-1),
		grpc.MaxConcurrentStreams(1<<20),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: keepaliveMin}),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: keepaliveEvery, Timeout: keepaliveWait}),
	)
	pb.RegisterKVServer(g, &kv{s: s})
	pb.RegisterWatchServer(g, &watchServer{s: s})
	pb.RegisterMaintenanceServer(g, &maintenance{s: s})
	pb.RegisterClusterServer(g, &clusterServer{s: s})
	pb.RegisterLeaseServer(g, pb.UnimplementedLeaseServer{})
	pb.RegisterAuthServer(g, pb.UnimplementedAuthServer{})
	return g
}

func header(i Info) *pb.ResponseHeader {
	return &pb.ResponseHeader{ClusterId: i.Cluster, MemberId: i.ID, Revision: Revision(max(i.Seq, 1), i.Index)}
}

// refusal is the error that a client gets.
func refusal(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, core.ErrBusy):
		return rpctypes.ErrGRPCRequestTooManyRequests
	case errors.Is(err, core.ErrFull):
		return status.Error(codes.ResourceExhausted, "gossip: "+err.Error())
	case errors.Is(err, core.ErrDisk):
		return status.Error(codes.ResourceExhausted, "gossip: "+err.Error())
	case errors.Is(err, core.ErrNoMember):
		return rpctypes.ErrGRPCMemberNotFound
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return status.FromContextError(err).Err()
	}
	return status.Error(codes.Unavailable, "gossip: "+err.Error())
}

// keyValue is an entry as etcd tells it.
func keyValue(e *state.Entry, index uint8) *mvccpb.KeyValue {
	kv := &mvccpb.KeyValue{Key: []byte(e.Key), ModRevision: Revision(e.Mod, index)}
	if !e.Deleted {
		kv.Value, kv.CreateRevision, kv.Version = []byte(e.Value), Revision(e.Create, index), e.Version
	}
	return kv
}

// within reports whether the key is the one, or in the range, that etcd's key and range_end mean.
func within(key, from, end string) bool {
	switch end {
	case "":
		return key == from
	case "\x00":
		return key >= from
	}
	return key >= from && key < end
}
