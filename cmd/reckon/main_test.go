package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/sys/reexec"
	"github.com/rogpeppe/go-internal/testscript"
	"go.etcd.io/etcd/server/v3/etcdmain"

	"github.com/reckon-bench/reckon/cmd/reckon/doctor"
	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/results"
	"github.com/reckon-bench/reckon/systems"
)

var update = flag.Bool("update", false, "rewrite the golden files of the scripts")

func TestMain(m *testing.M) {
	if reexec.Init() { // this process is a part of a run that a test started
		return
	}
	testscript.Main(m, map[string]func(){
		"reckon":         func() { os.Exit(Main(os.Args[1:])) },
		systems.EtcdRole: func() { etcdmain.Main(os.Args) },
	})
}

// TestScripts runs testdata/script/*.txtar. The scripts whose names begin with
// "run" start real hosts, links and systems; they are skipped, with the reason, only where
// this machine does not allow that, and never in CI.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: *update,
		Setup: func(e *testscript.Env) error {
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("LOOPBACK", loopback())
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "runs": runs, "summary": summary, "await": await,
			"selfcert": selfcert, "authenticated": authenticated, "cell": cell, "sameplan": sameplan,
		},
		Condition: condition,
	})
}

// exits STATUS COMMAND... runs the command and wants that exit status.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS COMMAND...")
	}
	wantStatus(ts, args[0], status(ts, args[1:]))
}

// slowness says how many times as long the election timeouts are that runs in the tests have, from
// the variable RECKON_TEST_SLOWNESS, which scripts/test-slow sets; elsewhere it is 1. A run allows
// a tenth of its election timeout for its own lag, so that on a slow machine no run with a short
// one would be a result.
func slowness(tb interface{ Fatalf(string, ...any) }) int {
	given := os.Getenv("RECKON_TEST_SLOWNESS")
	if given == "" {
		return 1
	}
	n, err := strconv.Atoi(given)
	if err != nil || n < 1 || n > 100 {
		tb.Fatalf("RECKON_TEST_SLOWNESS=%s: must be a whole number from 1 to 100", given)
	}
	return n
}

// patient is the command with an election timeout that is that many times the default, where it
// starts a run and has none of its own.
func patient(ts *testscript.TestScript, command []string) []string {
	n := slowness(ts)
	if _, err := reckon.Systems.Lookup(strings.SplitN(command[1], "@", 2)[0]); n == 1 || err != nil || slices.Contains(command, "--failure-timeout") {
		return command
	}
	return append(command, "--failure-timeout", strconv.Itoa(n)+"s")
}

// runs STATUS DIR COMMAND... is exits for a run that records in DIR. A run whose only defect is
// that this machine was too busy to keep time is no result, so it is repeated, twice at most.
func runs(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: runs STATUS DIR COMMAND...")
	}
	dir := ts.MkAbs(args[1])
	command := patient(ts, append(args[2:], "--result-location", dir))
	got := status(ts, command)
	for range 2 {
		if !tooBusy(dir) {
			break
		}
		ts.Logf("this machine was too busy; again")
		ts.Check(os.RemoveAll(dir))
		got = status(ts, command)
	}
	wantStatus(ts, args[0], got)
}

// status is the command's exit status.
func status(ts *testscript.TestScript, command []string) int {
	err := ts.Exec(command[0], command[1:]...)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	ts.Check(err)
	return 0
}

func wantStatus(ts *testscript.TestScript, want string, got int) {
	if strconv.Itoa(got) != want {
		ts.Fatalf("exit status %d, want %s", got, want)
	}
}

// tooBusy says whether the run failed by nothing but the time that it kept.
func tooBusy(dir string) bool {
	b, err := os.ReadFile(dir + "/summary.json")
	var s results.Summary
	if err != nil || json.Unmarshal(b, &s) != nil || len(s.Harness) == 0 {
		return false
	}
	for _, why := range s.Harness {
		if !strings.Contains(why, "lagged") && !strings.Contains(why, "delivered late") && !strings.Contains(why, "stood still") {
			return false
		}
	}
	return true
}

// hosts says whether this machine allows what a run needs. Where it does not, it
// says why; in CI that is an error.
var hosts = sync.OnceValues(func() (bool, error) {
	for _, f := range doctor.Examine() {
		if f.OK || !f.Needed {
			continue
		}
		fmt.Fprintf(os.Stderr, "scripts that run real hosts are skipped: %s: %s\n", f.What, f.Detail)
		if os.Getenv("CI") == "true" {
			return false, fmt.Errorf("CI must be able to run this: %s: %s", f.What, f.Detail)
		}
		return false, nil
	}
	return true, nil
})

func condition(name string) (bool, error) {
	switch name {
	case "hosts":
		return hosts()
	case "python":
		_, err := exec.LookPath("python3")
		if err != nil && os.Getenv("CI") == "true" {
			return false, fmt.Errorf("CI must have what its tests need: %w", err)
		}
		return err == nil, nil
	}
	return false, fmt.Errorf("unknown condition %q", name)
}

// summary DIR KEY=VALUE... wants those values in the run's summary: verdict=valid,
// check:durable=invalid, interrupted=true, strikes=1.
func summary(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: summary DIR KEY=VALUE...")
	}
	b, err := os.ReadFile(ts.MkAbs(args[0]) + "/summary.json")
	ts.Check(err)
	var s results.Summary
	ts.Check(json.Unmarshal(b, &s))
	have := map[string]string{
		"verdict": s.Verdict.String(), "interrupted": fmt.Sprint(s.Interrupted), "strikes": fmt.Sprint(len(s.Strikes)), "seed": fmt.Sprint(s.Seed),
		"load_end_s": fmt.Sprintf("%.0f", s.LoadEnd),
	}
	for _, c := range s.Checks {
		have["check:"+c.Name] = c.Verdict.String()
	}
	verified := 0
	for _, st := range s.Strikes {
		if st.Verified {
			verified++
		}
	}
	have["verified"] = fmt.Sprint(verified)
	for _, want := range args[1:] {
		key, value, _ := strings.Cut(want, "=")
		if have[key] != value {
			ts.Fatalf("summary has %s=%s, want %s; harness %q, checks %v", key, have[key], value, s.Harness, s.Checks)
		}
	}
}

// await FILE REGEXP waits, bounded, until the file has a match.
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: await FILE REGEXP")
	}
	want, err := regexp.Compile(args[1])
	ts.Check(err)
	path := ts.MkAbs(args[0])
	for range 60_000 / 20 {
		if b, err := os.ReadFile(path); err == nil && want.Match(b) {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	ts.Fatalf("%s has no match for %s after a minute", args[0], args[1])
}
