package capture

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/moby/sys/reexec"
	"golang.org/x/sys/unix"
)

// role is the name under which this program runs as the capture process.
const role = "reckon-capture"

func init() { reexec.Register(role, runRole) }

func runRole() {
	runtime.LockOSThread()
	_ = unix.Setpriority(unix.PRIO_PROCESS, 0, niceness) // of this thread; without permission the capture works all the same
	r, err := newRecorder(os.Stdin)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("ready")
	accounts, err := r.record()
	if err != nil {
		fmt.Fprintln(os.Stderr, role+":", err)
		os.Exit(1)
	}
	_ = json.NewEncoder(os.Stdout).Encode(accounts) // if the reader is gone, nobody needs them
}

// niceness is lower priority than everything that is measured: packets can wait in their rings.
const niceness = 10

// roundTime is how long a round waits for packets at most. lastTime is how long after its end a
// capture still reads blocks: the kernel hands them over within blockTime.
const (
	roundTime = 2 * blockTime * time.Millisecond
	lastTime  = 3 * blockTime * time.Millisecond
)

// A recorder is the state of the capture process.
type recorder struct {
	updates updates
	files   []*hostFile
	waits   bool // whether blocks wait for reports of drops
}

func newRecorder(stdin *os.File) (*recorder, error) {
	r := &recorder{updates: updates{fd: int(stdin.Fd())}}
	var j job
	if err := r.updates.first(&j); err != nil {
		return nil, fmt.Errorf("must be started by reckon: %w", err)
	}
	r.waits = j.Config.Drops
	for i, name := range j.Hosts {
		ring, err := mapRing(3+2*i, j.Blocks)
		if err != nil {
			return nil, err
		}
		p := &hostFile{host: name, ring: ring, started: time.Now().UnixNano(), names: j.Names, addr: j.address(name)}
		h := j.Head
		h.Description = h.Interface + " of " + name
		if p.file, err = NewWriter(os.NewFile(uintptr(4+2*i), name), h, j.Limit); err != nil {
			return nil, err
		}
		r.files = append(r.files, p)
	}
	return r, nil
}

// record writes packets until the updates end, and then those still in the rings.
func (r *recorder) record() ([]Account, error) {
	for !r.updates.over {
		if err := r.round(); err != nil {
			return nil, err
		}
	}
	end := time.Now()
	for _, p := range r.files {
		p.ended = end.UnixNano()
	}
	for time.Since(end) < lastTime { // packets that pass now are not written, so this ends under load too
		if err := r.round(); err != nil {
			return nil, err
		}
	}
	accounts := make([]Account, len(r.files))
	for i, p := range r.files {
		p.apply(p.ended, r.updates.changes)
		accounts[i] = p.close()
	}
	return accounts, nil
}

// round waits until there is something to do, and reads a block of every ring that has one.
func (r *recorder) round() error {
	var fds []unix.PollFd
	if !r.updates.over {
		fds = append(fds, unix.PollFd{Fd: int32(r.updates.fd), Events: unix.POLLIN})
	}
	timeout := roundTime
	for _, p := range r.files {
		if r.mustWait(p) {
			timeout = holdStep
			continue
		}
		fds = append(fds, unix.PollFd{Fd: int32(p.ring.fd), Events: unix.POLLIN})
	}
	if _, err := unix.Poll(fds, int(timeout.Milliseconds())); err != nil && !errors.Is(err, unix.EINTR) {
		return fmt.Errorf("poll: %w", err)
	}
	for _, f := range fds {
		if f.Revents&unix.POLLERR != 0 { // the interface went down; reading the error clears it
			_, _ = unix.GetsockoptInt(int(f.Fd), unix.SOL_SOCKET, unix.SO_ERROR)
		}
	}
	for _, p := range r.files {
		if !p.ring.ready() || r.mustWait(p) {
			continue
		}
		// Reading here includes every update that was sent before the last packet of this block.
		if err := r.updates.read(); err != nil {
			return err
		}
		p.ring.take(func(k Packet) { p.write(k, &r.updates) })
	}
	return r.updates.read()
}

// A block is not written until holdTime after its last packet, so that reports of drops can arrive
// first; it is checked again every holdStep.
const (
	holdTime = 100 * time.Millisecond
	holdStep = 2 * time.Millisecond
)

// mustWait reports whether the file's next block is ready but must not be written yet.
func (r *recorder) mustWait(p *hostFile) bool {
	return r.waits && !r.updates.over && p.ring.ready() && !p.ring.nearlyFull() && time.Now().UnixNano() < p.ring.latest()+int64(holdTime)
}
