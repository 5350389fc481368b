package systems

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"net"
	"net/rpc"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/spf13/pflag"

	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/seed"
)

// What goes over the wire, by net/rpc. They are aliases because that is particular about named
// types.
type (
	memoryRequest = struct{ Key, Value string }
	memoryAnswer  = struct {
		Value             string
		Revision, Version int64
	}
	memoryPage = struct {
		Changes []history.Change
		Newest  int64 // revision of the store
	}
	memoryHash = struct {
		Revision int64
		Sum      uint32
	}
)

// firstRevision is the empty store's, as in etcd; the first write makes the next.
const firstRevision = 1

// pageSize is how many changes go into one answer.
const pageSize = 1000

// registers is the server: every change there was, in order of revision from
// firstRevision+1 on, and by key. Its methods with an exported name are those that net/rpc offers.
type registers struct {
	mu      sync.Mutex
	changes []history.Change
	byKey   map[string][]int // indices into changes

	lieRate      float64
	drops, stale *rand.Rand // one stream each, so that reads do not shift which writes are dropped; nil: honest
}

// newRegisters is an empty server; it lies at the rate given, each lie a draw from the seed.
func newRegisters(lieRate float64, s uint64) *registers {
	r := &registers{byKey: map[string][]int{}, lieRate: lieRate}
	if lieRate > 0 {
		r.drops, r.stale = seed.Stream(s, "memory-liar drops"), seed.Stream(s, "memory-liar stale")
	}
	return r
}

func (r *registers) newest() int64 { return firstRevision + int64(len(r.changes)) }

// Ping answers.
func (r *registers) Ping(_ bool, alive *bool) error {
	*alive = true
	return nil
}

// Write gives the key the value. A dropped write is answered as if it had been the next.
func (r *registers) Write(q memoryRequest, a *memoryAnswer) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	a.Revision, a.Version = r.newest()+1, int64(len(r.byKey[q.Key]))+1
	if r.drops != nil && r.drops.Float64() < r.lieRate {
		return nil
	}
	r.byKey[q.Key] = append(r.byKey[q.Key], len(r.changes))
	r.changes = append(r.changes, history.Change{Revision: a.Revision, Version: a.Version, Key: q.Key, Value: q.Value})
	return nil
}

// Read answers the key's newest value, version 0 where it has none. A stale
// answer is the value of any version before; where there is none before, the truth.
func (r *registers) Read(q memoryRequest, a *memoryAnswer) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	written := r.byKey[q.Key]
	n := len(written) - 1
	// Both numbers are drawn every time, or the data would decide about the later lies.
	if r.stale != nil {
		lie, which := r.stale.Float64() < r.lieRate, r.stale.Float64()
		if lie && n > 0 {
			n = int(which * float64(n))
		}
	}
	if n >= 0 {
		c := r.changes[written[n]]
		a.Value, a.Revision, a.Version = c.Value, c.Revision, c.Version
	}
	return nil
}

// Changes answers a page of the changes from the revision on.
func (r *registers) Changes(from int64, p *memoryPage) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	first := min(max(from-firstRevision-1, 0), int64(len(r.changes)))
	last := min(first+pageSize, int64(len(r.changes)))
	p.Changes, p.Newest = r.changes[first:last:last], r.newest() // changes are only ever appended
	return nil
}

// Hash answers the checksum of the changes up to the revision, 0 for the newest.
func (r *registers) Hash(revision int64, h *memoryHash) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if revision == 0 {
		revision = r.newest()
	}
	if revision < firstRevision || revision > r.newest() {
		return fmt.Errorf("no revision %d: the newest is %d", revision, r.newest())
	}
	sum := crc32.NewIEEE()
	for _, c := range r.changes[:revision-firstRevision] {
		var lengths [16]byte
		binary.BigEndian.PutUint64(lengths[:8], uint64(len(c.Key)))
		binary.BigEndian.PutUint64(lengths[8:], uint64(len(c.Value)))
		sum.Write(lengths[:])
		sum.Write([]byte(c.Key))
		sum.Write([]byte(c.Value))
	}
	h.Revision, h.Sum = revision, sum.Sum32()
	return nil
}

// memoryMain is the server's process. Its command line is made by memory.Command.
func memoryMain() {
	if err := serveMemory(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "reckon-memory:", err)
		os.Exit(1)
	}
}

func serveMemory(args []string) error {
	fs := pflag.NewFlagSet(MemoryRole, pflag.ContinueOnError)
	listen := fs.String("listen", "", "address to serve on")
	var l lies
	l.bind(fs)
	l.rate = 0 // honest unless told otherwise
	if err := fs.Parse(args); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	context.AfterFunc(ctx, func() { listener.Close() })
	server := rpc.NewServer()
	if err := server.RegisterName("Register", newRegisters(l.rate, l.seed)); err != nil {
		return fmt.Errorf("offer the registers: %w", err)
	}
	fmt.Fprintf(os.Stderr, "serving registers on %s, lying to %g %% of the operations\n", listener.Addr(), l.rate*100)
	for {
		conn, err := listener.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("accept: %w", err)
		}
		go server.ServeConn(conn)
	}
}
