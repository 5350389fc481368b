package systems

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/history"
)

// ctx is the test's, with a bound.
func (c *cluster) ctx() context.Context {
	ctx, cancel := context.WithTimeout(c.t.Context(), time.Minute)
	c.t.Cleanup(cancel)
	return ctx
}

func (c *cluster) dial(members ...reckon.Member) reckon.Client {
	c.t.Helper()
	client, err := c.system.Dial(c.ctx(), members, direct)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() {
		if err := client.Close(); err != nil {
			c.t.Error(err)
		}
	})
	return client
}

// write writes and must succeed.
func (c *cluster) write(client reckon.Client, key, value string) reckon.Op {
	c.t.Helper()
	return c.ok(client.Do(c.ctx(), reckon.Op{Kind: history.Write, Key: key, Value: value}))
}

// read reads and must succeed.
func (c *cluster) read(client reckon.Client, key string) reckon.Op {
	c.t.Helper()
	return c.ok(client.Do(c.ctx(), reckon.Op{Kind: history.Read, Key: key}))
}

func (c *cluster) ok(op reckon.Op) reckon.Op {
	c.t.Helper()
	if op.Outcome != history.OK || op.Error != "" {
		c.t.Fatalf("%v", op)
	}
	if !slices.ContainsFunc(c.members, func(m reckon.Member) bool { return m.Name == op.Member }) {
		c.t.Errorf("%v: answered by %q", op, op.Member)
	}
	return op
}

// fill writes the key "k" n times, many at once, and returns the last revision.
func (c *cluster) fill(n int) int64 {
	c.t.Helper()
	client, ctx := c.dial(c.members...), c.ctx()
	var workers sync.WaitGroup
	for w := range 64 {
		workers.Go(func() {
			for i := w; i < n; i += 64 {
				if op := client.Do(ctx, reckon.Op{Kind: history.Write, Key: "k", Value: fmt.Sprint(i)}); op.Outcome != history.OK {
					c.t.Errorf("%v", op)
					return
				}
			}
		})
	}
	workers.Wait()
	return c.read(client, "k").Revision
}

// honest are the words that keep their promises, with as many members as the tests use.
var honest = []struct {
	word    string
	members int
}{{"etcd", 3}, {"etcd-no-pre-vote", 3}, {"memory", 1}}

// TestSystems holds every system to what the contracts say of clients and of changes.
func TestSystems(t *testing.T) {
	t.Parallel()
	for i, h := range honest {
		t.Run(h.word, func(t *testing.T) {
			t.Parallel()
			c := start(t, word(t, h.word), byte(60+i), h.members)
			client := c.dial(c.members...)
			if op := c.read(client, "a"); op.Value != "" || op.Version != 0 || op.Revision != 0 {
				t.Errorf("a key that nobody wrote: %v", op)
			}
			long := strings.Repeat("long", history.AbridgeOver)
			want := c.writeThenRead(client, [][2]string{{"a", "1"}, {"b", "1"}, {"a", "2"}, {"a", long}, {"b", ""}})
			for _, m := range c.members {
				c.tells(m, want)
			}
			c.agree(want[len(want)-1].Revision)
		})
	}
}

// writeThenRead writes each key and value and reads it again; it returns the changes that these
// writes were.
func (c *cluster) writeThenRead(client reckon.Client, pairs [][2]string) (changes []history.Change) {
	c.t.Helper()
	versions, revision := map[string]int64{}, int64(1)
	for _, p := range pairs {
		key, value := p[0], p[1]
		versions[key]++
		w, r := c.write(client, key, value), c.read(client, key)
		if w.Revision != revision+1 {
			c.t.Errorf("%v: want revision %d", w, revision+1)
		}
		revision = w.Revision
		if r.Value != value || r.Version != versions[key] || r.Revision != revision {
			c.t.Errorf("%v of version %d: want version %d of revision %d", r, r.Version, versions[key], revision)
		}
		changes = append(changes, history.Change{Revision: revision, Version: versions[key], Key: key, Value: history.Abridge(value)})
	}
	return changes
}

// tells compares the member's own account; its member may lag a little behind.
func (c *cluster) tells(m reckon.Member, want []history.Change) {
	c.t.Helper()
	c.eventually(m.Name+" tells all that was written", func() error {
		var got []history.Change
		for change, err := range c.system.(reckon.Historian).Changes(c.ctx(), m, direct) {
			if err != nil {
				return err
			}
			if change.Member != m.Name {
				return fmt.Errorf("member %q", change.Member)
			}
			change.Member = ""
			got = append(got, change)
		}
		if d := cmp.Diff(want, got); d != "" {
			return fmt.Errorf("-want +got\n%s", d)
		}
		return nil
	})
}

// TestNobodyAnswers: operations on a dead store end in time, and those that never left are Failed.
func TestNobodyAnswers(t *testing.T) {
	t.Parallel()
	for i, h := range honest {
		t.Run(h.word, func(t *testing.T) {
			t.Parallel()
			c := start(t, word(t, h.word), byte(70+i), h.members)
			client := c.dial(c.members...)
			c.write(client, "k", "v")
			c.killAll()
			c.eventually("the client knows that all are dead", func() error {
				if op := c.brief(client, history.Write); op.Outcome != history.Failed || !strings.HasPrefix(op.Error, "never sent: ") {
					return fmt.Errorf("%v", op)
				}
				return nil
			})
			if op := c.brief(client, history.Read); op.Outcome != history.Failed {
				t.Errorf("%v", op)
			}
		})
	}
}

// TestPaused: a member that is stopped keeps its connections, so a write may yet take effect.
func TestPaused(t *testing.T) {
	t.Parallel()
	for i, name := range []string{"etcd", "memory"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := start(t, word(t, name), byte(80+i), 1)
			client := c.dial(c.members...)
			c.write(client, "k", "v")
			p := c.running["n1"].Process
			if err := p.Signal(syscall.SIGSTOP); err != nil {
				t.Fatal(err)
			}
			c.eventually("all its threads have stopped", func() error { return stopped(p.Pid) })
			if op := c.brief(client, history.Write); op.Outcome != history.Unknown {
				t.Errorf("a write to a paused member: %v", op)
			}
			if op := c.brief(client, history.Read); op.Outcome != history.Failed {
				t.Errorf("a read of a paused member: %v", op)
			}
			if s, err := c.status(c.members[0]); err == nil {
				t.Errorf("the status of a paused member: %+v", s)
			}
			if err := p.Signal(syscall.SIGCONT); err != nil {
				t.Fatal(err)
			}
			c.ready(c.members...)
			c.write(client, "k", "w")
		})
	}
}

// stopped says which thread of the process still runs: SIGSTOP is sent to all, and reaches each in
// its time.
func stopped(pid int) error {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	if err != nil || len(threads) == 0 {
		return fmt.Errorf("no threads of process %d: %v", pid, err)
	}
	for _, t := range threads {
		stat, err := os.ReadFile(t)
		if err != nil {
			return err
		}
		if _, state, _ := strings.Cut(string(stat), ") "); !strings.HasPrefix(state, "T") {
			return fmt.Errorf("%s: %.1s", t, state)
		}
	}
	return nil
}

// brief does an operation with little patience, and sees that it has no more.
func (c *cluster) brief(client reckon.Client, kind history.Kind) reckon.Op {
	c.t.Helper()
	const patience = 100 * time.Millisecond
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	at := time.Now()
	op := client.Do(ctx, reckon.Op{Kind: kind, Key: "k", Value: "x"})
	if d := time.Since(at); d > patience+20*time.Second { // the machine may be busy
		c.t.Errorf("%v took %v", op, d)
	}
	return op
}
