package userspace

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync"

	"github.com/moby/sys/reexec"
)

// role is the name under which this program runs as the switch.
const role = "reckon-switch"

func init() { reexec.Register(role, runRole) }

// memoryLimit is where the garbage collector starts to work: far above what full queues take.
const memoryLimit = 2 * maxHeldAll

func runRole() {
	if err := serveRole(); err != nil {
		fmt.Fprintln(os.Stderr, role+":", err)
		os.Exit(1)
	}
}

// serveRole is the switch process: one thread for the packets, and a goroutine for the runner's
// requests.
func serveRole() error {
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(memoryLimit)
	runtime.GOMAXPROCS(max(2, runtime.GOMAXPROCS(0)))
	if len(os.Args) != 2 {
		return errors.New("must be started by reckon, with the seed as its argument")
	}
	seed, err := strconv.ParseUint(os.Args[1], 10, 64)
	if err != nil {
		return fmt.Errorf("read the seed: %w", err)
	}
	s, err := newSwitch(seed)
	if err != nil {
		return err
	}
	control := os.NewFile(3, "control")
	var packets sync.WaitGroup
	ready := make(chan string)
	packets.Go(func() {
		runtime.LockOSThread()
		ready <- takePriority()
		s.run()
	})
	out := json.NewEncoder(control)
	if err := out.Encode(reply{Priority: <-ready}); err != nil {
		return fmt.Errorf("report that the switch is ready: %w", err)
	}
	err = s.handleRequests(json.NewDecoder(control), out)
	s.call(func() { s.ended = true })
	packets.Wait()
	s.close()
	return err
}

// handleRequests answers requests until the runner closes the connection.
func (s *vswitch) handleRequests(in *json.Decoder, out *json.Encoder) error {
	for {
		var q request
		if err := in.Decode(&q); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read a request: %w", err)
		}
		a := reply{ID: q.ID}
		s.call(func() { s.answer(q, &a) })
		if err := out.Encode(a); err != nil {
			return fmt.Errorf("reply: %w", err)
		}
	}
}

func (s *vswitch) answer(q request, a *reply) {
	var err error
	switch {
	case q.Attach != nil:
		err = s.attach(q.Attach)
	case q.Apply != nil:
		err = s.apply(q.Apply)
	case q.Counters:
		a.Counters = s.counters()
	case q.Lateness:
		a.Lateness = s.lateness()
	case q.Drops:
		a.Drops, a.Omitted = s.drops.take(s.clock.now())
	}
	if err != nil {
		a.Error = err.Error()
	}
}
