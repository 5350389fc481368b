package loop

import (
	"iter"
	"slices"
	"time"

	"github.com/cespare/xxhash/v2"
)

// A Coroutine is a function that waits while virtual time goes on: it is parked, the loop runs events, and it
// continues where it was. It runs on a goroutine of its own, but never while the loop or another coroutine does.
type Coroutine struct {
	loop     *Loop
	label    Label
	next     func() (struct{}, bool)
	stop     func()
	yield    func(struct{}) bool
	cond     func() bool
	timedOut bool
	parking  uint64 // counts parkings, so that a late timeout does not wake a later one
}

// closed unwinds a coroutine whose loop was closed.
type closed struct{}

// Go starts f as a coroutine, by an event that is due now.
func (l *Loop) Go(name string, f func(*Coroutine)) {
	c := &Coroutine{loop: l, label: Label{Kind: Task, Subject: Nobody, Content: xxhash.Sum64String(name)}}
	c.next, c.stop = iter.Pull(func(yield func(struct{}) bool) {
		defer func() {
			if r := recover(); r != nil {
				if _, ok := r.(closed); !ok {
					panic(r) // passed on to whoever runs the loop
				}
			}
		}()
		c.yield = yield
		f(c)
	})
	l.tasks = append(l.tasks, c)
	l.After(0, c.label, c.resume)
}

// resume runs the coroutine until it parks or ends.
func (c *Coroutine) resume() {
	if _, parked := c.next(); !parked {
		c.loop.tasks = slices.DeleteFunc(c.loop.tasks, func(x *Coroutine) bool { return x == c })
	}
}

func (c *Coroutine) park() {
	if !c.yield(struct{}{}) {
		panic(closed{})
	}
}

// Now returns the virtual time.
func (c *Coroutine) Now() time.Duration { return c.loop.now }

// WaitUntil parks until the instant.
func (c *Coroutine) WaitUntil(at time.Duration) {
	if at <= c.loop.now {
		return
	}
	c.loop.At(at, c.label, c.resume)
	c.park()
}

// Await parks until the condition holds, which is looked at after every event, or until within has passed.
// It reports whether the condition holds.
func (c *Coroutine) Await(within time.Duration, cond func() bool) bool {
	if cond() {
		return true
	}
	c.parking++
	mine := c.parking
	c.cond, c.timedOut = cond, false
	c.loop.parked = append(c.loop.parked, c)
	c.loop.After(within, c.label, func() {
		if c.cond == nil || c.parking != mine {
			return
		}
		c.unpark()
		c.timedOut = true
		c.resume()
	})
	c.park()
	return !c.timedOut
}

func (c *Coroutine) unpark() {
	c.cond = nil
	c.loop.parked = slices.DeleteFunc(c.loop.parked, func(x *Coroutine) bool { return x == c })
}

// wake queues all coroutines whose condition has come to hold.
func (l *Loop) wake() {
	for i := 0; i < len(l.parked); {
		c := l.parked[i]
		if !c.cond() {
			i++
			continue
		}
		c.unpark()
		l.After(0, c.label, c.resume)
	}
}
