package fleet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/reckon-bench/reckon/workloads/kibishii"
)

const (
	stopSignal     = syscall.SIGSTOP
	continueSignal = syscall.SIGCONT
)

// background does the command beside the test.
func background(c *cluster, caller *Caller, command Command) <-chan Operation {
	command.Timeout = time.Minute
	ends := make(chan Operation, 1)
	go func() {
		op, err := caller.Do(c.t.Context(), command)
		if err != nil {
			c.t.Errorf("%s: %v", command.Cmd, err)
		}
		ends <- op
	}()
	return ends
}

// wantLost wants that the operation failed by the loss of that node alone.
func wantLost(t *testing.T, op Operation, lost string) {
	t.Helper()
	if op.Status != Failed || op.Standing.NodesLost != lost || op.Standing.NodesFailed != lost || op.ExitStatus() != 2 {
		t.Errorf("exit status %d, %s", op.ExitStatus(), encode(op))
	}
	for _, n := range op.Nodes {
		if want := map[bool]State{true: Lost, false: Succeeded}[n.Name == lost]; n.State != want {
			t.Errorf("%s is %s, want %s", n.Name, n.State, want)
		}
	}
}

// TestKilled: kill -9 of a worker in mid-pass. In the original the operation runs for ever. The
// first to register aggregates the results, so that killing it has another one take over.
func TestKilled(t *testing.T) {
	for _, victim := range []string{"n1", "n2"} {
		t.Run(map[string]string{"n1": "aggregator", "n2": "other"}[victim], func(t *testing.T) {
			c := newCluster(t, 1)
			ps := map[string]*process{"n1": c.workerProcess("n1", c.root("data"))}
			c.there(aggregatorKey)
			ps["n2"] = c.workerProcess("n2", c.root("data"))
			c.worker(Worker{Node: "n3", Roots: []string{c.root("data")}})
			caller := c.caller()
			end := background(c, caller, Command{OpID: "5", Cmd: kibishii.CmdGenerate, Spec: long})
			c.there(statuses + "5/" + victim)
			ps[victim].kill()
			ps[victim].start() // at once: it waits for its name
			wantLost(t, <-end, victim)
			if _, err := caller.Await(t.Context(), 3); err != nil {
				t.Fatal(err)
			}
			if op := c.do(caller, Command{Cmd: kibishii.CmdGenerate, Spec: small}, Success); len(op.Nodes) != 3 {
				t.Errorf("%s", encode(op))
			}
		})
	}
}

// TestStopped: a worker that stands still for longer than its lease is not counted, though it
// finishes its work when it goes on.
func TestStopped(t *testing.T) {
	c := newCluster(t, 1)
	n1 := c.workerProcess("n1", c.root("data"))
	c.worker(Worker{Node: "n2", Roots: []string{c.root("data")}})
	caller := c.caller()
	end := background(c, caller, Command{OpID: "5", Cmd: kibishii.CmdGenerate, Spec: long})
	c.there(statuses + "5/n1")
	n1.signal(stopSignal)
	wantLost(t, <-end, "n1")
	n1.signal(continueSignal)
	if _, err := caller.Await(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	c.do(caller, Command{Cmd: kibishii.CmdGenerate, Spec: small}, Success)
	if got := c.value(resultsOf + "5/n1"); got != "" {
		t.Errorf("n1 has put a result into the operation that it lost: %s", got)
	}
}

// TestDeadline: an operation that passes its deadline fails, and says whose results are missing.
func TestDeadline(t *testing.T) {
	c := newCluster(t, 1)
	c.workers(1)
	endless := kibishii.Spec{Levels: 3, Dirs: 1000, Files: 100, Length: 1 << 20, BlockSize: 1 << 20, Pass: 1}
	op := c.do(c.caller(), Command{Cmd: kibishii.CmdGenerate, Spec: endless, Timeout: time.Second}, Failed)
	if op.Standing.NodesFailed != "n1" || op.Nodes[0].State != NotCompleted || op.ExitStatus() != 2 || !strings.Contains(op.Error, "1s after the start: n1") {
		t.Errorf("exit status %d, %s", op.ExitStatus(), encode(op))
	}
	c.do(c.caller(), Command{Cmd: kibishii.CmdGenerate, Spec: kibishii.Spec{}}, Success)
}

// TestNobody: a command that no worker has started by its deadline never starts.
func TestNobody(t *testing.T) {
	c := newCluster(t, 1)
	caller := c.caller()
	caller.grace = 100 * time.Millisecond
	op := c.do(caller, Command{Cmd: kibishii.CmdGenerate, Spec: small, Timeout: time.Second}, Failed)
	if op.ExitStatus() == 0 || !strings.Contains(op.Error, "no node has started it") {
		t.Errorf("%s", encode(op))
	}
	c.workers(1)
	c.do(c.caller(), Command{Cmd: kibishii.CmdGenerate, Spec: small}, Success)
	if got := c.value(resultsOf + op.OpID + "/n1"); got != "" {
		t.Errorf("it started after its end: %s", got)
	}
}

// TestEtcdRestarts: all of etcd is killed in mid-pass and started again; nothing is lost by that.
func TestEtcdRestarts(t *testing.T) {
	c := newCluster(t, 1)
	c.workers(3)
	end := background(c, c.caller(), Command{OpID: "5", Cmd: kibishii.CmdGenerate, Spec: long})
	c.there(statuses + "5/n2")
	c.members[0].kill()
	c.members[0].start()
	if op := <-end; op.Status != Success || op.Standing.NodesSuccessful != "n1,n2,n3" {
		t.Errorf("%s", encode(op))
	}
}

// TestMemberFaults: operations go on while one member of three is killed, or paused, whichever it
// is, and each command is done once.
func TestMemberFaults(t *testing.T) {
	c := newCluster(t, 3)
	for i := range 4 {
		c.worker(Worker{Node: fmt.Sprintf("n%d", i+1), Roots: []string{c.root("data")}, Lease: 10 * time.Second})
	}
	caller := c.caller()
	strike := func(what string, hold, release func()) {
		hold()
		defer release()
		for range 2 {
			op := c.do(caller, Command{Cmd: kibishii.CmdGenerate, Spec: small}, Success)
			if len(op.Nodes) != 4 {
				t.Errorf("%s", encode(op))
			}
			t.Logf("%s: %v, stood still %v, %d retries", what, op.Ended.Sub(op.Put).Round(time.Millisecond), op.StoodStill.Round(time.Millisecond), op.Retries)
		}
	}
	for i, m := range c.members {
		strike(fmt.Sprintf("m%d paused", i), func() { m.signal(stopSignal) }, func() { m.signal(continueSignal) })
	}
	for i, m := range c.members {
		strike(fmt.Sprintf("m%d killed", i), m.kill, m.start)
		c.serves(i)
	}
	resp, err := c.client().Get(t.Context(), resultsOf, clientv3.WithPrefix())
	if err != nil {
		t.Fatal(err)
	}
	for _, kv := range resp.Kvs {
		if kv.Version != 1 {
			t.Errorf("%s was put %d times", kv.Key, kv.Version)
		}
	}
	if len(resp.Kvs) != 4*2*6 {
		t.Errorf("%d results", len(resp.Kvs))
	}
}

// TestCompacted: whoever follows goes on where etcd has forgotten what came between.
func TestCompacted(t *testing.T) {
	c := newCluster(t, 1)
	c.put("x", "1")
	resp, err := c.client().Put(t.Context(), "x", "2")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.client().Compact(t.Context(), resp.Header.Revision); err != nil {
		t.Fatal(err)
	}
	s, err := c.etcd().connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	if b := <-s.changes(t.Context(), "x", 1); !b.lost {
		t.Errorf("%+v", b)
	}
	// A caller whose watch begins below what is compacted reads how the operation stands instead.
	c.workers(1)
	caller := c.caller()
	op := c.do(caller, Command{OpID: "5", Cmd: kibishii.CmdGenerate, Spec: small}, Success)
	if _, err := c.client().Compact(t.Context(), op.EndRev); err != nil {
		t.Fatal(err)
	}
	again := c.do(caller, Command{OpID: "5", Cmd: kibishii.CmdGenerate, Spec: small}, Success) // the same command: it is followed
	if again.CommandRev != op.CommandRev || again.Nodes[0].State != Succeeded || again.Nodes[0].Result == nil {
		t.Errorf("%s", encode(again))
	}
	// And so do workers: one that was stopped while others' commands came and went.
	c.do(caller, Command{Cmd: kibishii.CmdVerify, Spec: small}, Success)
}

// deafDialer makes connections whose answers it can swallow. One that was deaf never hears again:
// not even an answer that comes as the dialer ceases to be deaf.
type deafDialer struct {
	mu    sync.Mutex
	deaf  bool
	conns []*deafConn
}

func (d *deafDialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	c := &deafConn{Conn: conn}
	c.deaf.Store(d.deaf)
	d.conns = append(d.conns, c)
	return c, nil
}

// set makes all connections deaf, or ends those that there are.
func (d *deafDialer) set(deaf bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.deaf = deaf
	for _, c := range d.conns {
		if deaf {
			c.deaf.Store(true)
		} else {
			_ = c.Close()
		}
	}
}

type deafConn struct {
	net.Conn
	deaf atomic.Bool
}

func (c *deafConn) Read(b []byte) (int, error) {
	for {
		n, err := c.Conn.Read(b)
		if err != nil || !c.deaf.Load() {
			return n, err
		}
	}
}

// TestPutOnce: etcd has taken the command, and the answer never came. The caller tries again, and
// the command is put once.
func TestPutOnce(t *testing.T) {
	c := newCluster(t, 1)
	c.workers(2)
	d := &deafDialer{}
	caller, err := Call(t.Context(), Etcd{Endpoints: c.endpoints(), Dial: d.dial})
	if err != nil {
		t.Fatal(err)
	}
	defer caller.Close()
	if _, err := caller.Await(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	d.set(true)
	end := background(c, caller, Command{Cmd: kibishii.CmdGenerate, Spec: small})
	c.there(controlKey)
	d.set(false)
	op := <-end
	if op.Status != Success || op.Retries == 0 {
		t.Errorf("%s", encode(op))
	}
	resp, err := c.client().Get(t.Context(), controlKey)
	if err != nil {
		t.Fatal(err)
	}
	if kv := resp.Kvs[0]; kv.Version != 1 || kv.ModRevision != op.CommandRev {
		t.Errorf("the command was put %d times; revision %d, and the caller says %d", kv.Version, kv.ModRevision, op.CommandRev)
	}
	if _, err := caller.Do(t.Context(), Command{OpID: op.OpID, Cmd: kibishii.CmdVerify, Spec: small}); err == nil {
		t.Error("another command took its number")
	}
}

// countedKV counts transactions.
type countedKV struct {
	clientv3.KV
	n int
}

func (kv *countedKV) Txn(ctx context.Context) clientv3.Txn {
	kv.n++
	return kv.KV.Txn(ctx)
}

// TestNumbers: commands that follow each other within a second do not try, each, all the numbers of
// those before.
func TestNumbers(t *testing.T) {
	c := newCluster(t, 1)
	caller := c.caller()
	kv := &countedKV{KV: caller.store.c.KV}
	caller.store.c.KV = kv
	const puts = 20
	for range puts {
		if err := caller.put(t.Context(), caller.store, new(Operation), Command{Cmd: kibishii.CmdGenerate, Spec: small}); err != nil {
			t.Fatal(err)
		}
	}
	if kv.n > puts+2 { // one may have to be repeated
		t.Errorf("%d commands took %d transactions", puts, kv.n)
	}
}

// TestDeadlineStays: a aggregator that takes over, or reads all anew, gives no operation its whole
// time again.
func TestDeadlineStays(t *testing.T) {
	now := time.Now()
	begun := func(f *aggregator, at time.Time) time.Duration {
		if err := f.begin("5", []byte(encode(starting{OpID: "5", Timeout: 60, At: at}))); err != nil {
			t.Fatal(err)
		}
		return f.ops["5"].deadline.Sub(now).Round(10 * time.Second)
	}
	f := newAggregator(store{})
	for at, want := range map[time.Time]time.Duration{
		now.Add(-50 * time.Second): 10 * time.Second, now.Add(-time.Hour): -59 * time.Minute,
		now.Add(time.Hour): time.Minute, {}: time.Minute, // by a clock that is wrong, by a worker of an earlier release
	} {
		if got := begun(f, at); got != want {
			t.Errorf("started at %v: %v are left, want %v", at, got, want)
		}
	}
	f.live = true
	if got := begun(f, now.Add(-time.Hour)); got != time.Minute {
		t.Errorf("seen to start: %v are left", got)
	}
}

// TestSuccessWantsLeases: a node's lease expires between the aggregator's last look and the end:
// that is no success.
func TestSuccessWantsLeases(t *testing.T) {
	c := newCluster(t, 1)
	s, err := c.etcd().connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	client := c.client()
	put := func(key string) int64 {
		resp, err := client.Put(t.Context(), key, "x")
		if err != nil {
			t.Fatal(err)
		}
		return resp.Header.Revision
	}
	var all []member
	for i := range maxConditions + 10 { // more than fit into a transaction
		m := member{Key: fmt.Sprint("n", i, "data")}
		m.Fence = put(nodesPrefix + m.Key)
		all = append(all, m)
	}
	mod := put(opsPrefix + "5")
	late := slices.Clone(all)
	late[3].Fence-- // it has registered again
	if _, err := swap(t.Context(), s, "5", mod, Standing{Status: Success}, late); !errors.Is(err, errOverwritten) {
		t.Errorf("a success without a lease: %v", err)
	}
	if mod, err = swap(t.Context(), s, "5", mod, Standing{Status: Running}, late); err != nil {
		t.Error(err)
	}
	if _, err := swap(t.Context(), s, "5", mod, Standing{Status: Success}, all); err != nil {
		t.Error(err)
	}
}
