package reckon

import (
	"context"
	"io"
	"iter"
	"net"
	"net/netip"

	"github.com/reckon-bench/reckon/reckon/history"
)

// Dial opens a connection from inside a host's namespace.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// A System is a store that can be started, asked and used. reckon owns its processes: a System only
// says what to run.
//
// Optional powers: Placer, Historian, Hasher, MetricsReader, Versioner, Tooler, Validator,
// Endpointer, Preparer.
type System interface {
	// Command returns what to run as member m of peers (m among them). It is pure.
	Command(m Member, peers []Member) Command
	// Status asks the member for its state; dial connects from the member's own host. An error
	// means that it does not answer. It is called many times a second.
	Status(ctx context.Context, m Member, dial Dial) (Status, error)
	// Dial makes a client that uses the given members, and balances between them.
	Dial(ctx context.Context, members []Member, dial Dial) (Client, error)
}

// Member is one process of a system.
type Member struct {
	Name string     // of its host, "n1"
	Addr netip.Addr // of its host
	Dir  string     // its data directory, on a disk; outlives restarts
}

// Command is what to execute. Path "" means reckon's own binary, run under the name Args[0].
type Command struct {
	Path string
	Args []string // Args[0] is the program's name
	Env  []string // added to the runner's environment
}

// Status is a member's answer to how it is.
type Status struct {
	Ready  bool // it serves clients: it is, or knows, a leader
	Leader bool // it leads
	Term   uint64
}

// A Client runs operations. It is safe for concurrent use.
type Client interface {
	// Do runs the operation and returns it with Outcome, Error and the store's answer filled in.
	// Only the client decides what definitely Failed. It returns when ctx ends at the latest.
	Do(ctx context.Context, op Op) Op
	Close() error
}

// Placer is a System that does not use every node: it picks its members.
type Placer interface {
	Place(nodes []string) []string
}

// Historian is a System that keeps an account of its own changes.
type Historian interface {
	// Changes yields every change up to the present, in order of revision, from the member's own
	// account.
	Changes(ctx context.Context, m Member, dial Dial) iter.Seq2[history.Change, error]
}

// Hasher is a System whose members can hash their state.
type Hasher interface {
	// Hash returns the hash of the member's state at the revision, and that revision; 0 asks for
	// its newest.
	Hash(ctx context.Context, m Member, revision int64, dial Dial) (at int64, hash uint32, err error)
}

// MetricsReader is a System whose members count what they do.
type MetricsReader interface {
	// Metrics returns one sample of those of the member's metrics that matter to a reader of the
	// run, by name.
	Metrics(ctx context.Context, m Member, dial Dial) (map[string]float64, error)
}

// Versioner is a System that knows which version of the store it runs.
type Versioner interface {
	// Version is for the record: "etcd 3.7.3, built in".
	Version() (string, error)
}

// Preparer is a System whose program may have to be found, or built, before a run.
type Preparer interface {
	// Prepare finds or builds the program before anything is started, and returns nil for one that
	// is built into reckon. progress gets a line for people where that takes its time. The error is
	// for the person who wrote the words.
	Prepare(ctx context.Context, progress io.Writer) (*Prepared, error)
	// Use has Command run what was prepared.
	Use(Prepared)
}

// Prepared is the program of a system, as plan.json records it.
type Prepared struct {
	Word    string `json:"word"` // the system's word, exact: "etcd@v3.5.21" where v3.5 was asked for
	Path    string `json:"path"` // absolute
	SHA256  string `json:"sha256"`
	Version string `json:"version"` // as the program itself reports it: "3.5.21"
	// Renamed maps flags that this version does not know by the name that they were given to the
	// name by which it does; "" where it needs no such flag.
	Renamed map[string]string `json:"renamed_flags,omitempty"`
}

// Tooler is a System with tools for people who debug it.
type Tooler interface {
	Tools(members []Member) Tools
}

// Tools are programs with which people use a system by hand.
type Tools struct {
	// Env makes the tools find the members; every command that is run by hand gets it.
	Env []string
	// Names are those under which reckon's own binary is such a program, for machines that do not
	// have it.
	Names []string
}

// Endpointer is a System that speaks etcd's v3 API.
type Endpointer interface {
	// Endpoints returns the members' URLs for clients.
	Endpoints(members []Member) []string
}
