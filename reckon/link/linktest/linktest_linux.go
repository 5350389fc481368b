package linktest

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/reckon-bench/reckon/reckon/host"
	"github.com/reckon-bench/reckon/reckon/host/hosttest"
	"github.com/reckon-bench/reckon/reckon/link"
)

// A Fabric is a link.Fabric that can be tested: hosts can be attached to it.
type Fabric interface {
	link.Fabric
	Attach(ctx context.Context, ports []host.Port) error
}

// A Setup says how to start a fabric and what it guarantees.
type Setup struct {
	// Start starts the fabric in the hub; the hosts are attached afterwards.
	Start func(hub *host.Host, seed uint64) (Fabric, error)
	// Seeded states that the same seed and packets give the same drops.
	Seeded bool
	// Causes states that the counters distinguish packets lost by chance from packets dropped by a
	// full queue. Otherwise they may be counted as either Lost or Overflow.
	Causes bool
	// Switch returns the process that carries the packets; nil if the kernel does. Only benchmarks
	// use it.
	Switch func(Fabric) (pid int)
}

// A Rule is a property that every fabric must have.
type Rule struct {
	Name string
	Why  string // what would go wrong in a run if the rule were broken
	test func(*Lab)
}

// Check starts a fabric of its own and returns how it breaks the rule, if it does.
func (r Rule) Check(s Setup) (err error) {
	defer func() {
		switch v := recover().(type) {
		case nil:
		case violation:
			err = v.error
		default:
			panic(v)
		}
	}()
	l := &Lab{setup: s}
	defer l.close()
	r.test(l)
	return nil
}

// A violation is the panic value of a broken rule, which Check recovers.
type violation struct{ error }

// Rules returns all rules, in reading order.
func Rules() []Rule {
	var all []Rule
	for _, rules := range [][]Rule{wireRules, timeRules, chanceRules, rateRules, changeRules, endRules} {
		all = append(all, rules...)
	}
	return all
}

// Run tests the fabric against every rule, each in a subtest of its own.
func Run(t *testing.T, s Setup) {
	hosttest.Need(t)
	for _, r := range Rules() {
		t.Run(r.Name, func(t *testing.T) {
			begin := time.Now()
			if err := r.Check(s); err != nil {
				t.Errorf("%v\nThe rule matters: %s.", err, r.Why)
			}
			t.Logf("took %v", time.Since(begin).Round(time.Millisecond))
		})
	}
}

// exact reports whether this machine has virtual time, in which only the fabric takes time.
var exact = os.Getenv("RECKON_LAB") == "1"

// patience bounds every wait; it does not state how long anything should take.
const patience = 30 * time.Second

// slack returns how late a packet may be.
func slack() time.Duration {
	if exact {
		return 500 * time.Microsecond
	}
	return 5 * time.Second
}

// A Lab is a fabric with hosts n1, n2, ... attached.
type Lab struct {
	setup  Setup
	hub    *host.Host
	hosts  []*host.Host
	fabric Fabric
	closes []func()
}

// fail ends the test of a rule that is broken.
func (l *Lab) fail(format string, args ...any) { panic(violation{fmt.Errorf(format, args...)}) }

// must fails if a step that the test needs did not work.
func (l *Lab) must(what string, err error) {
	if err != nil {
		l.fail("%s: %w", what, err)
	}
}

// later runs f at the end of the test, in reverse order of the calls.
func (l *Lab) later(f func()) { l.closes = append(l.closes, f) }
