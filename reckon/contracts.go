// Package reckon measures what a replicated store does while its network and
// its processes fail.
//
// It holds the contracts that topologies, systems, workloads and faults fulfil,
// the Plan that words and flags make, and Run, the one line that turns a plan
// into a recorded history. It knows no concrete system, topology, workload or
// fault: those register themselves in its catalogues. It refuses to judge what
// it recorded: checks read the record afterwards.
package reckon

import (
	"context"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"net"
	"net/netip"
	"time"

	"github.com/reckon-bench/reckon/reckon/check"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/link"
)

type (
	// Op is one operation of a client.
	Op = history.Op
	// History is all that was recorded of a run.
	History = history.History
)

// Dial opens a connection from inside some host's namespace.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// Setting is the run that words are asked about.
type Setting struct {
	Seed            uint64
	Duration        time.Duration // of the load
	ElectionTimeout time.Duration
	OpTimeout       time.Duration
	Nodes           []string          // those that are members of the system
	Clients         []string          // hosts with a load driver
	Nearest         map[string]string // the node nearest to each client
	Endpoints       []string          // of the members for clients of etcd's v3 API, as URLs; none where the system does not speak it
	Links           link.Matrix       // as they are while nothing is wrong
	HasWorkers      bool              // a workload has workers of its own
	Pinned          bool              // a load driver uses the member beside it alone
	FaultAt         *time.Duration    // when faults are to strike, since the start of the load; nil: when each does by itself
	FaultFor        *time.Duration    // how long; nil: as long as each does by itself
	Target          string            // the role of who is struck, see package faults; "": whom each strikes by itself
}

// Window is when a fault strikes that by itself does so in [from, to): FaultAt moves it, FaultFor
// sets its length. One that lasts until the load ends still does so when it is only moved.
func (s Setting) Window(from, to time.Duration) (time.Duration, time.Duration) {
	length, open := to-from, to == s.Duration
	if s.FaultAt != nil {
		from = *s.FaultAt
		to = from + length
		if open {
			to = s.Duration
		}
	}
	if s.FaultFor != nil {
		to = from + *s.FaultFor
	}
	return from, to
}

// Used are the members to which the client host connects. Workers that a workload has of its own use all.
func (s Setting) Used(client string) []string {
	if s.Pinned && !s.HasWorkers {
		return []string{s.Nearest[client]}
	}
	return s.Nodes
}

// A Topology says which hosts there are and what the paths between them do. It is pure.
type Topology interface {
	Layout() (Layout, error)
}

// Layout is what a topology amounts to.
type Layout struct {
	Nodes   []string
	Clients []string
	Links   link.Matrix
	Nearest map[string]string // the node nearest to each client
}

// A System is a store that can be started, asked and used. reckon owns its
// processes: a System only says what to run.
//
// Optional powers: Placer, Historian, Hasher, MetricsReader, Versioner, Tooler, Validator, Endpointer, Preparer.
type System interface {
	// Command is what to run as member m of peers (m among them). It is pure.
	Command(m Member, peers []Member) Command
	// Status asks the member how it is; dial dials from the member's own host. An
	// error means that it does not answer. It is called many times a second.
	Status(ctx context.Context, m Member, dial Dial) (Status, error)
	// Dial makes a client that uses the members given, and balances between them.
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

// Status is what a member says of itself.
type Status struct {
	Ready  bool // it serves clients: it is, or knows, a leader
	Leader bool // it leads
	Term   uint64
}

// A Client runs operations. It is safe for concurrent use.
type Client interface {
	// Do runs the operation and returns it with Outcome, Error and what the
	// store answered filled in. Only the client decides what is definitely Failed. It returns when ctx ends at the latest.
	Do(ctx context.Context, op Op) Op
	Close() error
}

// Placer is a System that does not use every node: it picks its members.
type Placer interface {
	Place(nodes []string) []string
}

// Historian is a System that can tell its own past.
type Historian interface {
	// Changes yields every change up to the present, in order of revision, from the member's own account.
	Changes(ctx context.Context, m Member, dial Dial) iter.Seq2[history.Change, error]
}

// Hasher is a System whose members can hash their state.
type Hasher interface {
	// Hash is the hash of the member's state at the revision; 0 means its newest, and the revision that was hashed is returned.
	Hash(ctx context.Context, m Member, revision int64, dial Dial) (at int64, hash uint32, err error)
}

// MetricsReader is a System whose members count what they do.
type MetricsReader interface {
	// Metrics is one sample of the member's own metrics that matter to a reader of the run.
	Metrics(ctx context.Context, m Member, dial Dial) (map[string]float64, error)
}

// Versioner is a System that knows which version of the store it runs.
type Versioner interface {
	// Version is for the record: "etcd 3.7.3, built in".
	Version() (string, error)
}

// Preparer is a System whose program may have to be found, or made, before a run.
type Preparer interface {
	// Prepare does so, before anything is started; nil is for a program that comes with reckon. progress gets a
	// line for people where that takes its time. The error is one for the person who wrote the words.
	Prepare(ctx context.Context, progress io.Writer) (*Prepared, error)
	// Use has Command run what was prepared.
	Use(Prepared)
}

// Prepared is the program of a system, as plan.json records it.
type Prepared struct {
	Word    string `json:"word"` // the system's word, exact: "etcd@v3.5.21" where v3.5 was asked for
	Path    string `json:"path"` // absolute
	SHA256  string `json:"sha256"`
	Version string `json:"version"` // as the program says itself: "3.5.21"
	// Renamed are flags that this version does not know by the name that they were given, with the name
	// by which it does; "" where it needs no such flag.
	Renamed map[string]string `json:"renamed_flags,omitempty"`
}

// Tooler is a System with tools for people who debug it.
type Tooler interface {
	Tools(members []Member) Tools
}

// Tools are programs with which people use a system by hand.
type Tools struct {
	// Env has them find the members; every command that is run by hand gets it.
	Env []string
	// Names are those under which reckon's own binary is such a program, for machines that do not have it.
	Names []string
}

// Endpointer is a System that speaks etcd's v3 API.
type Endpointer interface {
	// Endpoints are the members' URLs for clients.
	Endpoints(members []Member) []string
}

// Validator is a System, Workload or Fault that cannot do with every setting. Validate is
// asked before anything is built; its error is one line: what is wrong and what is allowed.
type Validator interface {
	Validate(s Setting) error
}

// A Workload is what clients ask of the store, and what they expect of it.
//
// Optional powers: Bookends, Launcher, Validator.
type Workload interface {
	// Ops is the endless stream of operations that the client-th of s.Clients
	// offers, in order of Due, which counts from the start of the load. It is pure: the same rng, the same stream.
	Ops(s Setting, client int, rng *rand.Rand) iter.Seq[Op]
	// Checks are the promises that the record is held to, the quickest to judge first.
	Checks(s Setting) []Check
}

// A Check judges one promise. Each is run by itself, so that one that runs out of time or
// memory, or crashes, is Unknown and takes no other along.
type Check struct {
	Name string
	// Unobserved says that the check needs no answer that a client program keeps to itself ([history.Op].Unobserved): any other
	// is Unknown where it would be Valid without those.
	Unobserved bool
	Run        func(ctx context.Context, h *History) check.Result
}

// Bookends is a Workload with operations before and after the load, which are not paced and must succeed.
type Bookends interface {
	// Preload is the client's share of what must be in the store before the load.
	// Where some of it is not acknowledged, those keys are taken from the next attempt (from 0), whose values are others.
	Preload(s Setting, client, attempt int) iter.Seq[Op]
	// Final is what is read through every member after settling.
	Final(s Setting) iter.Seq[Op]
}

// A Launcher is a Workload that is no stream of operations on a Client, or not only: it has
// processes of its own on the client hosts.
type Launcher interface {
	// Launch starts the processes, and returns when they are ready to work.
	Launch(ctx context.Context, c Env) (Workers, error)
}

// A Workers is a crew at work. An error means that the run is no result.
//
// Optional power: List() []Worker, for faults that strike the crew.
type Workers interface {
	// Run works while the load lasts. When that ends, ctx is done, and Run returns once what was under way
	// has ended too, which it sees to within a bounded time.
	Run(ctx context.Context) error
	// Finish does what is to be done when the cluster has settled.
	Finish(ctx context.Context) error
	// Stop ends the processes.
	Stop()
}

// A Worker is one of a crew, with a tree of files.
type Worker interface {
	Name() string
	// Busy waits until it is in the middle of a pass.
	Busy(ctx context.Context) error
	// Kill ends its process (SIGKILL). restart starts it again, unless it runs. Both say what was seen.
	Kill(ctx context.Context) (seen string, restart func(ctx context.Context) (seen string, err error), err error)
	// Back waits until it is at work again or its crew is dismissed, that long at most once the store can know that its last
	// process is gone. It says what was seen: that it is not is no error, but that its process has ended is.
	Back(ctx context.Context, within time.Duration) (seen string, err error)
	// AtRest runs do when next the worker's tree is whole and acknowledged, and not yet verified; nobody reads or writes it meanwhile.
	// What do did lasts until a pass writes over it; it says what it saw of that.
	AtRest(ctx context.Context, do func(tree string) (seen string, err error)) error
}

// A Fault says when to strike and what. It is pure: only the Inject of its
// strikes touches anything.
//
// Optional power: Validator.
type Fault interface {
	// Strikes lists the strikes of this run in order of From. The strikes of one
	// call share what their closures bind.
	Strikes(s Setting, rng *rand.Rand) []Strike
}

// A Strike takes effect at From and is healed at To, both since the start of the
// load. One that is late shifts the later ones of its fault, in the same Line, by as much.
type Strike struct {
	From, To time.Duration
	Name     string // what it does, for the plan: "kill the leader"
	Word     string // the word that it belongs to, where a fault is made of others; "": the fault's own
	Line     string // strikes of one fault in different lines do not wait for each other
	// Inject returns when the strike is in effect. It waits on conditions, never
	// on the clock: repetition and delay belong to the list of strikes. Where it returns an error it has
	// undone what it did, and is tried again for a bounded time.
	Inject func(ctx context.Context, c Cluster) (Injection, error)
}

// Injection is a strike in effect. Heal undoes it, whatever else has been struck since.
type Injection struct {
	Detail string // what was struck: "killed n2"
	Heal   func(ctx context.Context) error
}

// WorkerCluster is a Cluster beside which crews work; it is found by assertion.
type WorkerCluster interface{ Workers() []Worker }

// A GroupHolder is a Cluster that holds several nodes at once; it is found by assertion. Where one of them cannot be held, none is.
type GroupHolder interface {
	HoldAll(ctx context.Context, nodes []Node, s State) (release func(context.Context) error, err error)
}

// A Cluster is what faults may touch. It logs every hold and overlay with the
// time at which it took effect, and verifies them in one place, for every fault alike.
type Cluster interface {
	Nodes() []Node
	// Leader is the node that leads now, of the highest term where several claim it. It waits, bounded, until there is one.
	// Strikes that are due at one instant are all told the same, and the states that nodes had before any of them.
	Leader(ctx context.Context) (Node, error)
	// Degrade lays the overlay over the links until heal is called.
	Degrade(ctx context.Context, overlay link.Matrix) (heal func(context.Context) error, err error)
	// Cut cuts the paths until heal is called, in the way given. LinkDown wants all paths from and to a host.
	Cut(ctx context.Context, paths []link.Path, mode CutMode) (heal func(context.Context) error, err error)
	Links() link.Matrix
}

// CutMode is how paths are cut.
type CutMode uint8

const (
	// Drop: packets vanish. Whoever waits for them learns nothing; TCP backs off for seconds (RFC 6298).
	Drop CutMode = iota
	// Reset: packets vanish, and both ends of every connection that used the paths are told
	// at once, as by a RST (RFC 9293, section 3.5.3).
	Reset
	// LinkDown: the host's only interface goes down, so that who sends from there is told at once.
	LinkDown
)

func (m CutMode) String() string {
	switch m {
	case Drop:
		return "drop"
	case Reset:
		return "reset"
	case LinkDown:
		return "link-down"
	}
	return fmt.Sprintf("CutMode(%d)", uint8(m))
}

// State is what a process can be held in.
type State uint8

const (
	// Running: nobody holds it.
	Running State = iota
	// Dead: killed by SIGKILL. Released, it is started again on the same data.
	Dead
	// Paused: stopped by SIGSTOP; it keeps its connections. Released, it continues.
	Paused
)

func (s State) String() string {
	switch s {
	case Dead:
		return "dead"
	case Paused:
		return "paused"
	}
	return "running"
}

// A Node is a member's process. It is dead, or paused, while anyone holds it so;
// releasing the last hold starts or resumes it, so whatever overlaps heals in any order.
type Node interface {
	Name() string
	// State is what it is held in; of a node that is both, Dead.
	State() State
	// Ready waits, bounded, until it serves.
	Ready(ctx context.Context) error
	// Hold returns when the node is in the state. A dead one that is to be paused is so from when it is started on.
	Hold(ctx context.Context, s State) (release func(context.Context) error, err error)
}
