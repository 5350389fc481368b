package capture

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/reckon-bench/reckon/reckon/host"
	"github.com/reckon-bench/reckon/reckon/link"
)

// A Source is a host whose packets are captured, and the file for them.
type Source struct {
	Host *host.Host
	File *os.File // open for writing, and empty; Start closes it
}

// A Config is what the files of one capture share.
type Config struct {
	Head
	Limit int64 // of each file, in bytes
	// Drops states that the capture will receive reports of dropped packets (Drops). It then waits a
	// tenth of a second for them before it writes a packet, as long as its rings have room.
	Drops bool
}

// An Account counts what was captured on one host.
type Account struct {
	Host      string `json:"host"`
	Packets   uint64 `json:"packets"`         // in the file
	Bytes     int64  `json:"bytes"`           // of the file
	Dropped   uint64 `json:"dropped"`         // by the kernel, for lack of room
	Unwritten uint64 `json:"unwritten"`       // that arrived after the file had reached its limit
	Error     string `json:"error,omitempty"` // why the file ends early, if it does for another reason
}

func (a Account) String() string {
	s := fmt.Sprintf("%d packets, %s", a.Packets, Size(a.Bytes))
	if a.Dropped > 0 {
		s += fmt.Sprintf(", %d dropped by the kernel", a.Dropped)
	}
	if a.Unwritten > 0 {
		s += fmt.Sprintf(", %d more after the file was full", a.Unwritten)
	}
	if a.Error != "" {
		s += ", then: " + a.Error
	}
	return s
}

// A Capture controls the process that writes the files. It is safe for concurrent use.
type Capture struct {
	process *host.Process
	replies *bufio.Reader
	out     io.Closer

	mu     sync.Mutex
	in     *os.File // nil once closed
	broken bool     // the process no longer reads
}

// Bounds on steps that are immediate unless something is badly wrong.
const (
	startTime = 20 * time.Second
	sendTime  = time.Second
	closeTime = 20 * time.Second
)

// Start starts a capture of every source, in a process on the given host. Every packet after it
// returns is captured.
func Start(on *host.Host, c Config, sources []Source) (*Capture, error) {
	k, err := start(on, c, sources)
	for _, s := range sources {
		s.File.Close() // the process has its own
	}
	if err != nil {
		return nil, fmt.Errorf("start to capture packets: %w", err)
	}
	return k, nil
}

func start(on *host.Host, c Config, sources []Source) (*Capture, error) {
	if c.Limit < LeastLimit {
		return nil, fmt.Errorf("limit of %s: must be at least %s", Size(c.Limit), Size(LeastLimit))
	}
	j := job{Config: c}
	var files []*os.File
	blocks := ringBlocks(len(sources))
	for _, s := range sources {
		var ring *os.File
		err := s.Host.Do(func() (err error) {
			ring, err = openRing(c.Interface, blocks)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("at %s: %w", s.Host.Name(), err)
		}
		defer ring.Close() // the process has its own
		files = append(files, ring, s.File)
		j.Hosts = append(j.Hosts, s.Host.Name())
	}
	j.Blocks = blocks
	k, err := run(on, files)
	if err != nil {
		return nil, err
	}
	if err := k.begin(j); err != nil {
		return nil, errors.Join(err, k.process.Kill())
	}
	return k, nil
}

// run starts the process with its ends of two pipes.
func run(on *host.Host, files []*os.File) (*Capture, error) {
	stdin, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer stdin.Close()
	out, stdout, err := os.Pipe()
	if err != nil {
		in.Close()
		return nil, err
	}
	defer stdout.Close()
	p, err := on.Start(host.Command{Args: []string{role}, Stdin: stdin, Stdout: stdout, Stderr: os.Stderr, ExtraFiles: files})
	if err != nil {
		in.Close()
		out.Close()
		return nil, err
	}
	_ = out.SetReadDeadline(time.Now().Add(startTime)) // a pipe has deadlines
	return &Capture{process: p, in: in, out: out, replies: bufio.NewReader(out)}, nil
}

// begin sends the process its job, and waits until it is ready.
func (k *Capture) begin(j job) error {
	if err := k.send(j); err != nil {
		return err
	}
	line, err := k.replies.ReadString('\n')
	if err != nil {
		return fmt.Errorf("await the process: %w", err)
	}
	if line = strings.TrimSuffix(line, "\n"); line != "ready" {
		return errors.New(line)
	}
	return nil
}

// send writes a line to the process, and does not wait for a process that does not read.
func (k *Capture) send(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.in == nil || k.broken {
		return errors.New("the capture has ended")
	}
	_ = k.in.SetWriteDeadline(time.Now().Add(sendTime)) // a pipe has deadlines
	_, err = k.in.Write(append(b, '\n'))
	k.broken = err != nil // part of a line may have been written, so nothing may follow it
	return err
}

// Note attaches the text as a comment to the next packet of every host. If the process has ended,
// Note does nothing and Close returns the error.
func (k *Capture) Note(at time.Time, text string) {
	_ = k.send(change{At: at.UnixNano(), Note: text})
}

// Cut sets which paths, and no others, are cut from now on: packets sent into one of them carry a
// comment that they are lost. Do not name a path that may already be healed.
func (k *Capture) Cut(at time.Time, paths []link.Path) {
	_ = k.send(change{At: at.UnixNano(), Cut: append([]link.Path{}, paths...)})
}

// Drops reports dropped packets: each carries a comment that says so, if the report arrives within
// a tenth of a second.
func (k *Capture) Drops(drops []link.Drop) {
	for part := range slices.Chunk(drops, dropsLine) {
		_ = k.send(change{Drops: part})
	}
}

// dropsLine is how many drops a line holds, so that no line takes long to read.
const dropsLine = 256

// Close ends the capture, writes what is still in the rings, and returns the counts of each host.
func (k *Capture) Close() ([]Account, error) {
	k.mu.Lock()
	in := k.in
	k.in = nil
	k.mu.Unlock()
	if in == nil {
		return nil, nil
	}
	in.Close()
	defer k.out.Close()
	_ = k.out.(*os.File).SetReadDeadline(time.Now().Add(closeTime)) // a pipe has deadlines
	var accounts []Account
	if err := json.NewDecoder(k.replies).Decode(&accounts); err != nil {
		return nil, errors.Join(fmt.Errorf("end the capture: %w", err), k.process.Kill())
	}
	if err := k.process.Err(); err != nil {
		return accounts, fmt.Errorf("end the capture: %w", err)
	}
	return accounts, nil
}

// The process reads one JSON object a line: first its job, then changes. Descriptors 3, 5, ... are
// the rings, 4, 6, ... the files. It replies "ready" or an error, and the accounts at the end.

type job struct {
	Config
	Blocks int      `json:"blocks"` // of each ring
	Hosts  []string `json:"hosts"`
}

// A change is an event of the run.
type change struct {
	At   int64       `json:"at"`             // nanoseconds since 1970
	Note string      `json:"note,omitempty"` // for people
	Cut  []link.Path `json:"cut,omitzero"`   // if not nil: all paths that are cut from now on

	Drops []link.Drop `json:"drops,omitempty"` // not in the order of At
}

// address returns the address of the given name.
func (h Head) address(name string) netip.Addr {
	for a, n := range h.Names {
		if n == name {
			return a
		}
	}
	return netip.Addr{}
}
