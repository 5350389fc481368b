package host_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/moby/sys/reexec"
	"golang.org/x/sys/unix"

	"github.com/reckon-bench/reckon/reckon/host"
	"github.com/reckon-bench/reckon/reckon/host/hosttest"
)

func init() {
	reexec.Register("test-outermost", outermost)
	reexec.Register("test-runner", runner)
}

// outermost runs the runner in a private tree, as reckon does.
func outermost() {
	cmd := reexec.Command("test-runner")
	cmd.SysProcAttr = nil
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	err := host.RunIsolated(cmd)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		os.Exit(exit.ExitCode())
	} else if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(99)
	}
}

// runner makes a star with a process on every host, prints that it is up, and waits for SIGINT.
func runner() {
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, unix.SIGINT)
	check := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(98)
		}
	}
	if !host.Isolated() {
		check(errors.New("the runner is not isolated"))
	}
	check(host.Settle())
	hub, err := host.New("hub")
	check(err)
	hosts, err := host.Star(hub, seats(3))
	check(err)
	for _, h := range hosts {
		_, err := h.Start(host.Command{Path: "sh", Args: []string{"sh", "-c", "sleep 1000 & wait"}, Stdout: os.Stdout})
		check(err)
	}
	fmt.Println("up", os.Getpid())
	<-interrupted
	fmt.Println("interrupted")
	os.Exit(7)
}

// tree starts an outermost process and returns when the tree below it is up. Every process in the
// tree holds out open.
func tree(t *testing.T) (cmd *exec.Cmd, out *bufio.Reader) {
	t.Helper()
	hosttest.Need(t)
	cmd = reexec.Command("test-outermost")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = w, os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	t.Cleanup(func() { r.Close(); cmd.Process.Kill(); cmd.Wait() })
	if err := r.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	out = bufio.NewReader(r)
	line, err := out.ReadString('\n')
	if err != nil || line != "up 1\n" {
		t.Fatalf("the runner said %q, %v", line, err)
	}
	return cmd, out
}

// namespaces returns how many network namespaces the visible processes live in.
func namespaces(t *testing.T) int {
	t.Helper()
	seen := map[string]bool{}
	dirs, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range dirs {
		if ns, err := os.Readlink("/proc/" + d.Name() + "/ns/net"); err == nil {
			seen[ns] = true
		}
	}
	return len(seen)
}

func TestKillOfTheOutermostEndsEverything(t *testing.T) {
	hosttest.Need(t)
	before := namespaces(t)
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		cmd, out := tree(t)
		if n := namespaces(t); n < before+4 {
			t.Errorf("%d namespaces with the tree up, %d before", n, before)
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		// The pipe ends when the last process that could write to it has ended.
		if rest, err := io.ReadAll(out); err != nil || len(rest) > 0 {
			t.Fatalf("after the kill: %q, %v", rest, err)
		}
		for end := time.Now().Add(30 * time.Second); namespaces(t) > before; {
			if time.Now().After(end) {
				t.Fatalf("%d namespaces are left, %d before", namespaces(t), before)
			}
			time.Sleep(time.Millisecond)
		}
	}
	after, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil || string(after) != string(mounts) {
		t.Errorf("mounts changed from %s to %s, %v", mounts, after, err)
	}
}

func TestInterruptReachesTheRunner(t *testing.T) {
	cmd, out := tree(t)
	if err := cmd.Process.Signal(unix.SIGINT); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(out)
	if err != nil || string(rest) != "interrupted\n" {
		t.Errorf("it said %q, %v", rest, err)
	}
	if cmd.Wait(); cmd.ProcessState.ExitCode() != 7 {
		t.Errorf("%v, want the runner's own status 7", cmd.ProcessState)
	}
}

func TestSettleRefusesWhoIsNotIsolated(t *testing.T) {
	if host.Isolated() {
		t.Fatal("isolated still, or again")
	}
	if err := host.Settle(); err == nil || !strings.Contains(err.Error(), "not isolated") {
		t.Errorf("Settle: %v", err)
	}
}

// The lifeline alone suffices: here the thread that starts the runner lives on.
func TestLifeline(t *testing.T) {
	hosttest.Need(t)
	cmd := reexec.Command("test-runner")
	cmd.SysProcAttr = nil
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cmd.Stdout, cmd.Stderr = w, os.Stderr
	if err := host.Isolate(cmd); err != nil {
		t.Fatal(err)
	}
	cmd.SysProcAttr.Pdeathsig = syscall.Signal(0)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	out := bufio.NewReader(r)
	if line, err := out.ReadString('\n'); err != nil || line != "up 1\n" {
		t.Fatalf("the runner said %q, %v", line, err)
	}
	host.CutLifelines()
	if _, err := io.ReadAll(out); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil || cmd.ProcessState.ExitCode() != 137 {
		t.Errorf("%v, want status 137", cmd.ProcessState)
	}
}
