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

// A Fabric is one that can be tested: hosts can be attached to it.
type Fabric interface {
	link.Fabric
	Attach(ctx context.Context, ports []host.Port) error
}

// A Setup says how a fabric is started and what it promises.
type Setup struct {
	// Start starts the fabric in the hub; the hosts are attached afterwards.
	Start func(hub *host.Host, seed uint64) (Fabric, error)
	// Seeded: the same seed and packets meet the same fates.
	Seeded bool
	// Causes: the counters tell packets lost by chance from those that a full queue dropped.
	// Without it all of them are Lost or Overflow, one knows not which.
	Causes bool
	// Switch is the process that carries the packets; nil where the kernel does. Only benchmarks ask.
	Switch func(Fabric) (pid int)
}

// A Rule is something that every fabric does.
type Rule struct {
	Name string
	Why  string // what goes wrong in a run where the rule is broken
	test func(*Lab)
}

// Check says how the fabric breaks the rule, if it does. It starts a fabric of its own.
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

// A violation is panicked with, and recovered by Check.
type violation struct{ error }

// Rules are all the rules, in the order in which they should be read.
func Rules() []Rule {
	var all []Rule
	for _, rules := range [][]Rule{wireRules, timeRules, chanceRules, rateRules, changeRules, endRules} {
		all = append(all, rules...)
	}
	return all
}

// Run tests the fabric by every rule, each in a subtest of its own.
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

// exact says whether this machine's time is virtual, so that nothing but the fabric takes any.
var exact = os.Getenv("RECKON_LAB") == "1"

// patience bounds every wait: it is no expectation of how long anything takes.
const patience = 30 * time.Second

// slack is how late a packet may be.
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

// fail ends the rule's test: the rule is broken.
func (l *Lab) fail(format string, args ...any) { panic(violation{fmt.Errorf(format, args...)}) }

// must fails where what the test needs did not work.
func (l *Lab) must(what string, err error) {
	if err != nil {
		l.fail("%s: %w", what, err)
	}
}

// later runs f when the test is over, before what was put off earlier.
func (l *Lab) later(f func()) { l.closes = append(l.closes, f) }
