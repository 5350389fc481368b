package fleet

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/moby/sys/reexec"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"go.uber.org/zap"

	"github.com/reckon-bench/reckon/workloads/kibishii"
)

// The roles of the test's binary: processes that the tests kill and stop.
const (
	etcdRole   = "fleet-etcd"
	workerRole = "fleet-worker" // NODE LEASE ENDPOINTS ROOT...
)

func TestMain(m *testing.M) {
	reexec.Register(etcdRole, func() { etcdmain.Main(os.Args) })
	reexec.Register(workerRole, func() {
		lease, _ := time.ParseDuration(os.Args[2])
		w := Worker{
			Node: os.Args[1], Lease: lease, Etcd: Etcd{Endpoints: strings.Split(os.Args[3], ",")}, Roots: os.Args[4:],
			Options: kibishii.Options{Workers: 1}, Log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
		}
		if err := w.Run(context.Background()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	})
	if reexec.Init() {
		return
	}
	os.Exit(m.Run())
}

// clusters numbers those of this process: each has loopback addresses of its own.
var clusters atomic.Uint32

// cluster is a real etcd, a process a member.
type cluster struct {
	t       testing.TB
	host    string // all but the last part of the address
	dir     string
	members []*process
}

// newCluster starts one of n members, and lets the test run beside others: mostly they wait.
func newCluster(t testing.TB, n int) *cluster {
	t.Helper()
	if t, ok := t.(*testing.T); ok {
		t.Parallel()
	}
	c := &cluster{t: t, host: fmt.Sprintf("127.%d.%d.", 100+os.Getpid()%100, clusters.Add(1)), dir: t.TempDir()}
	t.Cleanup(func() {
		for _, m := range c.members {
			m.kill()
		}
	})
	for i := range n {
		c.members = append(c.members, c.member(i, n))
	}
	c.eventually("etcd answers", func(ctx context.Context) error {
		_, err := c.client().Get(ctx, "x")
		return err
	})
	return c
}

func (c *cluster) member(i, n int) *process {
	var peers []string
	for j := range n {
		peers = append(peers, fmt.Sprintf("m%d=http://%s%d:2380", j, c.host, j+1))
	}
	peer, client := fmt.Sprintf("http://%s%d:2380", c.host, i+1), fmt.Sprintf("http://%s%d:2379", c.host, i+1)
	return start(c.t, etcdRole, "--name", fmt.Sprintf("m%d", i), "--data-dir", filepath.Join(c.dir, fmt.Sprintf("m%d", i)),
		"--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--listen-client-urls", client, "--advertise-client-urls", client,
		"--initial-cluster", strings.Join(peers, ","), "--heartbeat-interval", "50", "--election-timeout", "500",
		"--unsafe-no-fsync", "--log-level", "error")
}

// serves waits until the i-th member serves again.
func (c *cluster) serves(i int) {
	c.t.Helper()
	client := c.client()
	c.eventually(fmt.Sprintf("m%d serves", i), func(ctx context.Context) error {
		s, err := client.Status(ctx, c.endpoints()[i])
		if err == nil && s.Leader == 0 {
			err = fmt.Errorf("it knows no leader")
		}
		return err
	})
}

func (c *cluster) endpoints() (all []string) {
	for i := range c.members {
		all = append(all, fmt.Sprintf("%s%d:2379", c.host, i+1))
	}
	return all
}

func (c *cluster) etcd() Etcd { return Etcd{Endpoints: c.endpoints()} }

// client is a new one, for the test to look and to meddle with.
func (c *cluster) client() *clientv3.Client {
	c.t.Helper()
	client, err := clientv3.New(clientv3.Config{Endpoints: c.endpoints(), Logger: zap.NewNop()})
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = client.Close() })
	return client
}

func (c *cluster) caller() *Caller {
	c.t.Helper()
	caller, err := Call(c.t.Context(), c.etcd())
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(caller.Close)
	return caller
}

// value is the key's, "" where it is not there.
func (c *cluster) value(key string) string {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 20*time.Second)
	defer cancel()
	resp, err := c.client().Get(ctx, key)
	if err != nil {
		c.t.Fatal(err)
	}
	for _, kv := range resp.Kvs {
		return string(kv.Value)
	}
	return ""
}

// put puts as a script would.
func (c *cluster) put(key, value string) {
	c.t.Helper()
	if _, err := c.client().Put(c.t.Context(), key, value); err != nil {
		c.t.Fatal(err)
	}
}

// eventually waits, a minute at most, until the condition holds.
func (c *cluster) eventually(what string, condition func(context.Context) error) {
	c.t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		err := condition(ctx)
		cancel()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("never came: %s: %v", what, err)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// there waits for the key.
func (c *cluster) there(key string) {
	c.t.Helper()
	client := c.client()
	c.eventually(key, func(ctx context.Context) error {
		resp, err := client.Get(ctx, key, clientv3.WithCountOnly())
		if err == nil && resp.Count == 0 {
			err = fmt.Errorf("no such key")
		}
		return err
	})
}

// process is one that a test may kill and stop.
type process struct {
	t    testing.TB
	args []string
	cmd  *exec.Cmd
	out  *bytes.Buffer
}

func start(t testing.TB, args ...string) *process {
	t.Helper()
	p := &process{t: t, args: args}
	p.start()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("%v:\n%s", args, p.out.String()[max(0, p.out.Len()-4000):])
		}
	})
	return p
}

func (p *process) start() {
	p.t.Helper()
	if p.out == nil {
		p.out = new(bytes.Buffer)
	}
	p.cmd = &exec.Cmd{Path: reexec.Self(), Args: p.args, Stdout: p.out, Stderr: p.out, SysProcAttr: &syscall.SysProcAttr{}}
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
}

func (p *process) kill() {
	if p.cmd.ProcessState == nil {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
	}
}

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// testLease is that of the tests' workers: as short as etcd gives one.
const testLease = 2 * time.Second

// workerProcess starts a worker as a process and waits until it is registered.
func (c *cluster) workerProcess(node, root string) *process {
	c.t.Helper()
	p := start(c.t, workerRole, node, testLease.String(), strings.Join(c.endpoints(), ","), root)
	c.there(nodesPrefix + node + filepath.Base(root))
	return p
}

// worker starts a worker in this process and waits until it is registered. It ends when the test
// does, or at stop.
func (c *cluster) worker(w Worker) (stop func()) {
	c.t.Helper()
	w.Etcd = c.etcd()
	if w.Lease == 0 {
		w.Lease = testLease
	}
	w.Options.Workers = 1
	if _, test := c.t.(*testing.T); test {
		w.Log = slog.New(slog.NewTextHandler(c.t.Output(), nil)).With("worker", w.Node)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		if err := w.Run(ctx); err != nil {
			c.t.Errorf("worker %s: %v", w.Node, err)
		}
	})
	stop = func() {
		cancel()
		done.Wait()
	}
	c.t.Cleanup(stop)
	for _, r := range w.Roots {
		c.there(nodesPrefix + w.Node + volume(r))
	}
	return stop
}

// workers starts n workers, n1 and on, and returns their roots.
func (c *cluster) workers(n int) (roots []string) {
	c.t.Helper()
	for i := range n {
		roots = append(roots, c.root("data"))
		c.worker(Worker{Node: fmt.Sprintf("n%d", i+1), Roots: roots[i:]})
	}
	return roots
}

// root is a new directory of that name.
func (c *cluster) root(name string) string {
	c.t.Helper()
	dir := filepath.Join(c.t.TempDir(), name)
	if err := os.Mkdir(dir, 0o755); err != nil {
		c.t.Fatal(err)
	}
	return dir
}

// do does the command within a minute and wants it to end with that status.
func (c *cluster) do(caller *Caller, command Command, want string) Operation {
	c.t.Helper()
	if command.Timeout == 0 {
		command.Timeout = time.Minute
	}
	op, err := caller.Do(c.t.Context(), command)
	if err != nil || op.Status != want {
		c.t.Fatalf("%s: %s, %v, want %s\n%s", command.Cmd, op.Status, err, want, encode(op))
	}
	return op
}

// small is a tree of 6 files; long is one that keeps a worker of one thread busy for some hundred
// times as long as it takes to see that it has begun, and to kill it.
var (
	small = kibishii.Spec{Levels: 2, Dirs: 2, Files: 2, Length: 2048, BlockSize: 1024, Pass: 1}
	long  = kibishii.Spec{Levels: 2, Dirs: 10, Files: 300, Length: 4096, BlockSize: 4096, Pass: 1}
)
