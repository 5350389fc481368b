package main

import (
	"context"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/reckon-bench/reckon/reckon"
)

// newFault is the variable that has this test binary register one more fault, of its name: one that
// no other file knows.
const newFault = "RECKON_TEST_NEW_FAULT"

func init() {
	if name := os.Getenv(newFault); name != "" {
		reckon.Faults.Register(reckon.Word[reckon.Fault]{
			Name:   name,
			Doc:    "pauses the first node in the middle of the load",
			Source: "this test",
			New:    func(*pflag.FlagSet) reckon.Fault { return pauseFirst{} },
		})
	}
}

type pauseFirst struct{}

func (pauseFirst) HealsItself() bool { return true }

func (pauseFirst) Strikes(s reckon.Setting, _ *rand.Rand) []reckon.Strike {
	from, to := s.Window(s.Duration/2, s.Duration/2+2*time.Second)
	return []reckon.Strike{{From: from, To: to, Name: "pause the first node", Inject: func(ctx context.Context, c reckon.Cluster) (reckon.Injection, error) {
		n := c.Nodes()[0]
		heal, err := n.Hold(ctx, reckon.Paused)
		return reckon.Injection{Detail: "paused " + n.Name(), Heal: heal}, err
	}}}
}

// A fault that has just been registered needs no other file: the tests that ask something of every
// word pass with it, and each has asked it.
func TestNewFaultNeedsNoOtherFile(t *testing.T) {
	const name = "brand-new"
	tests := []string{
		"TestFlagsOfOneNameMeanTheSame", "TestWordsAreDocumented", "TestEveryFaultCanBeTried", "TestNightlyHasEveryFault",
		"TestNightlyIsPairwise", "TestNightlyPlans", "TestScenariosAreComplete", "TestNewFaultIsDrawnAndListed",
	}
	if os.Getenv(everyFault) != "" {
		tests = append(tests, "TestFaults")
	}
	run := func(name string, tests ...string) (out string, err error) {
		cmd := exec.Command(os.Args[0], "-test.v", "-test.run", "^("+strings.Join(tests, "|")+")$/^(etcd_"+name+")?$")
		cmd.Env = append(os.Environ(), newFault+"="+name)
		b, err := cmd.CombinedOutput()
		return string(b), err
	}
	out, err := run(name, tests...)
	if err != nil {
		t.Errorf("with a new fault: %v\n%s", err, out)
	}
	for _, test := range tests {
		if !strings.Contains(out, "--- PASS: "+test+" ") {
			t.Errorf("%s did not pass with a new fault\n%s", test, out)
		}
	}
	// A new word that cannot run as it is, and states no trial, is found out.
	if out, err := run("with,comma", "TestEveryFaultCanBeTried"); err == nil {
		t.Errorf("a word that no run can name passes:\n%s", out)
	}
}

// The new fault is in every list that people see, in the nightly on each version, among the faults
// that TestFaults strikes with, and churn draws it.
func TestNewFaultIsDrawnAndListed(t *testing.T) {
	name := os.Getenv(newFault)
	if name == "" {
		t.Skip("TestNewFaultNeedsNoOtherFile runs it")
	}
	list, err := exec.Command(commandLink(t), "list").CombinedOutput()
	if err != nil || !strings.Contains(string(list), name) {
		t.Errorf("reckon list: %v\n%s", err, list)
	}
	nightly := 0
	for _, c := range nightlyCells(t) {
		if c.Words.Fault == name {
			nightly++
		}
	}
	if nightly != 3 {
		t.Errorf("the nightly has it %d times, want once on each version", nightly)
	}
	if b := otherBlows(t); len(b) != 1 || b[0].words != "etcd "+name || b[0].strikes != 1 {
		t.Errorf("TestFaults strikes with %+v", b)
	}
	out, err := exec.Command(commandLink(t), "plan", "etcd", "simple", "uniform", "churn", "--duration", "24h").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "pause the first node") {
		t.Errorf("churn draws among others than %s: %v\n%.2000s", name, err, out)
	}
}
