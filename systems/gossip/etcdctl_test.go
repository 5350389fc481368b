package gossip

import (
	"bufio"
	"errors"
	"os/exec"
	"strings"
	"testing"
)

// TestEtcdctl: the stock tool works as far as the API goes.
func TestEtcdctl(t *testing.T) {
	tool, err := exec.LookPath("etcdctl")
	if err != nil {
		t.Skip("etcdctl is not here")
	}
	c := start(t, 5, 3, nil)
	c.agree()
	run := func(args ...string) string {
		t.Helper()
		out, err := exec.CommandContext(ctx(t), tool, append([]string{"--endpoints=http://" + c.options[0].ListenClient}, args...)...).CombinedOutput()
		if err != nil {
			t.Errorf("etcdctl %v: %v: %s", args, err, out)
		}
		return string(out)
	}
	told := watched(t, exec.CommandContext(ctx(t), tool, "--endpoints=http://"+c.options[1].ListenClient, "watch", "early"))
	eventually(t, "etcdctl watch tells of a put at another member", func() error {
		run("put", "early", "bird")
		select {
		case line := <-told:
			if line != "PUT" || <-told != "early" || <-told != "bird" {
				t.Errorf("watch began with %q", line)
			}
			return nil
		default:
			return errors.New("nothing yet")
		}
	})
	if out := run("put", "greeting", "hello world"); out != "OK\n" {
		t.Errorf("put: %q", out)
	}
	if out := run("get", "greeting"); out != "greeting\nhello world\n" {
		t.Errorf("get: %q", out)
	}
	c.agree()
	if out := run("endpoint", "hashkv", "--cluster"); len(strings.Fields(out)) < 6 {
		t.Errorf("hashkv: %q", out)
	} else {
		hashes := map[string]bool{}
		for line := range strings.Lines(out) {
			hashes[strings.Fields(line)[1]] = true
		}
		if len(hashes) != 1 {
			t.Errorf("members that agree have different hashes: %s", out)
		}
	}
	if out := run("endpoint", "status", "--cluster", "-w", "table"); strings.Count(out, "127.18.5.") != 3 {
		t.Errorf("status: %s", out)
	}
	if out := run("member", "list"); strings.Count(out, "started") != 3 {
		t.Errorf("member list: %s", out)
	}
	if out := run("endpoint", "health"); !strings.Contains(out, "is healthy") {
		t.Errorf("health: %s", out)
	}
	if out := run("del", "greeting"); out != "1\n" {
		t.Errorf("del: %q", out)
	}
}

// watched starts the command and gives its lines.
func watched(t *testing.T, c *exec.Cmd) chan string {
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
	})
	lines := make(chan string, 10_000)
	go func() {
		for s := bufio.NewScanner(out); s.Scan(); {
			lines <- s.Text()
		}
	}()
	return lines
}
