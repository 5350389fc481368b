package host_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/moby/sys/reexec"

	"github.com/reckon-bench/reckon/reckon/host"
)

func init() {
	// An echo prints "ready", and then repeats its input.
	reexec.Register("test-echo", func() {
		fmt.Println("ready")
		io.Copy(os.Stdout, os.Stdin)
	})
}

// start starts an echo and waits until it is ready.
func start(t testing.TB, h *host.Host) (p *host.Process, in io.Writer, out *bufio.Reader) {
	t.Helper()
	stdin, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r, stdout, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p, err = h.Start(host.Command{Args: []string{"test-echo"}, Stdin: stdin, Stdout: stdout, Stderr: os.Stderr})
	if err != nil {
		t.Fatal(err)
	}
	stdin.Close()
	stdout.Close()
	t.Cleanup(func() { w.Close(); r.Close() })
	out = bufio.NewReader(r)
	if line, err := out.ReadString('\n'); err != nil || line != "ready\n" {
		t.Fatalf("the process said %q, %v", line, err)
	}
	return p, w, out
}

func state(t testing.TB, p *host.Process) byte {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.PID()))
	if err != nil {
		return 0
	}
	s := string(b)
	return s[strings.LastIndex(s, ") ")+2]
}

func TestProcessLivesInTheNamespace(t *testing.T) {
	h := newHost(t, "n1")
	p, _, _ := start(t, h)
	own, its := namespaceOf(t, os.Getpid()), namespaceOf(t, p.PID())
	if own == its {
		t.Errorf("the process is in the test's namespace, %s", own)
	}
	if want := namespaceOfHost(t, h); its != want {
		t.Errorf("the process is in %s, its host in %s", its, want)
	}
}

func TestKill(t *testing.T) {
	h := newHost(t, "n1")
	p, _, _ := start(t, h)
	for range 2 {
		if err := p.Kill(); err != nil {
			t.Fatal(err)
		}
	}
	if s := state(t, p); s != 0 {
		t.Errorf("killed, it is in state %c", s)
	}
	if err := p.Err(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("it ended with %v", err)
	}
	if err := p.Pause(); err == nil {
		t.Error("a dead process was paused")
	}
	if err := p.Signal(1); err == nil {
		t.Error("a dead process was signalled")
	}
}

func TestPauseAndResume(t *testing.T) {
	h := newHost(t, "n1")
	p, in, out := start(t, h)
	for i := range 20 {
		if err := p.Pause(); err != nil {
			t.Fatal(err)
		}
		if s := state(t, p); s != 'T' {
			t.Fatalf("paused, it is in state %c", s)
		}
		if err := p.Pause(); err != nil { // it is already
			t.Fatal(err)
		}
		fmt.Fprintln(in, i)
		if s := state(t, p); s != 'T' {
			t.Fatalf("written to, it is in state %c", s)
		}
		if err := p.Resume(); err != nil {
			t.Fatal(err)
		}
		if line, err := out.ReadString('\n'); err != nil || line != fmt.Sprintln(i) {
			t.Fatalf("resumed, it said %q, %v", line, err)
		}
	}
	if err := p.Pause(); err != nil {
		t.Fatal(err)
	}
	if err := p.Kill(); err != nil { // also from a pause
		t.Fatal(err)
	}
}

func TestExitStatus(t *testing.T) {
	h := newHost(t, "n1")
	var out strings.Builder
	p, err := h.Start(host.Command{
		Path: "sh", Args: []string{"sh", "-c", "echo $WORD; exit 3"}, Env: []string{"WORD=hello"}, Stdout: &out,
	})
	if err != nil {
		t.Fatal(err)
	}
	<-p.Done()
	if p.State().ExitCode() != 3 || p.Err() == nil || out.String() != "hello\n" {
		t.Errorf("status %v, error %v, output %q", p.State(), p.Err(), out.String())
	}
	for _, c := range []host.Command{{}, {Path: "/no/such/program", Args: []string{"x"}}} {
		if _, err := h.Start(c); err == nil {
			t.Errorf("%+v was started", c)
		}
	}
}

// Close ends the processes that were started, and their children.
func TestCloseKills(t *testing.T) {
	h := newHost(t, "n1")
	p, _, _ := start(t, h)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := h.Start(host.Command{Path: "sh", Args: []string{"sh", "-c", "sleep 1000 & echo up; wait"}, Stdout: w}); err != nil {
		t.Fatal(err)
	}
	w.Close()
	if _, err := io.ReadFull(r, make([]byte, 3)); err != nil {
		t.Fatal(err)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	<-p.Done()
	if _, err := io.ReadAll(r); err != nil { // ends with the last who could write
		t.Fatal(err)
	}
}
