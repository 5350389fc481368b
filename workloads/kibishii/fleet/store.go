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

// Etcd is the cluster through which workers and callers communicate.
type Etcd struct {
	Endpoints      []string    // "host:port" or URLs
	TLS            *tls.Config // nil for none
	User, Password string      // "" for none
	// Dial opens connections; nil: from this process's own network.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Settings of a client's connections. A member that is paused or cut off keeps them open, so every
// request and every watch also has a time limit of its own (see members).
const (
	pingAfter      = 10 * time.Second // the least that gRPC allows
	pingTimeout    = 3 * time.Second
	reconnectDelay = 500 * time.Millisecond // at most, between two attempts to connect
	connectTimeout = 2 * time.Second        // for one attempt
	authTimeout    = 5 * time.Second        // for the first request of a client with a user
)

// store is an etcd cluster; requests to it are repeated until one is answered.
type store struct {
	c       *clientv3.Client
	retries *atomic.Int64 // how many requests were repeated and watches opened again
	ring    *ring
}

// ring is the members of etcd. One is used until it fails; then all requests and watches go to the
// next.
//
// Why not in turn, as etcd's client would: while one of three members is paused, every third request
// would time out, and an operation is a sequence of requests. That would last for the 13 s after
// which gRPC gives up the connection.
type ring struct {
	mu        sync.Mutex
	endpoints []string
	at        int
}

// current returns the member to which requests go now.
func (r *ring) current() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.at
}

// leave makes the next member current, unless another request has done so already.
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

// connect returns a client. It waits for the cluster only if a user must be authenticated.
func (e Etcd) connect(ctx context.Context) (store, error) {
	config := clientv3.Config{
		TLS: e.TLS, Username: e.User, Password: e.Password, DialTimeout: authTimeout,
		Logger:          zap.NewNop(), // we report its errors
		MaxUnaryRetries: 1,            // and repeat what failed
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

// mind leaves a member as soon as it refuses connections, until the store is closed. By themselves,
// watches reopen, but at the same member.
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
			rest(context.Background(), firstPause) // so that members which all refuse are not tried in a busy loop
		}
		conn.WaitForStateChange(context.Background(), state)
	}
}

// failFast makes a request to a member that refuses connections fail at once, with the reason.
// Etcd's client would wait for the member.
func failFast(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
	return invoke(ctx, method, req, reply, cc, append(options, grpc.WaitForReady(false))...)
}

// failStreamFast does the same for streams.
func failStreamFast(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, open grpc.Streamer, options ...grpc.CallOption) (grpc.ClientStream, error) {
	return open(ctx, desc, cc, method, append(options, grpc.WaitForReady(false))...)
}

func (s store) close() { _ = s.c.Close() } // nothing can be lost

// counting returns the same store with its own count of retries.
func (s store) counting() store { return store{s.c, new(atomic.Int64), s.ring} }

// Time limits of an attempt and of the pause before the next.
const (
	firstAttempt = time.Second
	longAttempt  = 5 * time.Second
	firstPause   = 20 * time.Millisecond
	longPause    = time.Second
)

// try calls f, each time with a time limit, until it succeeds, fails permanently, or ctx ends. A
// request that was not answered may have taken effect, so f must be safe to repeat.
func (s store) try(ctx context.Context, what string, f func(context.Context) error) error {
	attempt, pause := firstAttempt, firstPause
	var last error // more specific than a timeout
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

// permanent reports whether repeating the request cannot help.
func permanent(err error) bool {
	code := status.Code(err)
	var e rpctypes.EtcdError
	if errors.As(err, &e) {
		code = e.Code()
	}
	switch code {
	case codes.InvalidArgument, codes.NotFound, codes.OutOfRange, codes.PermissionDenied, codes.FailedPrecondition:
		return !errors.Is(err, rpctypes.ErrAuthOldRevision) // etcd's client recovers from it
	}
	return false
}

// rest waits for about d; it returns false if ctx ends first.
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

// get reads linearizably.
func (s store) get(ctx context.Context, key string, options ...clientv3.OpOption) (resp *clientv3.GetResponse, err error) {
	err = s.try(ctx, "read "+key, func(ctx context.Context) (err error) {
		resp, err = s.c.Get(ctx, key, options...)
		return err
	})
	return resp, err
}

// txn runs one transaction, which must be safe to repeat: if no answer comes, it may have been
// applied, and is sent again.
func (s store) txn(ctx context.Context, what string, conditions []clientv3.Cmp, then []clientv3.Op, otherwise ...clientv3.Op) (resp *clientv3.TxnResponse, err error) {
	err = s.try(ctx, what, func(ctx context.Context) (err error) {
		resp, err = s.c.Txn(ctx).If(conditions...).Then(then...).Else(otherwise...).Commit()
		return err
	})
	return resp, err
}

// created returns the condition that the key was created at that revision; 0: that it does not exist.
func created(key string, revision int64) clientv3.Cmp {
	return clientv3.Compare(clientv3.CreateRevision(key), "=", revision)
}

// ErrLeaseLost: the lease expired, and with it all keys attached to it. A worker logs it where it
// ends an operation.
var ErrLeaseLost = errors.New("the lease expired")

// keepAlive renews the lease until ctx ends; if the lease expires first, it returns ErrLeaseLost.
// While etcd does not answer, the lease may still be valid, so it keeps trying.
//
// Why not Client.KeepAlive: all its leases share one stream, and if the member at the other end is
// paused, detecting that takes longer than a lease.
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

// renew renews the lease once, on a stream of its own.
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
