package reckon

import (
	"context"
	"io"
	"os"
	"time"

	"github.com/reckon-bench/reckon/reckon/clock"
	"github.com/reckon-bench/reckon/reckon/history"
)

// A Launcher is a Workload with processes of its own on the client hosts, beside or in place of a
// stream of operations.
type Launcher interface {
	// Launch starts the processes, and returns when they are ready to work.
	Launch(ctx context.Context, e Env) (Workers, error)
}

// Env is what workers get from the run: its hosts, the store's members, and the record.
type Env struct {
	Setting Setting
	Members []Member
	Clock   clock.Clock

	// Start starts a process on a client host. Its output goes to its log, which a restart
	// continues; where stdout is not nil, what it writes to its standard output goes there instead.
	Start func(host, log string, c Command, stdout io.Writer) (Process, error)
	// Dial returns the function for connections from inside the host's namespace.
	Dial func(host string) Dial
	// Scratch makes a directory for data, on the disk that holds the run.
	Scratch func(name string) (string, error)
	// Pass and Event record. An event whose At is 0 is of now.
	Pass  func(history.Pass)
	Event func(history.Event)
}

// A Process runs on a host.
type Process interface {
	// PID is its number in the run's own process tree.
	PID() int
	// Done is closed when it has ended and its output has been copied.
	Done() <-chan struct{}
	// State is how it ended. It waits for the end.
	State() *os.ProcessState
	// Kill ends it by SIGKILL and returns when it is gone. It is no error when it had ended
	// already.
	Kill() error
}

// Workers are a workload's processes at work. An error of any method makes the run inconclusive.
//
// Optional power: List() []Worker, for faults that strike workers.
type Workers interface {
	// Run works while the load lasts. When that ends, ctx is done, and Run returns once the passes
	// under way have ended too, within a bounded time.
	Run(ctx context.Context) error
	// Finish does what is left to do when the cluster has settled.
	Finish(ctx context.Context) error
	// Stop ends the processes.
	Stop()
}

// A Worker is one of a workload's workers, with a tree of files.
type Worker interface {
	Name() string
	// Busy waits until it is in the middle of a pass.
	Busy(ctx context.Context) error
	// Kill ends its process (SIGKILL). restart starts it again, unless it runs. Both return what
	// was observed.
	Kill(ctx context.Context) (seen string, restart func(ctx context.Context) (seen string, err error), err error)
	// Back waits until it is at work again or the workers are stopped, for at most within from when
	// the store can know that its last process is gone, and returns what was observed. That it is
	// not back is no error, but that its process has ended is.
	Back(ctx context.Context, within time.Duration) (seen string, err error)
	// AtRest calls do when the worker's tree is next whole and acknowledged, and not yet verified;
	// nobody reads or writes it meanwhile. What do did lasts until a pass overwrites it; do returns
	// what it observed.
	AtRest(ctx context.Context, do func(tree string) (seen string, err error)) error
}
