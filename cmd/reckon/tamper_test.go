package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/results"
	"github.com/reckon-bench/reckon/results/judge"
	"github.com/reckon-bench/reckon/results/judge/judgetest"
)

// TestTampering strikes the harness's own processes, and the system's behind the harness's back, in
// the middle of a load. Such a run is never a result, and says why; but a store that crashes has
// broken a promise.
func TestTampering(t *testing.T) {
	t.Parallel()
	if ok, err := hosts(); err != nil {
		t.Fatal(err)
	} else if !ok {
		t.Skip("no namespaces here; reckon doctor says why")
	}
	for _, c := range []struct {
		role   string // name of the program
		signal syscall.Signal
		then   syscall.Signal // after that long
		after  time.Duration
		want   string // in the reasons, or in what is said of the store
		broken bool   // a promise
	}{
		{role: "reckon-switch", signal: syscall.SIGKILL, want: "the links ended by themselves"},
		{role: "reckon-load", signal: syscall.SIGKILL, want: "load driver on c1 ended by itself"},
		{role: "reckon-memory", signal: syscall.SIGKILL, want: "n1 ended by itself"},                                       // as the machine does when its memory is full
		{role: "reckon-memory", signal: syscall.SIGTERM, want: "n1 ended by itself"},                                       // somebody asked it to, and it did, in order
		{role: "reckon-memory", signal: syscall.SIGQUIT, want: "n1 ended by itself: exit status 2, after: ", broken: true}, // Go has it print its stacks
		{role: "reckon-memory", signal: syscall.SIGSTOP, then: syscall.SIGCONT, after: 3 * time.Second, want: "n1 was stopped (SIGSTOP) by someone else"},
		{role: "reckon-switch", signal: syscall.SIGSTOP, then: syscall.SIGCONT, after: 3 * time.Second, want: "longer than an election timeout"},
		{role: "reckon-run", signal: syscall.SIGKILL, want: "the runner ended by itself"},
		{role: "reckon-run", signal: syscall.SIGQUIT, want: "the runner ended by itself"},
	} {
		t.Run(c.role+" "+c.signal.String(), func(t *testing.T) {
			t.Parallel()
			mark := "RECKON_TEST_RUN=" + t.Name() + strconv.Itoa(os.Getpid())
			dir := filepath.Join(t.TempDir(), "run")
			cmd := exec.Command(commandLink(t), "memory", "simple", "uniform", "none", "--duration", "8s", "--link-latency", "1", "--result-location", dir)
			cmd.Env = append(os.Environ(), mark)
			var out bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &out
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			awaitRecord(t, dir, "ops.jsonl", `"stage":"load"`)
			pid := processOf(t, c.role, mark)
			if err := syscall.Kill(pid, c.signal); err != nil {
				t.Fatal(err)
			}
			if c.then != 0 {
				time.Sleep(c.after) // how long it is stopped is the point
				_ = syscall.Kill(pid, c.then)
			}
			err := cmd.Wait()
			want := results.StatusHarness
			if c.broken {
				want = results.StatusInvalid
			}
			if cmd.ProcessState.ExitCode() != want.Exit() {
				t.Errorf("exit status %v, want %d\n%s", err, want.Exit(), out.String())
			}
			b, err := os.ReadFile(filepath.Join(dir, "summary.json"))
			if err != nil {
				t.Fatalf("%v\n%s", err, out.String())
			}
			var s results.Summary
			if err := json.Unmarshal(b, &s); err != nil {
				t.Fatal(err)
			}
			why := strings.Join(s.Harness, "; ")
			if c.broken {
				why = fmt.Sprint(s.Checks)
			}
			if s.Verdict != want || !strings.Contains(why, c.want) {
				t.Errorf("%s: %q, want %s: %q", s.Verdict, why, want, c.want)
			}
			awaitNobody(t, mark)
		})
	}
}

// commandLink is a link by whose name the test binary is the command.
func commandLink(t *testing.T) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "reckon")
	if err := os.Symlink(exe, name); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestDriverDiesWhileStruck kills a load driver while the leader is held dead: the strike is
// healed, what was recorded until then is kept, the other driver among it, and the run is no
// result.
func TestDriverDiesWhileStruck(t *testing.T) {
	t.Parallel()
	if ok, err := hosts(); err != nil {
		t.Fatal(err)
	} else if !ok {
		t.Skip("no namespaces here; reckon doctor says why")
	}
	mark := "RECKON_TEST_RUN=" + t.Name() + strconv.Itoa(os.Getpid())
	path := filepath.Join(t.TempDir(), "run")
	cmd := exec.Command(commandLink(t), "etcd", "simple", "uniform", "leader", "--number-clients", "2", "--duration", "30s", "--fault-at", "1s", "--fault-for", "25s", "--result-location", path)
	cmd.Env = append(os.Environ(), mark)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	awaitRecord(t, path, "events.jsonl", `"kind":"struck"`)
	if err := syscall.Kill(processOf(t, "reckon-load", mark), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	said, _ := io.ReadAll(out) // until it ends
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != results.StatusHarness.Exit() {
		t.Errorf("%v\n%s", err, said)
	}
	dir, err := results.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	h, _, err := dir.History()
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(dir.Path("summary.json"))
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	var s results.Summary
	if err := json.Unmarshal(b, &s); err != nil {
		t.Fatal(err)
	}
	if why := strings.Join(s.Harness, "; "); s.Verdict != results.StatusHarness || !strings.Contains(why, "ended by itself (signal: killed)") {
		t.Errorf("%s: %q", s.Verdict, why)
	}
	if len(s.Strikes) != 1 || s.Strikes[0].Healed == nil || *s.Strikes[0].Healed > 20 {
		t.Errorf("not healed when the driver died: %+v", s.Strikes)
	}
	count := map[history.EventKind]int{}
	for _, e := range h.Events {
		count[e.Kind]++
	}
	if count[history.Held] != 1 || count[history.Released] != 1 || count[history.Driver] != 1 || count[history.Links] != 1 {
		t.Errorf("held %d, released %d, drivers that gave an account %d, links %d; want one each",
			count[history.Held], count[history.Released], count[history.Driver], count[history.Links])
	}
	clients := map[string]bool{}
	for _, o := range h.Ops {
		clients[o.Client] = clients[o.Client] || o.Stage == history.Load
	}
	if !clients["c1"] || !clients["c2"] {
		t.Errorf("operations of %v are on record", clients)
	}
	awaitNobody(t, mark)
}

// awaitRecord waits until what the run has recorded in the file contains the text.
func awaitRecord(t *testing.T, dir, file, text string) {
	t.Helper()
	for range 60_000 / 20 {
		if b, err := os.ReadFile(filepath.Join(dir, file)); err == nil && bytes.Contains(b, []byte(text)) {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("no %s in %s after a minute", text, file)
}

// processOf is the run's process of that name.
func processOf(t *testing.T, role, mark string) int {
	t.Helper()
	for _, p := range carrying(mark) {
		pid, name, _ := strings.Cut(p, " ")
		if strings.HasPrefix(name, role+" ") || name == role {
			n, err := strconv.Atoi(pid)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatalf("no %s among %q", role, carrying(mark))
	return 0
}

// A record that was changed afterwards is noticed.
func TestEditedRecords(t *testing.T) {
	edit := func(file string, f func([]string) []string) func(*testing.T, *results.Dir) {
		return func(t *testing.T, d *results.Dir) {
			b, err := os.ReadFile(d.Path(file))
			if err != nil {
				t.Fatal(err)
			}
			lines := strings.SplitAfter(string(b), "\n")
			lines = f(lines[:len(lines)-1]) // what follows the last newline is nothing
			if err := os.WriteFile(d.Path(file), []byte(strings.Join(lines, "")), 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
	dropLast := func(l []string) []string { return l[:len(l)-1] }
	for name, c := range map[string]struct {
		edit func(*testing.T, *results.Dir)
		want string
	}{
		"an operation is missing": {edit("ops.jsonl", dropLast), "ops.jsonl is not what was recorded"},
		"one stands twice":        {edit("ops.jsonl", func(l []string) []string { return append([]string{l[0]}, l...) }), "ops.jsonl is not what was recorded"},
		"a change is missing":     {edit("changes.jsonl", dropLast), "changes.jsonl is not what was recorded"},
		"the last line is cut off": {edit("ops.jsonl", func(l []string) []string {
			l[len(l)-1] = l[len(l)-1][:20]
			return l
		}), "ops.jsonl is not what was recorded"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := judgetest.Record(t, 1000)
			c.edit(t, dir)
			s, err := judge.Conclude(dir)
			if err != nil {
				t.Fatal(err)
			}
			if why := strings.Join(s.Harness, "; "); s.Verdict != results.StatusHarness || !strings.Contains(why, c.want) {
				t.Errorf("%s: %q; want harness: %q", s.Verdict, why, c.want)
			}
		})
	}
	t.Run("the plan has other flags", func(t *testing.T) {
		dir := judgetest.Record(t, 1000)
		edit("plan.json", func(l []string) []string {
			return []string{strings.Replace(strings.Join(l, ""), `"simple"`, `"wan"`, 1)}
		})(t, dir)
		if _, err := judge.Conclude(dir); err == nil || !strings.Contains(err.Error(), "do not follow from its words and flags") {
			t.Errorf("got %v", err)
		}
	})
}
