package systems

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/moby/sys/reexec"
	"github.com/spf13/pflag"

	"github.com/reckon-bench/reckon/reckon"
)

// TestMain lets the test's binary be the systems that the tests start.
func TestMain(m *testing.M) {
	if reexec.Init() {
		return
	}
	os.Exit(m.Run())
}

// word makes the system of that name with the flags given as "--name=value".
func word(t testing.TB, name string, flags ...string) reckon.System {
	t.Helper()
	w, err := reckon.Systems.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	fs := pflag.NewFlagSet(name, pflag.ContinueOnError)
	s := w.New(fs)
	if err := fs.Parse(flags); err != nil {
		t.Fatal(err)
	}
	return s
}

// direct dials from the test's own namespace.
func direct(ctx context.Context, network, address string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, network, address)
}

// A cluster is a system on the loopback addresses 127.net.0.1 and on, a process a member.
type cluster struct {
	t       testing.TB
	system  reckon.System
	members []reckon.Member
	running map[string]*exec.Cmd
}

// start starts n members and waits until all are ready. net is different for each test of the
// package.
func start(t testing.TB, s reckon.System, net byte, n int) *cluster {
	t.Helper()
	c := &cluster{t: t, system: s, running: map[string]*exec.Cmd{}}
	for i := 1; i <= n; i++ {
		dir := filepath.Join(t.TempDir(), "data")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		c.members = append(c.members, reckon.Member{Name: fmt.Sprintf("n%d", i), Addr: netip.AddrFrom4([4]byte{127, net, 0, byte(i)}), Dir: dir})
	}
	t.Cleanup(c.killAll)
	for _, m := range c.members {
		c.run(m)
	}
	c.ready(c.members...)
	return c
}

// run starts the member's process; its output is kept, also over restarts, and shown if the test
// fails.
func (c *cluster) run(m reckon.Member) {
	c.t.Helper()
	command := c.system.Command(m, c.members)
	path := command.Path
	if path == "" {
		path = reexec.Self()
	}
	log, err := os.OpenFile(c.log(m), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		c.t.Fatal(err)
	}
	defer log.Close()
	p := &exec.Cmd{Path: path, Args: command.Args, Env: append(os.Environ(), command.Env...), Stdout: log, Stderr: log}
	if err := p.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.running[m.Name] = p
}

func (c *cluster) log(m reckon.Member) string { return filepath.Join(filepath.Dir(m.Dir), "log") }

func (c *cluster) kill(m reckon.Member) {
	if p, ok := c.running[m.Name]; ok {
		_ = p.Process.Kill()
		_ = p.Wait()
		delete(c.running, m.Name)
	}
}

func (c *cluster) killAll() {
	for _, m := range c.members {
		c.kill(m)
		if log, err := os.ReadFile(c.log(m)); err == nil && c.t.Failed() {
			c.t.Logf("the end of the log of %s:\n%s", m.Name, log[max(0, len(log)-3000):])
		}
	}
}

// status asks the member with little patience.
func (c *cluster) status(m reckon.Member) (reckon.Status, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	return c.system.Status(ctx, m, direct)
}

// ready waits until the members are ready and one of all leads.
func (c *cluster) ready(members ...reckon.Member) {
	c.t.Helper()
	c.eventually("the members are ready", func() error {
		for _, m := range members {
			if s, err := c.status(m); err != nil || !s.Ready {
				return fmt.Errorf("%s: %+v, %v", m.Name, s, err)
			}
		}
		_, err := c.leads()
		return err
	})
}

// leads is the member that leads the highest term.
func (c *cluster) leads() (leader reckon.Member, err error) {
	var term uint64
	err = errors.New("nobody leads")
	for _, m := range c.members {
		if s, serr := c.status(m); serr == nil && s.Leader && s.Term >= term {
			leader, term, err = m, s.Term, nil
		}
	}
	return leader, err
}

// eventually waits, a minute at most, until the condition holds.
func (c *cluster) eventually(what string, condition func() error) {
	c.t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		err := condition()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("never came: %s: %v", what, err)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
