package fleet

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/reckon-bench/reckon/workloads/kibishii"
)

// TestKeys: the keys and values that callers in the wild read, to the byte.
func TestKeys(t *testing.T) {
	c := newCluster(t, 1)
	c.worker(Worker{Node: "kibishii-deployment-0", Roots: []string{c.root("data")}})
	c.worker(Worker{Node: "kibishii-deployment-1", Roots: []string{c.root("data")}})
	if got := c.value("/kibishii/nodes/kibishii-deployment-0data"); got != "kibishii-deployment-0" {
		t.Errorf("the node's key is %q", got)
	}
	c.put("/kibishii/control", `{"opID":"1700000000","cmd":"generate","levels":"2","dirsPerLevel":"2","filesPerLevel":"2","fileLength":"2048","blockSize":"1024","passNum":"1"}`+"\n")
	want := `{"nodesStarting":"2","nodesCompleted":"2","nodesSuccessful":"kibishii-deployment-0,kibishii-deployment-1","nodesFailed":"","status":"success"}`
	c.eventually("success", func(context.Context) error {
		if got := c.value("/kibishii/ops/1700000000"); got != want {
			return errors.New(got)
		}
		return nil
	})
	for _, key := range []string{"/kibishii/results/1700000000/kibishii-deployment-0", "/kibishii/results/1700000000/kibishii-deployment-1"} {
		if got := c.value(key); !strings.Contains(got, `"generatedFiles":6,"generatedDirs":2`) || !strings.Contains(got, `"completed":true,"completedTime":"`) {
			t.Errorf("%s is %s", key, got)
		}
	}
	if got := c.value("/kibishii/status/1700000000/kibishii-deployment-1"); !strings.Contains(got, `"generatedFiles":0,"generatedDirs":0`) {
		t.Errorf("the status is %s", got)
	}
}

// TestControl: what a caller puts is what callers in the wild put, and what we read.
func TestControl(t *testing.T) {
	const text = `{"opID":"7","cmd":"verify","levels":"2","dirsPerLevel":"10","filesPerLevel":"11","fileLength":"2048","blockSize":"1024","passNum":"3"}`
	command := Command{OpID: "7", Cmd: kibishii.CmdVerify, Spec: kibishii.Spec{Levels: 2, Dirs: 10, Files: 11, Length: 2048, BlockSize: 1024, Pass: 3}}
	if got := command.encode(); got != text {
		t.Errorf("encoded %s, want %s", got, text)
	}
	if got, err := decode([]byte(text + "\n")); got != command || err != nil {
		t.Errorf("decoded %+v, %v", got, err)
	}
	command.Timeout = time.Minute
	if got, err := decode([]byte(command.encode())); got != command || err != nil {
		t.Errorf("with a time-out decoded %+v, %v", got, err)
	}
}

// TestMalformed: a value that is no command kills nobody, and is told under the operation's key
// where one can be told.
func TestMalformed(t *testing.T) {
	c := newCluster(t, 1)
	roots := c.workers(2)
	good := func(id string) string {
		return `{"opID":"` + id + `","cmd":"generate","levels":"1","dirsPerLevel":"0","filesPerLevel":"1","fileLength":"1024","blockSize":"1024","passNum":"1"}`
	}
	for _, row := range []struct{ id, value, want string }{
		{"", "", ""},
		{"", "no JSON", ""},
		{"", "[]", ""},
		{"", "null", ""},
		{"", `{"opID":"a/b","cmd":"generate"}`, ""},
		{"", good("11")[:40], ""},
		{"", good("12") + good("13"), ""},
		{"21", `{"opID":21,"cmd":"generate"}`, "opID is 21: must be a string"},
		{"22", strings.Replace(good("22"), `"levels":"1"`, `"levels":1`, 1), "levels is 1: must be a string"},
		{"23", strings.Replace(good("23"), `"levels":"1"`, `"levels":"x"`, 1), `levels "x": must be a decimal number of 32 bits`},
		{"24", strings.Replace(good("24"), `"levels":"1",`, ``, 1), "levels is missing"},
		{"25", strings.Replace(good("25"), `generate`, `gnerate`, 1), `cmd "gnerate": must be generate or verify`},
		{"26", strings.Replace(good("26"), `"fileLength":"1024"`, `"fileLength":"1025"`, 1), "length 1025: must be a multiple of the block size 1024"},
		{"27", strings.Replace(good("27"), `"levels":"1"`, `"levels":"-1"`, 1), "levels -1: must not be negative"},
		{"28", strings.Replace(good("28"), `"passNum":"1"`, `"passNum":"3000000000"`, 1), "passNum \"3000000000\": must be a decimal number of 32 bits"},
		{"29", strings.Replace(good("29"), `"levels":"1"`, `"levels":null`, 1), "levels is null: must be a string"},
		{"30x", good("30x"), `opID "30x": must be a decimal number`},
	} {
		c.put(controlKey, row.value)
		if row.id == "" {
			continue
		}
		c.there(opsPrefix + row.id)
		if got, want := c.value(opsPrefix+row.id), encode(rejected(errors.New(row.want))); got != want {
			t.Errorf("%s: %s, want %s", row.value, got, want)
		}
	}
	if op := c.do(c.caller(), Command{Cmd: kibishii.CmdGenerate, Spec: small}, Success); len(op.Nodes) != 2 {
		t.Errorf("afterwards there are %d nodes", len(op.Nodes))
	}
	if _, err := os.Stat(filepath.Join(roots[0], "file0")); err != nil {
		t.Error(err)
	}
}

// TestDamage: the original calls it a success.
func TestDamage(t *testing.T) {
	c := newCluster(t, 1)
	roots, caller := c.workers(2), c.caller()
	c.do(caller, Command{Cmd: kibishii.CmdGenerate, Spec: small}, Success)
	c.do(caller, Command{Cmd: kibishii.CmdVerify, Spec: small}, Success)
	file := filepath.Join(roots[1], "dir1", "file0")
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	b[1500] ^= 1
	if err := os.WriteFile(file, b, 0o644); err != nil {
		t.Fatal(err)
	}
	op := c.do(caller, Command{Cmd: kibishii.CmdVerify, Spec: small}, Failed)
	if op.Standing.NodesFailed != "n2" || op.Standing.NodesSuccessful != "n1" || op.Standing.NodesCompleted != "2" || op.ExitStatus() != 1 {
		t.Errorf("exit status %d, %+v", op.ExitStatus(), op.Standing)
	}
	damage := op.Nodes[1].Result.Damage
	if op.Nodes[0].State != Succeeded || op.Nodes[1].State != HasFailed || len(damage) != 1 || damage[0].Path != "dir1/file0" {
		t.Errorf("%s", encode(op.Nodes))
	}
}

// TestNodesStarting: the original always says 2.
func TestNodesStarting(t *testing.T) {
	c := newCluster(t, 1)
	caller := c.caller()
	for n := range 3 {
		c.worker(Worker{Node: string(rune('a' + n)), Roots: []string{c.root("data")}})
		if op := c.do(caller, Command{Cmd: kibishii.CmdGenerate, Spec: small}, Success); len(op.Nodes) != n+1 || len(op.Starting) != n+1 || op.Standing.NodesStarting != string(rune('1'+n)) {
			t.Errorf("with %d nodes: %s", n+1, encode(op))
		}
	}
	none := kibishii.Spec{Levels: 3, Pass: 2} // what Velero asks of small clusters
	c.do(caller, Command{Cmd: kibishii.CmdGenerate, Spec: none}, Success)
}

// TestTwoRoots: in the original their results overwrite each other.
func TestTwoRoots(t *testing.T) {
	c := newCluster(t, 1)
	roots := []string{c.root("a"), c.root("b")}
	c.worker(Worker{Node: "n1", Roots: roots, Identity: true})
	c.worker(Worker{Node: "n2", Roots: []string{c.root("a")}})
	caller := c.caller()
	op := c.do(caller, Command{Cmd: kibishii.CmdGenerate, Spec: small}, Success)
	if op.Standing.NodesSuccessful != "n1a,n1b,n2" || len(op.Nodes) != 3 {
		t.Errorf("%s", encode(op))
	}
	for _, key := range []string{"/kibishii/nodes/n1a", "/kibishii/nodes/n1b"} {
		if got := c.value(key); got != "n1" {
			t.Errorf("%s is %q", key, got)
		}
	}
	// With identity a volume that is in another's place is found, though every block of it is
	// whole.
	for _, move := range [][2]string{{roots[0], roots[0] + "x"}, {roots[1], roots[0]}, {roots[0] + "x", roots[1]}} {
		if err := os.Rename(move[0], move[1]); err != nil {
			t.Fatal(err)
		}
	}
	op = c.do(caller, Command{Cmd: kibishii.CmdVerify, Spec: small}, Failed)
	if op.Standing.NodesFailed != "n1a,n1b" {
		t.Errorf("%s", encode(op))
	}
	same := Worker{Node: "n3", Roots: []string{c.root("a"), c.root("a")}, Etcd: c.etcd()}
	if err := same.Run(t.Context()); err == nil || !strings.Contains(err.Error(), `both are called "a"`) {
		t.Errorf("two roots of one name: %v", err)
	}
}

// TestTaken: a name is waited for through one lease time, then refused; and had at once when its
// holder leaves.
func TestTaken(t *testing.T) {
	c := newCluster(t, 1)
	stop := c.worker(Worker{Node: "n1", Roots: []string{c.root("data")}})
	c.worker(Worker{Node: "n2", Roots: []string{c.root("a"), c.root("b")}})
	var refused sync.WaitGroup
	for _, w := range []Worker{
		{Node: "n1", Roots: []string{c.root("data")}},
		{Node: "n1", Roots: []string{c.root("other")}}, // its results would overwrite those of n1
		{Node: "n2a", Roots: []string{c.root("data")}}, // as which a volume of n2 is known
	} {
		w.Etcd, w.Lease = c.etcd(), testLease
		refused.Go(func() {
			began := time.Now()
			if err := w.Run(t.Context()); !errors.Is(err, ErrTaken) {
				t.Errorf("%s: %v", w.Node, err)
			}
			if d := time.Since(began); d < testLease {
				t.Errorf("%s was refused after %v, before the lease time", w.Node, d)
			}
		})
	}
	refused.Wait()
	stop()
	c.worker(Worker{Node: "n1", Roots: []string{c.root("data")}, Lease: time.Hour})
}

// TestRegisterTogether: workers that come at the same moment all get their names, and one name only
// one of them.
func TestRegisterTogether(t *testing.T) {
	c := newCluster(t, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	const n = 20
	ends := make(chan error, 2*n)
	for i := range 2 * n {
		w := Worker{Etcd: c.etcd(), Node: string(rune('a' + i%n)), Roots: []string{c.root("data")}, Lease: testLease}
		go func() { ends <- w.Run(ctx) }()
	}
	for range n {
		if err := <-ends; !errors.Is(err, ErrTaken) {
			t.Errorf("%v", err)
		}
	}
	if names, err := c.caller().Nodes(t.Context()); len(names) != n || err != nil {
		t.Errorf("registered: %v, %v", names, err)
	}
	cancel()
	for range n {
		if err := <-ends; err != nil {
			t.Error(err)
		}
	}
}

// TestCommandBeforeWorkers: in the original a command that arrives before the watch is lost.
func TestCommandBeforeWorkers(t *testing.T) {
	c := newCluster(t, 1)
	c.put(controlKey, Command{OpID: "5", Cmd: kibishii.CmdGenerate, Spec: small}.encode())
	c.workers(1)
	c.eventually("the command is done", func(context.Context) error {
		if got := c.value(opsPrefix + "5"); !strings.Contains(got, Success) {
			return errors.New(got)
		}
		return nil
	})
}

// TestInOrder: commands that come while others are being done are done after them, each once; in
// the original they overtake.
func TestInOrder(t *testing.T) {
	c := newCluster(t, 1)
	c.workers(3)
	put := func(id string, pass int32) {
		s := small
		s.Pass = pass
		c.put(controlKey, Command{OpID: id, Cmd: kibishii.CmdGenerate, Spec: s}.encode())
	}
	for i, id := range []string{"101", "102", "103", "102", "104", "101"} { // two of them a second time
		put(id, int32(i))
	}
	c.there(opsPrefix + "104")
	last := c.do(c.caller(), Command{Cmd: kibishii.CmdVerify, Spec: kibishii.Spec{Levels: 2, Dirs: 2, Files: 2, Length: 2048, BlockSize: 1024, Pass: 4}}, Success)
	var order []string
	resp, err := c.client().Get(t.Context(), resultsOf, clientv3.WithPrefix(), clientv3.WithSort(clientv3.SortByCreateRevision, clientv3.SortAscend))
	if err != nil {
		t.Fatal(err)
	}
	for _, kv := range resp.Kvs {
		id, name, _ := strings.Cut(strings.TrimPrefix(string(kv.Key), resultsOf), "/")
		if name == "n1" {
			order = append(order, id)
		}
		if kv.Version != 1 {
			t.Errorf("%s was put %d times", kv.Key, kv.Version)
		}
	}
	if want := []string{"101", "102", "103", "104", last.OpID}; !slices.Equal(order, want) {
		t.Errorf("n1 did %v, want %v", order, want)
	}
}

// TestLate: a worker that comes after an operation has started, or ended, has no part in it.
func TestLate(t *testing.T) {
	c := newCluster(t, 1)
	n1 := c.workerProcess("n1", c.root("data"))
	caller := c.caller()
	c.put(controlKey, Command{OpID: "5", Cmd: kibishii.CmdGenerate, Spec: long}.encode())
	c.there(statuses + "5/n1")
	n1.signal(stopSignal) // so that the operation lasts
	root := c.root("data")
	c.worker(Worker{Node: "n2", Roots: []string{root}})
	n1.signal(continueSignal)
	op := c.do(caller, Command{Cmd: kibishii.CmdGenerate, Spec: small}, Success)
	if len(op.Nodes) != 2 {
		t.Errorf("%s", encode(op))
	}
	if got := c.value(opsPrefix + "5"); !strings.Contains(got, `"nodesStarting":"1"`) || strings.Contains(got, "n2") {
		t.Errorf("the operation before n2: %s", got)
	}
	if _, err := os.Stat(filepath.Join(root, "dir5")); err == nil {
		t.Error("n2 worked in it")
	}
}

// TestTooFew: what a caller learns where workers are missing.
func TestTooFew(t *testing.T) {
	c := newCluster(t, 1)
	c.workers(1)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second) // time enough to ask once; all of it is waited for the second worker
	defer cancel()
	_, err := c.caller().Await(ctx, 2)
	var few *TooFewError
	if !errors.As(err, &few) || !slices.Equal(few.There, []string{"n1"}) {
		t.Errorf("%v", err)
	}
}
