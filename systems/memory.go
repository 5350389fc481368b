package systems

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"net/rpc"
	"strconv"
	"sync"
	"time"

	"github.com/moby/sys/reexec"
	"github.com/spf13/pflag"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/flags"
	"github.com/reckon-bench/reckon/reckon/history"
)

// MemoryRole is the name under which reckon's binary is the server of memory and memory-liar.
const MemoryRole = "reckon-memory"

func init() {
	reexec.Register(MemoryRole, memoryMain)
	reckon.Systems.Register(reckon.Word[reckon.System]{
		Name: "memory",
		Doc:  "one server on the first node that keeps registers in memory; once killed it has forgotten everything, and the check durable says so",
		New:  func(*pflag.FlagSet) reckon.System { return newMemory(nil) },
	})
	reckon.Systems.Register(reckon.Word[reckon.System]{
		Name: "memory-liar",
		Doc:  "memory that now and then acknowledges a write and drops it, or answers an old value: to see the checks catch it",
		New: func(fs *pflag.FlagSet) reckon.System {
			l := &lies{}
			l.bind(fs)
			return newMemory(l)
		},
	})
}

// memory is the System of both words. It is not replicated: its one member always leads, in term 1.
// Its server keeps nothing on disk, so a restart loses every acknowledged write and violates
// durability.
type memory struct {
	lies *lies // nil: honest

	mu      sync.Mutex
	clients map[string]*memoryClient // for questions to single members, by address
}

func newMemory(l *lies) *memory { return &memory{lies: l, clients: map[string]*memoryClient{}} }

// lies holds the rate at which a liar lies, and its seed.
type lies struct {
	rate float64
	seed uint64
}

func (l *lies) bind(fs *pflag.FlagSet) {
	flags.PercentVar(fs, &l.rate, "lie-rate", 0.02, "share of the operations that memory-liar answers wrongly")
	reckon.SeedVar(fs, &l.seed)
}

// Place picks the first node.
func (s *memory) Place(nodes []string) []string { return nodes[:min(1, len(nodes))] }

// Command returns the server's command line.
func (s *memory) Command(m reckon.Member, _ []reckon.Member) reckon.Command {
	args := []string{MemoryRole, "--listen=" + clientAddress(m)}
	if s.lies != nil {
		args = append(args,
			"--lie-rate="+strconv.FormatFloat(s.lies.rate*100, 'g', -1, 64)+"%",
			"--seed="+strconv.FormatUint(s.lies.seed, 10))
	}
	return reckon.Command{Args: args}
}

// Status reports a member that answers as ready and leading.
func (s *memory) Status(ctx context.Context, m reckon.Member, dial reckon.Dial) (reckon.Status, error) {
	if _, err := ask[bool](ctx, s.client(m, dial), "Ping", true); err != nil {
		return reckon.Status{}, fmt.Errorf("ask %s for its status: %w", m.Name, err)
	}
	return reckon.Status{Ready: true, Leader: true, Term: 1}, nil
}

// client returns the client for the member, which connects with the latest dial.
func (s *memory) client(m reckon.Member, dial reckon.Dial) *memoryClient {
	s.mu.Lock()
	defer s.mu.Unlock()
	address := clientAddress(m)
	c, ok := s.clients[address]
	if !ok {
		c = &memoryClient{member: m.Name, address: address}
		s.clients[address] = c
	}
	c.redirect(dial)
	return c
}

// Changes yields what the server stored, which is the truth even if it lied to clients.
func (s *memory) Changes(ctx context.Context, m reckon.Member, dial reckon.Dial) iter.Seq2[history.Change, error] {
	return func(yield func(history.Change, error) bool) {
		client := s.client(m, dial)
		var newest int64 // as the first page says: later changes are beyond the present
		for from := int64(firstRevision + 1); ; {
			page, err := ask[memoryPage](ctx, client, "Changes", from)
			if err != nil {
				yield(history.Change{}, fmt.Errorf("read the changes of %s: %w", m.Name, err))
				return
			}
			newest = cmp.Or(newest, page.Newest)
			for _, c := range page.Changes {
				c.Value, c.Member = history.Abridge(c.Value), m.Name
				if c.Revision > newest || !yield(c, nil) {
					return
				}
				from = c.Revision + 1
			}
			if from > newest {
				return
			}
		}
	}
}

// Hash returns a checksum of the changes up to the revision.
func (s *memory) Hash(ctx context.Context, m reckon.Member, revision int64, dial reckon.Dial) (at int64, hash uint32, err error) {
	h, err := ask[memoryHash](ctx, s.client(m, dial), "Hash", revision)
	if err != nil {
		return 0, 0, fmt.Errorf("hash %s at revision %d: %w", m.Name, revision, err)
	}
	return h.Revision, h.Sum, nil
}

// Dial returns a client of the first member, which is the only one.
func (s *memory) Dial(_ context.Context, members []reckon.Member, dial reckon.Dial) (reckon.Client, error) {
	if len(members) == 0 {
		return nil, errors.New("make a memory client: no member to use")
	}
	c := &memoryClient{member: members[0].Name, address: clientAddress(members[0])}
	c.redirect(dial)
	return c, nil
}

// memoryClient is a reckon.Client over one connection, which is made when it is needed and again
// when it was lost. Unlike etcd's it does not wait for a server that refuses connections.
type memoryClient struct {
	member, address string

	mu     sync.Mutex
	dial   reckon.Dial
	conn   *connecting // the newest attempt, nil where there is none
	closed bool
}

// connecting is one attempt to connect, which all operations of the time share.
type connecting struct {
	done   chan struct{} // closed when client and err are set
	client *rpc.Client
	err    error

	mu    sync.Mutex
	open  int       // questions without an answer
	since time.Time // when it last answered, or was asked first thereafter
}

// call asks, and returns when there is an answer, or the connection has failed.
func (c *connecting) call(method string, request, answer any) error {
	c.mu.Lock()
	if c.open == 0 {
		c.since = time.Now()
	}
	c.open++
	c.mu.Unlock()
	err := c.client.Call("Register."+method, request, answer) // it may hang in sending, too
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open--
	c.since = time.Now()
	return err
}

// silent returns how long the server has left requests unanswered.
func (c *connecting) silent() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open == 0 {
		return 0
	}
	return time.Since(c.since)
}

var errClosed = errors.New("the client is closed")

func (c *memoryClient) redirect(dial reckon.Dial) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dial = dial
}

// Do writes, or reads. A write whose request never left is Failed, and so is every read
// without an answer; a write that may have arrived is Unknown.
func (c *memoryClient) Do(ctx context.Context, op reckon.Op) reckon.Op {
	method := "Read"
	if op.Kind == history.Write {
		method = "Write"
	}
	answer, err := ask[memoryAnswer](ctx, c, method, memoryRequest{op.Key, op.Value})
	op.Outcome = memoryOutcome(op.Kind, err)
	if err != nil {
		op.Error = err.Error()
		return op
	}
	if op.Kind == history.Read {
		op.Value, op.Version = answer.Value, answer.Version
	}
	op.Revision, op.Member = answer.Revision, c.member
	return op
}

// memoryOutcome decides what an operation came to: an error of connecting, and only that, came
// before the request.
func memoryOutcome(kind history.Kind, err error) history.Outcome {
	var unsent *unsentError
	switch {
	case err == nil:
		return history.OK
	case kind == history.Read, errors.As(err, &unsent):
		return history.Failed
	}
	return history.Unknown
}

// unsentError means that the request was never sent.
type unsentError struct{ err error }

func (e *unsentError) Error() string { return "never sent: " + e.err.Error() }
func (e *unsentError) Unwrap() error { return e.err }

// ask calls the server's method, and returns when ctx ends at the latest.
func ask[A any](ctx context.Context, c *memoryClient, method string, request any) (answer A, err error) {
	conn, err := c.connect(ctx)
	if err != nil {
		return answer, &unsentError{err}
	}
	var late A // where an answer goes that comes after ctx has ended
	done := make(chan error, 1)
	go func() { done <- conn.call(method, request, &late) }()
	select {
	case <-ctx.Done():
		if conn.silent() >= keepaliveTimeout {
			c.drop(conn) // as TCP may take much longer to try again after a cut has healed
		}
		return answer, ctx.Err()
	case err = <-done:
	}
	var refused rpc.ServerError
	switch {
	case err == nil:
		return late, nil
	case !errors.As(err, &refused): // then the connection failed
		c.drop(conn)
	}
	return answer, err
}

// connect waits for a connection.
func (c *memoryClient) connect(ctx context.Context) (*connecting, error) {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil, errClosed
	}
	if c.conn == nil {
		c.conn = &connecting{done: make(chan struct{})}
		go c.attempt(c.conn, c.dial)
	}
	conn := c.conn
	c.mu.Unlock()

	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-conn.done:
		return conn, conn.err
	}
}

// attempt connects once. It outlives the operation that began it, so it has a bound of its own.
func (c *memoryClient) attempt(conn *connecting, dial reckon.Dial) {
	ctx, cancel := context.WithTimeout(context.Background(), connectTimeout)
	defer cancel()
	wire, err := dial(ctx, "tcp", c.address)
	if err != nil {
		conn.err = err
		c.drop(conn)
	} else {
		conn.client = rpc.NewClient(wire)
	}
	close(conn.done)
	c.mu.Lock()
	closed := c.closed
	c.mu.Unlock()
	if closed && conn.client != nil {
		_ = conn.client.Close()
	}
}

// drop lets the next operation connect anew.
func (c *memoryClient) drop(conn *connecting) {
	c.mu.Lock()
	if c.conn == conn {
		c.conn = nil
	}
	c.mu.Unlock()
	if conn.client != nil {
		_ = conn.client.Close() // it failed already
	}
}

// Close ends the connection; operations under way end with an error.
func (c *memoryClient) Close() error {
	c.mu.Lock()
	conn := c.conn
	c.conn, c.closed = nil, true
	c.mu.Unlock()
	if conn == nil {
		return nil
	}
	select {
	case <-conn.done:
		if conn.client != nil {
			_ = conn.client.Close() // what it says then is that it was closed
		}
	default: // attempt closes it
	}
	return nil
}
