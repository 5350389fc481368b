package systems

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/stats"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/history"
)

// Settings of a client's connections. A run measures the store, not the client's back-off: with
// gRPC's defaults, a client would stay away from a member for up to two minutes after it has healed.
const (
	// keepaliveTime is how long a connection may be idle before it is pinged: the minimum that gRPC
	// allows, and above the 5 s below which etcd closes the connection
	// (--grpc-keepalive-min-time). etcd also closes it on pings while no request is in progress.
	keepaliveTime = 10 * time.Second
	// keepaliveTimeout is how long a ping, or (as TCP_USER_TIMEOUT) any sent byte, may remain
	// unacknowledged before the connection is closed and the member excluded from balancing. It is
	// below the usual time-out of an operation, and far above any round trip.
	keepaliveTimeout = 3 * time.Second
	// reconnectDelay is the longest pause between two attempts to connect: a tenth of the usual
	// election timeout, so that it does not show in the time to recover.
	reconnectDelay = 100 * time.Millisecond
	// connectTimeout limits one attempt to connect. A SYN that a cut dropped is sent again by a new
	// attempt after this time, instead of after TCP's growing intervals.
	connectTimeout = 2 * time.Second
	// longestTrip is the longest round trip for which that suffices: connecting takes two, one for
	// TCP and one for the settings of HTTP/2.
	longestTrip = connectTimeout * 9 / 20
)

// Dial returns etcd's own Go client. It uses the members in turn, repeats reads that a member could
// not serve (which that client does by default), and never repeats a write that may have been sent.
// It does not wait for connections; operations do.
func (e *etcd) Dial(_ context.Context, members []reckon.Member, dial reckon.Dial) (reckon.Client, error) {
	c, err := newEtcdClient(members, dial)
	if err != nil {
		return nil, fmt.Errorf("make an etcd client: %w", err)
	}
	return &etcdClient{c}, nil
}

func newEtcdClient(members []reckon.Member, dial reckon.Dial) (*clientv3.Client, error) {
	var endpoints []string
	names := tracer{}
	for _, m := range members {
		endpoints = append(endpoints, clientURL(m))
		names[clientAddress(m)] = m.Name
	}
	return clientv3.New(clientv3.Config{
		Endpoints:   endpoints,
		Logger:      zap.NewNop(), // every error is recorded with its operation
		DialOptions: append(dialOptions(dial, reconnectDelay), grpc.WithStatsHandler(names)),
	})
}

// dialOptions returns the options for clients and for requests to a single member.
func dialOptions(dial reckon.Dial, delay time.Duration) []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) {
			return dial(ctx, "tcp", address)
		}),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: delay / 4, Multiplier: 2, Jitter: 0.2, MaxDelay: delay},
			MinConnectTimeout: connectTimeout,
		}),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: keepaliveTime, Timeout: keepaliveTimeout}),
	}
}

// etcdClient is a reckon.Client.
type etcdClient struct{ kv *clientv3.Client }

func (c *etcdClient) Close() error {
	if err := c.kv.Close(); err != nil && !errors.Is(err, context.Canceled) { // which it returns when it is closed
		return fmt.Errorf("close the etcd client: %w", err)
	}
	return nil
}

// Do carries out a put, or a linearizable get. A read with an error is Failed. A write with an error
// is Failed if it was never handed to a connection, or if the error is in the table of definite
// ones; otherwise it is Unknown.
func (c *etcdClient) Do(ctx context.Context, op reckon.Op) reckon.Op {
	t := new(trace)
	ctx = context.WithValue(ctx, traceKey{}, t)
	var err error
	if op.Kind == history.Write {
		err = c.put(ctx, &op)
	} else {
		err = c.get(ctx, &op)
	}
	member := t.member()
	op.Outcome = outcome(op.Kind, member != "", err)
	op.Via = member
	switch {
	case err == nil:
		op.Member = member
	case member == "":
		op.Error = "never sent: " + err.Error()
	default:
		op.Error = "through " + member + ": " + err.Error()
	}
	return op
}

func (c *etcdClient) put(ctx context.Context, op *reckon.Op) error {
	if op.Delete {
		resp, err := c.kv.Delete(ctx, op.Key)
		if err != nil {
			return err
		}
		op.Revision = resp.Header.Revision
		return nil
	}
	resp, err := c.kv.Put(ctx, op.Key, op.Value)
	if err != nil {
		return err
	}
	op.Revision = resp.Header.Revision // the revision of this write, not that of the store when it answered (storage/mvcc through etcdserver/txn/put.go)
	return nil
}

func (c *etcdClient) get(ctx context.Context, op *reckon.Op) error {
	resp, err := c.kv.Get(ctx, op.Key)
	if err != nil {
		return err
	}
	for _, kv := range resp.Kvs { // one or none
		op.Value, op.Version, op.Revision = string(kv.Value), kv.Version, kv.ModRevision
	}
	return nil
}

// outcome returns the outcome of an operation with an error; sent reports whether any part of it was
// handed to a connection.
func outcome(kind history.Kind, sent bool, err error) history.Outcome {
	switch {
	case err == nil:
		return history.OK
	case kind == history.Read, !sent, definite(err):
		return history.Failed
	}
	return history.Unknown
}

// refusals are the errors of a put that guarantee that it had no effect and never will, each with
// the place in etcd's source that guarantees it. With any other error, the outcome is Unknown. Two
// groups look as if they belonged here, but do not:
//
// ErrNoSpace is returned before the proposal (api/v3rpc/quota.go), but also after the put was
// applied: quotaApplierV3.Put (apply/quota.go) checks the quota, applies the put, and only then
// replaces the answer by this error.
//
// ErrTimeout and its variants, ErrLeaderChanged and ErrStopped end the wait for a proposal that is
// still in progress and may yet be applied.
var refusals = []struct {
	err error
	why string
}{
	{rpctypes.ErrGRPCRequestTooManyRequests, "etcdserver/v3_server.go processInternalRaftRequestOnce: refused before it is proposed"},
	{rpctypes.ErrGRPCRequestTooLarge, "etcdserver/v3_server.go processInternalRaftRequestOnce: refused before it is proposed"},
	{rpctypes.ErrGRPCInvalidAuthToken, "etcdserver/v3_server.go processInternalRaftRequestOnce: AuthInfoFromCtx comes before the proposal"},
	{rpctypes.ErrGRPCEmptyKey, "etcdserver/api/v3rpc/key.go checkPutRequest: refused before the server sees it"},
	{rpctypes.ErrGRPCNotCapable, "etcdserver/api/v3rpc/interceptor.go newUnaryInterceptor: refused before its handler"},
	{rpctypes.ErrGRPCNotSupportedForLearner, "etcdserver/api/v3rpc/interceptor.go newUnaryInterceptor: refused before its handler"},
	{rpctypes.ErrGRPCInvalidClientAPIVersion, "etcdserver/api/v3rpc/interceptor.go newUnaryInterceptor: refused before its handler"},
	{rpctypes.ErrGRPCNoLeader, "etcdserver/api/v3rpc/interceptor.go newUnaryInterceptor: refused before its handler, the only place for a put"},
	{rpctypes.ErrGRPCPermissionDenied, "etcdserver/apply/auth.go authApplierV3.Put: every member refuses to apply it, by the same state"},
	{rpctypes.ErrGRPCAuthOldRevision, "etcdserver/apply/auth.go authApplierV3.Put: every member refuses to apply it, by the same state"},
	{rpctypes.ErrGRPCUserEmpty, "etcdserver/apply/auth.go authApplierV3.Put: every member refuses to apply it, by the same state"},
}

// plainRefusals are such errors without a value in rpctypes, by the beginning of their message.
var plainRefusals = []struct{ message, why string }{
	{"raft proposal dropped", "raft.go: each return of ErrProposalDropped comes before the entry is appended or sent on"},
	{"grpc: received message larger than max", "gRPC's server drops it before it is decoded"},
	{"trying to send message larger than max", "gRPC's client does not send it"},
}

func definite(err error) bool {
	message := rpctypes.ErrorDesc(err) // of what gRPC answers as of what etcd's client makes of it, which not all of these are
	for _, r := range refusals {
		if message == rpctypes.ErrorDesc(r.err) {
			return true
		}
	}
	for _, r := range plainRefusals {
		if strings.HasPrefix(message, r.message) {
			return true
		}
	}
	return false
}

// trace records the members to which one operation was sent.
type trace struct{ last atomic.Pointer[string] }

type traceKey struct{}

// member returns the member to whose connection the operation was last handed, "" if it was handed
// to none: then no byte of it was sent, and it cannot have taken effect.
func (t *trace) member() string {
	if s := t.last.Load(); s != nil {
		return *s
	}
	return ""
}

// tracer is a stats.Handler that fills in the trace of each operation. It identifies members by
// address.
//
// Why not by the text of the error: for a time-out, the text contains neither whether the request
// was sent nor to which member, and gRPC may change it. gRPC reports OutHeader in the goroutine of
// the call, when it hands the header of the request to the connection, before the request itself.
type tracer map[string]string

func (t tracer) HandleRPC(ctx context.Context, s stats.RPCStats) {
	head, ok := s.(*stats.OutHeader)
	if !ok {
		return
	}
	if tr, ok := ctx.Value(traceKey{}).(*trace); ok {
		address := head.RemoteAddr.String()
		name, ok := t[address]
		if !ok {
			name = address
		}
		tr.last.Store(&name)
	}
}

func (t tracer) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context   { return ctx }
func (t tracer) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (t tracer) HandleConn(context.Context, stats.ConnStats)                       {}
