package fleet

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"
)

// Etcd is the cluster through which workers and callers meet.
type Etcd struct {
	Endpoints      []string    // "host:port" or URLs
	TLS            *tls.Config // nil for none
	User, Password string      // "" for none
	// Dial opens connections, where not from this process's own network.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// How a client holds its connections. A member that is paused, or cut off, keeps them, so
// that every request and every watch has its own bound besides (see members).
const (
	pingAfter      = 10 * time.Second // the least that gRPC allows
	pingTimeout    = 3 * time.Second
	reconnectDelay = 500 * time.Millisecond // at most, between two attempts to connect
	connectTimeout = 2 * time.Second        // for one attempt
	authTimeout    = 5 * time.Second        // for the first request of a client with a user
)

// store is an etcd cluster that is asked until it answers.
type store struct {
	c       *clientv3.Client
	retries *atomic.Int64 // how many requests were repeated and watches opened again
	ring    *ring
}

// ring is etcd's members, of which one is used until it fails: then all requests and watches go to
// the next.
//
// Why not all in turn, as etcd's client would: while one of three stands still, every third request
// runs into its bound, and an operation is a chain of requests. It would last until gRPC gives up
// the connection, 13 s.
type ring struct {
	mu        sync.Mutex
	endpoints []string
	at        int
}

// current is where requests go now.
func (r *ring) current() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.at
}

// leave has requests go to the next member, unless another request has left that one already.
func (s store) leave(at int) {
	s.ring.mu.Lock()
	defer s.ring.mu.Unlock()
	if at != s.ring.at || len(s.ring.endpoints) == 1 {
		return
	}
	s.ring.at = (at + 1) % len(s.ring.endpoints)
	if s.c != nil {
		s.c.SetEndpoints(s.ring.endpoints[s.ring.at])
	}
}

// connect makes the client. It does not wait for the cluster, unless there is a user to
// authenticate.
func (e Etcd) connect(ctx context.Context) (store, error) {
	config := clientv3.Config{
		TLS: e.TLS, Username: e.User, Password: e.Password, DialTimeout: authTimeout,
		Logger:          zap.NewNop(), // its errors are ours to report
		MaxUnaryRetries: 1,            // and to repeat what failed is ours too
		DialOptions: []grpc.DialOption{
			grpc.WithConnectParams(grpc.ConnectParams{
				Backoff:           backoff.Config{BaseDelay: reconnectDelay / 8, Multiplier: 2, Jitter: 0.2, MaxDelay: reconnectDelay},
				MinConnectTimeout: connectTimeout,
			}),
			grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: pingAfter, Timeout: pingTimeout}),
			grpc.WithChainUnaryInterceptor(failFast), grpc.WithChainStreamInterceptor(failStreamFast),
		},
	}
	if e.Dial != nil {
		config.DialOptions = append(config.DialOptions, grpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) {
			return e.Dial(ctx, "tcp", address)
		}))
	}
	if len(e.Endpoints) == 0 {
		return store{}, errors.New("connect to etcd: no endpoints")
	}
	s := store{retries: new(atomic.Int64), ring: &ring{endpoints: e.Endpoints, at: rand.N(len(e.Endpoints))}}
	err := s.try(ctx, "connect to etcd", func(context.Context) (err error) {
		config.Endpoints = e.Endpoints[s.ring.current():][:1]
		s.c, err = clientv3.New(config)
		return err
	})
	if err != nil {
		return store{}, fmt.Errorf("%w (endpoints %s)", err, strings.Join(e.Endpoints, ", "))
	}
	go s.mind()
	return s, nil
}

// mind leaves a member as soon as it refuses connections, until the store is closed. Watches open
// themselves again, but at the member where they were.
func (s store) mind() {
	conn := s.c.ActiveConnection()
	for {
		at := s.ring.current()
		state := conn.GetState()
		switch state {
		case connectivity.Shutdown:
			return
		case connectivity.Idle:
			conn.Connect()
		case connectivity.TransientFailure:
			s.leave(at)
			rest(context.Background(), firstPause) // where all refuse, they are not asked without end
		}
		conn.WaitForStateChange(context.Background(), state)
	}
}

// failFast has a request to a member that refuses connections fail at once, with the reason. Etcd's
// client would wait for the member.
func failFast(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
	return invoke(ctx, method, req, reply, cc, append(options, grpc.WaitForReady(false))...)
}

// failStreamFast is the same for streams.
func failStreamFast(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, open grpc.Streamer, options ...grpc.CallOption) (grpc.ClientStream, error) {
	return open(ctx, desc, cc, method, append(options, grpc.WaitForReady(false))...)
}

func (s store) close() { _ = s.c.Close() } // nothing is to be lost

// counting is the same store with a count of its own.
func (s store) counting() store { return store{s.c, new(atomic.Int64), s.ring} }

// The bounds of an attempt and of the pause before the next.
const (
	firstAttempt = time.Second
	longAttempt  = 5 * time.Second
	firstPause   = 20 * time.Millisecond
	longPause    = time.Second
)

// try calls f, each time with a bound, until it succeeds, or fails for a reason that will not pass,
// or ctx ends. A request whose answer did not come may have had its effect, so f must be of a kind
// that can be repeated.
func (s store) try(ctx context.Context, what string, f func(context.Context) error) error {
	attempt, pause := firstAttempt, firstPause
	var last error // that says more than that time was up
	for {
		at := s.ring.current()
		bounded, cancel := context.WithTimeout(clientv3.WithRequireLeader(ctx), attempt)
		err := f(bounded)
		cancel()
		if last == nil || !errors.Is(err, context.DeadlineExceeded) {
			last = err
		}
		switch {
		case err == nil:
			return nil
		case ctx.Err() == nil && permanent(err):
			return fmt.Errorf("%s: %w", what, err)
		case !rest(ctx, pause):
			return fmt.Errorf("%s: %w; last: %v", what, context.Cause(ctx), last)
		}
		s.leave(at)
		s.retries.Add(1)
		attempt, pause = min(2*attempt, longAttempt), min(2*pause, longPause)
	}
}

// permanent says whether repeating the request cannot help.
func permanent(err error) bool {
	code := status.Code(err)
	var e rpctypes.EtcdError
	if errors.As(err, &e) {
		code = e.Code()
	}
	switch code {
	case codes.InvalidArgument, codes.NotFound, codes.OutOfRange, codes.PermissionDenied, codes.FailedPrecondition:
		return !errors.Is(err, rpctypes.ErrAuthOldRevision) // which etcd's client mends
	}
	return false
}

// rest waits for about d; false where ctx ended first.
func rest(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d/2 + rand.N(d))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// get reads, linearizably.
func (s store) get(ctx context.Context, key string, options ...clientv3.OpOption) (resp *clientv3.GetResponse, err error) {
	err = s.try(ctx, "read "+key, func(ctx context.Context) (err error) {
		resp, err = s.c.Get(ctx, key, options...)
		return err
	})
	return resp, err
}

// txn is one transaction. It must be one that can be repeated: where no answer came, it may have
// been done, and is done again.
func (s store) txn(ctx context.Context, what string, conditions []clientv3.Cmp, then []clientv3.Op, otherwise ...clientv3.Op) (resp *clientv3.TxnResponse, err error) {
	err = s.try(ctx, what, func(ctx context.Context) (err error) {
		resp, err = s.c.Txn(ctx).If(conditions...).Then(then...).Else(otherwise...).Commit()
		return err
	})
	return resp, err
}

// created is the condition that the key was created by that revision; 0 for it is not there.
func created(key string, revision int64) clientv3.Cmp {
	return clientv3.Compare(clientv3.CreateRevision(key), "=", revision)
}

// ErrLeaseLost: the lease expired, and with it all that stood on it. A worker says so in its log
// where that ends an operation.
var ErrLeaseLost = errors.New("the lease expired")

// keepAlive keeps the lease until ctx ends, or the lease has: then it returns ErrLeaseLost. While
// etcd does not answer the lease may live, and so it goes on asking.
//
// Why not Client.KeepAlive: all its leases share one stream, and when the member at its other end
// is paused, it is longer than a lease until that shows.
func (s store) keepAlive(ctx context.Context, id clientv3.LeaseID, ttl time.Duration) error {
	for rest(ctx, ttl/4) {
		pause := firstPause
		for {
			at := s.ring.current()
			left, err := s.renew(ctx, id, min(firstAttempt, ttl/5))
			if err == nil && left <= 0 || errors.Is(rpctypes.Error(err), rpctypes.ErrLeaseNotFound) {
				return ErrLeaseLost
			}
			if err == nil || !rest(ctx, pause) {
				break
			}
			s.leave(at)
			s.retries.Add(1)
			pause = min(2*pause, ttl/10)
		}
	}
	return context.Cause(ctx)
}

// renew asks once, on a stream of its own.
func (s store) renew(ctx context.Context, id clientv3.LeaseID, bound time.Duration) (left int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	stream, err := pb.NewLeaseClient(s.c.ActiveConnection()).LeaseKeepAlive(ctx)
	if err != nil {
		return 0, err
	}
	if err := stream.Send(&pb.LeaseKeepAliveRequest{ID: int64(id)}); err != nil {
		return 0, err
	}
	resp, err := stream.Recv()
	if err != nil {
		return 0, err
	}
	return resp.TTL, nil
}
