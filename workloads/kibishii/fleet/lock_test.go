package fleet

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/reckon-bench/reckon/workloads/kibishii"
)

// A tree that another one works on is left alone: the operation fails and says why, and once the
// other is done all is well.
func TestLocked(t *testing.T) {
	c := newCluster(t, 1)
	root := c.root("data")
	c.worker(Worker{Node: "n1", Roots: []string{root}, Lease: time.Second})
	unlock, err := lock(t.Context(), root, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	spec := kibishii.Spec{Levels: 1, Files: 2, Length: 1024, BlockSize: 1024, Pass: 1}
	op, err := c.caller().Do(t.Context(), Command{Cmd: kibishii.CmdGenerate, Spec: spec})
	if err != nil || op.Status != Failed || len(op.Nodes) != 1 || op.Nodes[0].Result == nil || !strings.Contains(op.Nodes[0].Result.Error, "another process still works on it") {
		t.Errorf("on a locked tree: %+v, %v", op, err)
	}
	unlock()
	if op, err = c.caller().Do(t.Context(), Command{Cmd: kibishii.CmdGenerate, Spec: spec}); err != nil || op.Status != Success {
		t.Errorf("on a free tree: %+v, %v", op, err)
	}
}

// Who waits for a tree gets it as soon as it is free, and not after its time is up.
func TestLockIsWaitedFor(t *testing.T) {
	root := t.TempDir()
	unlock, err := lock(t.Context(), root, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	over, cancel := context.WithCancelCause(t.Context())
	why := errors.New("over")
	cancel(why)
	if _, err := lock(over, root, time.Hour); !errors.Is(err, why) {
		t.Errorf("waits beyond its time: %v", err)
	}
	got := make(chan error)
	go func() {
		again, err := lock(t.Context(), root, time.Hour)
		if err == nil {
			again()
		}
		got <- err
	}()
	unlock()
	if err := <-got; err != nil {
		t.Error(err)
	}
}
