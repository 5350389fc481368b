// Package loop is the simulator's scheduler: a queue of events in virtual time.
//
// Time between events costs nothing. Events run one at a time, ordered by (time, priority, sequence number), and a running
// digest covers every event that ran, so two runs of one seed can be compared by one number. All randomness
// comes from named streams of the loop's seed.
//
// The package knows no network, disk or store. Nothing in it reads a real clock.
package loop

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/reckon-bench/reckon/reckon/seed"
)

// A Kind says what an event is.
type Kind uint8

const (
	Timer    Kind = iota // a timer of a program ran out
	Message              // a message arrives
	Disk                 // a disk request is complete
	Task                 // a parked task continues
	Scenario             // a step of the scenario: a fault, an operation that is due
)

func (k Kind) String() string {
	switch k {
	case Timer:
		return "timer"
	case Message:
		return "message"
	case Disk:
		return "disk"
	case Task:
		return "task"
	case Scenario:
		return "scenario"
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// Nobody is the subject of events that are no host's.
const Nobody = -1

// A Label describes an event for the digest, for traces and for holding a host's work back.
type Label struct {
	Kind    Kind
	Subject int    // the number of the host whose work it is, or Nobody
	Content uint64 // a hash of what it carries
}

// An Event is one that ran.
type Event struct {
	Step uint64 // from 1
	At   time.Duration
	Label
}

func (e Event) String() string {
	return fmt.Sprintf("step %d at %v: %s of host %d (%016x)", e.Step, e.At, e.Kind, e.Subject, e.Content)
}

// A Loop runs events in virtual time. It is not safe for concurrent use: events and tasks take turns on it.
type Loop struct {
	seed    uint64
	now     time.Duration
	step    uint64
	seq     uint64
	queue   queue
	digest  xxhash.Digest
	shuffle *rand.Rand // nil: what is due at once runs in the order in which it was asked for
	held    map[int]*hold
	parked  []*Coroutine // those that wait for a condition
	tasks   []*Coroutine // all that have not ended
	after   []func(Event)
	failure error
}

// New makes an empty loop at time 0 whose random streams derive from seed.
func New(seed uint64) *Loop {
	l := &Loop{seed: seed, held: map[int]*hold{}}
	l.digest.Reset()
	return l
}

// Seed returns the seed that New was given.
func (l *Loop) Seed() uint64 { return l.seed }

// Now returns the virtual time.
func (l *Loop) Now() time.Duration { return l.now }

// Steps returns how many events have run.
func (l *Loop) Steps() uint64 { return l.step }

// Pending returns how many events are queued, those held back included.
func (l *Loop) Pending() int {
	n := len(l.queue)
	for _, h := range l.held {
		n += len(h.events)
	}
	return n
}

// Digest returns the hash of all events so far: their order, times, labels.
func (l *Loop) Digest() uint64 { return l.digest.Sum64() }

// Rand returns the start of the random stream of that name.
func (l *Loop) Rand(name string) *rand.Rand { return seed.Stream(l.seed, name) }

// At queues an event. One that is due in the past runs now, after what is queued for now.
func (l *Loop) At(at time.Duration, label Label, run func()) {
	l.seq++
	e := event{at: max(at, l.now), seq: l.seq, label: label, run: run}
	if l.shuffle != nil {
		e.priority = l.shuffle.Uint32()
	}
	l.queue.push(e)
}

// After queues an event that is due d from now.
func (l *Loop) After(d time.Duration, label Label, run func()) { l.At(l.now+max(d, 0), label, run) }

// AfterEach has f called after every event that ran.
func (l *Loop) AfterEach(f func(Event)) { l.after = append(l.after, f) }

// Fail stops the loop once the present event has ended. The first failure stands.
func (l *Loop) Fail(err error) {
	if l.failure == nil {
		l.failure = err
	}
}

// Failure returns what Fail was given first, or nil.
func (l *Loop) Failure() error { return l.failure }

// Step runs the next event and reports whether there was one. It runs none after a failure.
func (l *Loop) Step() bool {
	for {
		if len(l.queue) == 0 || l.failure != nil {
			return false
		}
		e := l.queue.pop()
		if h := l.held[e.label.Subject]; h != nil && e.label.Subject != Nobody {
			h.events = append(h.events, e)
			continue
		}
		l.perform(&e)
		return true
	}
}

func (l *Loop) perform(e *event) {
	l.now = e.at
	l.step++
	l.record(e)
	e.run()
	if len(l.parked) > 0 {
		l.wake()
	}
	if len(l.after) > 0 {
		done := Event{Step: l.step, At: e.at, Label: e.label}
		for _, f := range l.after {
			f(done)
		}
	}
}

// record adds the event to the digest.
func (l *Loop) record(e *event) {
	var b [25]byte
	binary.LittleEndian.PutUint64(b[0:], uint64(e.at))
	binary.LittleEndian.PutUint64(b[8:], e.label.Content)
	binary.LittleEndian.PutUint64(b[16:], uint64(e.label.Subject))
	b[24] = byte(e.label.Kind)
	l.digest.Write(b[:]) // never fails
}

// Note adds a value that is no event, such as an operation's outcome, to the digest.
func (l *Loop) Note(value uint64) {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], value)
	l.digest.Write(b[:]) // never fails
}

// A Stop says where Run stops: whichever comes first. Zero fields do not count.
type Stop struct {
	Time  time.Duration    // before the first event later than this; the loop's time is then Time
	Step  uint64           // after the event of that number
	Event func(Event) bool // after an event for which it returns true
}

// Run runs events until there is a reason to stop, and returns the failure if that is the reason.
func (l *Loop) Run(s Stop) error {
	stopped := false
	if s.Event != nil {
		l.after = append(l.after, func(e Event) { stopped = stopped || s.Event(e) })
		defer func(n int) { l.after = l.after[:n] }(len(l.after) - 1)
	}
	for l.failure == nil && !stopped && (s.Step == 0 || l.step < s.Step) {
		if s.Time > 0 && (len(l.queue) == 0 || l.queue[0].at > s.Time) {
			l.now = max(l.now, s.Time)
			break
		}
		if !l.Step() {
			break
		}
	}
	return l.failure
}

// Close ends all tasks that are still parked. The loop is not used afterwards.
func (l *Loop) Close() {
	for _, c := range l.tasks {
		c.stop()
	}
	l.tasks, l.parked = nil, nil
}
