package systems

import (
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/history"
)

func TestMemoryIsOnOneNode(t *testing.T) {
	for _, name := range []string{"memory", "memory-liar"} {
		if got := word(t, name).(reckon.Placer).Place([]string{"n1", "n2", "n3"}); !slices.Equal(got, []string{"n1"}) {
			t.Errorf("%s is placed on %v", name, got)
		}
	}
}

// TestMemoryForgets: a restart loses what was acknowledged, and the client connects again.
func TestMemoryForgets(t *testing.T) {
	t.Parallel()
	c := start(t, word(t, "memory"), 90, 1)
	client := c.dial(c.members...)
	c.write(client, "k", "v")
	c.kill(c.members[0])
	c.run(c.members[0])
	c.ready(c.members...)
	c.eventually("the client is connected again", func() error {
		if op := client.Do(c.ctx(), reckon.Op{Kind: history.Read, Key: "k"}); op.Outcome != history.OK || op.Version != 0 {
			return fmt.Errorf("%v", op)
		}
		return nil
	})
}

// TestMemoryGivesUpAConnection: one over which no answer comes is dropped, however little patience
// each operation has.
func TestMemoryGivesUpAConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var dialled []time.Duration
		began := time.Now()
		c := &memoryClient{dial: func(context.Context, string, string) (net.Conn, error) {
			dialled = append(dialled, time.Since(began))
			here, there := net.Pipe()
			go io.Copy(io.Discard, there)
			return here, nil
		}}
		for range 8 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			c.Do(ctx, reckon.Op{Kind: history.Read, Key: "k"})
			cancel()
		}
		c.Close()
		if want := []time.Duration{0, keepaliveTimeout, 2 * keepaliveTimeout}; !slices.Equal(dialled, want) {
			t.Errorf("dialled after %v, want %v", dialled, want)
		}
	})
}

// lied is what a liar did in a number of operations: which of the writes it dropped, and which
// reads were stale.
type lied struct{ dropped, stale []int }

// askLiar writes a key and reads it, over and over, and compares with what the server then says
// that it stored.
func askLiar(t *testing.T, net byte, flags ...string) (l lied) {
	c := start(t, word(t, "memory-liar", flags...), net, 1)
	client := c.dial(c.members...)
	var truth []string
	var written, read []reckon.Op
	for i := range 400 {
		written = append(written, c.write(client, "k", fmt.Sprint("v", i)))
		read = append(read, c.read(client, "k"))
	}
	for change, err := range c.system.(reckon.Historian).Changes(c.ctx(), c.members[0], direct) {
		if err != nil {
			t.Fatal(err)
		}
		truth = append(truth, change.Value)
	}
	stored := "" // the newest value that was stored when the i-th read was asked
	for i := range written {
		if slices.Contains(truth, written[i].Value) {
			stored = written[i].Value
		} else {
			l.dropped = append(l.dropped, i)
		}
		if read[i].Value != stored {
			l.stale = append(l.stale, i)
		}
	}
	return l
}

func TestLiarLies(t *testing.T) {
	t.Parallel()
	one := askLiar(t, 91, "--seed=1", "--lie-rate=5")
	if d, s := len(one.dropped), len(one.stale); d < 5 || d > 50 || s < 5 || s > 50 {
		t.Errorf("at 5 %% of 400 it dropped %d and answered %d stale", d, s)
	}
	if again := askLiar(t, 92, "--seed=1", "--lie-rate=5"); fmt.Sprint(again) != fmt.Sprint(one) {
		t.Errorf("with the same seed it lied\n%v, then\n%v", one, again)
	}
	if other := askLiar(t, 93, "--seed=2", "--lie-rate=5"); fmt.Sprint(other) == fmt.Sprint(one) {
		t.Errorf("with another seed it lied the same: %v", other)
	}
	if honest := askLiar(t, 94, "--lie-rate=0"); len(honest.dropped)+len(honest.stale) > 0 {
		t.Errorf("at rate 0 it lied: %v", honest)
	}
}
