package gossip

import (
	"context"
	crand "crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"github.com/soheilhy/cmux"
	"google.golang.org/grpc"

	"github.com/reckon-bench/reckon/systems/gossip/api"
	"github.com/reckon-bench/reckon/systems/gossip/core"
	"github.com/reckon-bench/reckon/systems/gossip/peer"
	"github.com/reckon-bench/reckon/systems/gossip/wal"
)

// Server is a running member.
type Server struct {
	o     Options
	began time.Time
	log   *wal.Log
	hub   *api.Hub

	mu      sync.Mutex // of the core, and of the order of what it wants done
	core    *core.Node
	peers   *peer.Transport
	waiting map[uint64]chan core.Answer
	ticket  uint64
	loading int // records that were loaded
	ended   bool

	listener net.Listener
	grpc     *grpc.Server
	http     *http.Server
	done     chan struct{} // closed when the disk's loop has ended
	err      error         // why it has
}

// Start starts a member on what is in its directory. It serves clients as soon as it is part of a
// cluster.
func Start(o Options) (*Server, error) {
	if err := o.Fill(); err != nil {
		return nil, err
	}
	s := &Server{o: o, began: time.Now(), waiting: map[uint64]chan core.Answer{}, done: make(chan struct{})}
	config, err := o.config()
	if err != nil {
		return nil, err
	}
	if s.core, err = core.New(config, rand.New(rand.NewPCG(random(), random()))); err != nil {
		return nil, err
	}
	// What is loaded stays: collecting garbage meanwhile would look at all of it over and over.
	percent := debug.SetGCPercent(loadingGCPercent)
	s.log, err = wal.Open(wal.Options{Dir: o.Dir, Cluster: clusterID(o.Cluster), Durability: wal.Durability(o.Durability), Compact: o.CompactSize, Logf: o.Logf}, s.load)
	debug.SetGCPercent(percent)
	if err != nil {
		return nil, err
	}
	if s.peers, err = peer.Listen(peer.Options{Listen: o.ListenPeer, Receive: s.receive, Logf: o.Logf}); err != nil {
		return nil, err
	}
	if s.listener, err = net.Listen("tcp", o.ListenClient); err != nil {
		s.peers.Close()
		return nil, fmt.Errorf("listen for clients: %w", err)
	}
	s.mu.Lock()
	seq, _ := s.core.Seq()
	s.hub = api.NewHub(seq)
	s.dispatch(s.core.Start(s.now()))
	s.mu.Unlock()
	go s.runLog()
	go s.serve()
	o.Logf("%s serves clients on %s and peers on %s, with %d records from %s, loaded in %v", o.Name, s.listener.Addr(), s.peers.Addr(), s.loading, o.Dir, time.Since(s.began).Round(time.Millisecond))
	return s, nil
}

// loadingGCPercent is that of the collector while a member loads its disk.
const loadingGCPercent = 400

func random() uint64 {
	var b [8]byte
	_, _ = crand.Read(b[:]) // it never fails (crypto/rand)
	return binary.LittleEndian.Uint64(b[:])
}

func (s *Server) load(record []byte) error {
	s.loading++
	return s.core.Load(record)
}

// now is what the clocks show.
func (s *Server) now() core.Time {
	t := time.Now()
	return core.Time{Wall: uint64(max(t.UnixMilli(), 0)), Mono: t.Sub(s.began)}
}

// dispatch does what the core wants done. The lock is held, so that records and changes keep their
// order.
func (s *Server) dispatch(e core.Effects) {
	for _, w := range e.Writes {
		s.log.Submit(w.ID, w.Record)
	}
	for _, m := range e.Sends {
		s.peers.Send(m.To, m.Bytes)
	}
	s.hub.Publish(e.Changes)
	for _, a := range e.Answers {
		if c := s.waiting[a.Ticket]; c != nil {
			c <- a
			delete(s.waiting, a.Ticket)
		}
	}
	for _, t := range e.Timers {
		time.AfterFunc(t.After, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			if !s.ended {
				s.dispatch(s.core.Timer(s.now(), t.ID))
			}
		})
	}
}

// receive gives the core a message.
func (s *Server) receive(b []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended || s.hub == nil {
		return nil
	}
	e, err := s.core.Message(s.now(), b)
	s.dispatch(e)
	return err
}

func (s *Server) runLog() {
	defer close(s.done)
	s.err = s.log.Run(wal.Events{
		Written: func(id uint64) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.dispatch(s.core.Written(s.now(), id))
		},
		Failed: func(err error) {
			s.o.Logf("write to disk: %v; reads go on, writes fail", err)
			s.mu.Lock()
			defer s.mu.Unlock()
			s.log.Discard()
			s.dispatch(s.core.Failed(s.now(), err))
		},
		Snapshot: func() func(yield func([]byte) bool) {
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.core.Snapshot()
		},
	})
}

// serve serves clients: gRPC, and HTTP for what etcd's API has no place for.
func (s *Server) serve() {
	m := cmux.New(s.listener)
	plain := m.Match(cmux.HTTP1Fast())
	rest := m.Match(cmux.Any())
	s.mu.Lock()
	s.grpc = api.Server(s)
	s.http = &http.Server{Handler: s.handler(), ReadHeaderTimeout: 10 * time.Second}
	if s.ended {
		s.listener.Close()
	}
	g, h := s.grpc, s.http
	s.mu.Unlock()
	go func() { _ = h.Serve(plain) }()
	go func() { _ = g.Serve(rest) }()
	_ = m.Serve() // until the listener is closed
}

// Wait returns when the member has ended, with the reason where it ended by itself.
func (s *Server) Wait() error {
	<-s.done
	return s.err
}

// Addr is where clients are served.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Close ends the member in order: what was acknowledged, and what was received, is on disk then.
func (s *Server) Close() error {
	s.mu.Lock()
	s.ended = true
	g, h := s.grpc, s.http
	s.mu.Unlock()
	if g != nil {
		stopped := make(chan struct{})
		go func() {
			g.GracefulStop()
			close(stopped)
		}()
		select {
		case <-stopped:
		case <-time.After(500 * time.Millisecond): // watches have no end
		}
		g.Stop()
		h.Close()
	}
	s.listener.Close()
	s.peers.Close()
	s.log.Close()
	return s.Wait()
}

// ask has the core do something that ends in an answer.
func (s *Server) ask(ctx context.Context, do func(t core.Time, ticket uint64) core.Effects) (core.Answer, error) {
	c := make(chan core.Answer, 1)
	s.mu.Lock()
	if s.ended {
		s.mu.Unlock()
		return core.Answer{}, core.ErrLeaving
	}
	s.ticket++
	ticket := s.ticket
	s.waiting[ticket] = c
	s.dispatch(do(s.now(), ticket))
	s.mu.Unlock()
	select {
	case a := <-c:
		return a, a.Err
	case <-ctx.Done():
	case <-s.done:
	}
	s.mu.Lock()
	delete(s.waiting, ticket)
	s.mu.Unlock()
	if ctx.Err() != nil {
		return core.Answer{}, ctx.Err()
	}
	return core.Answer{}, errors.New("the member has ended")
}

// Write implements [api.Store].
func (s *Server) Write(ctx context.Context, ops []core.Op) (core.Answer, error) {
	return s.ask(ctx, func(t core.Time, ticket uint64) core.Effects { return s.core.Write(t, ticket, "", ops) })
}

// Forget implements [api.Store].
func (s *Server) Forget(ctx context.Context, id uint64) error {
	_, err := s.ask(ctx, func(t core.Time, ticket uint64) core.Effects { return s.core.Forget(t, ticket, id) })
	return err
}

// Join has the member join the cluster of another.
func (s *Server) Join(ctx context.Context, addr string) error {
	_, err := s.ask(ctx, func(t core.Time, ticket uint64) core.Effects { return s.core.Join(t, ticket, addr) })
	return err
}

// Leave has the member leave its cluster. What it holds is then held by another.
func (s *Server) Leave(ctx context.Context) error {
	_, err := s.ask(ctx, s.core.Leave)
	return err
}

// View implements [api.Store].
func (s *Server) View() (api.View, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.core.Readable(); err != nil {
		return api.View{}, err
	}
	seq, index := s.core.Seq()
	return api.View{State: s.core.Data().Snapshot(), Seq: seq, Index: index, Root: s.core.Data().Root()}, nil
}

// Info implements [api.Store].
func (s *Server) Info() api.Info {
	s.mu.Lock()
	defer s.mu.Unlock()
	seq, index := s.core.Seq()
	return api.Info{Cluster: s.core.ClusterID(), ID: s.core.ID(), Seq: seq, Index: index, NotReady: s.core.Ready(), Bytes: int64(s.core.Data().Bytes())}
}

// Members implements [api.Store].
func (s *Server) Members() []core.View {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.core.Members(s.now())
}

// Hub implements [api.Store].
func (s *Server) Hub() *api.Hub { return s.hub }
