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

// The messages of net/rpc. They are aliases because net/rpc accepts a named type only if it is
// exported.
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

// firstRevision is the revision of the empty store, as in etcd; the first write has the next one.
const firstRevision = 1

// pageSize is the number of changes in one answer.
const pageSize = 1000

// registers is the server: all changes in order of revision, from firstRevision+1 on, and by key.
// net/rpc serves its exported methods.
type registers struct {
	mu      sync.Mutex
	changes []history.Change
	byKey   map[string][]int // indices into changes

	lieRate      float64
	drops, stale *rand.Rand // separate streams, so that reads do not change which writes are dropped; nil: honest
}

// newRegisters returns an empty server. It lies at the rate given; the seed decides when.
func newRegisters(lieRate float64, s uint64) *registers {
	r := &registers{byKey: map[string][]int{}, lieRate: lieRate}
	if lieRate > 0 {
		r.drops, r.stale = seed.Stream(s, "memory-liar drops"), seed.Stream(s, "memory-liar stale")
	}
	return r
}

func (r *registers) newest() int64 { return firstRevision + int64(len(r.changes)) }

// Ping returns at once.
func (r *registers) Ping(_ bool, alive *bool) error {
	*alive = true
	return nil
}

// Write sets the key to the value. A dropped write is answered as if it had been applied.
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

// Read returns the key's newest value; version 0 if it has none. A stale answer is the value of an
// earlier version, or the newest if there is none.
func (r *registers) Read(q memoryRequest, a *memoryAnswer) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	written := r.byKey[q.Key]
	n := len(written) - 1
	// Both numbers are drawn every time; otherwise later lies would depend on the data.
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

// Changes returns a page of the changes from the revision on.
func (r *registers) Changes(from int64, p *memoryPage) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	first := min(max(from-firstRevision-1, 0), int64(len(r.changes)))
	last := min(first+pageSize, int64(len(r.changes)))
	p.Changes, p.Newest = r.changes[first:last:last], r.newest() // changes are only ever appended
	return nil
}

// Hash returns the checksum of the changes up to the revision; 0 means the newest.
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

// memoryMain is the main function of the server's process. memory.Command makes its command line.
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
	l.rate = 0 // honest by default
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
