package gossip

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// cluster is members in this process, at 127.18.NET.1 and on.
type cluster struct {
	t       *testing.T
	options []Options
	servers []*Server
}

// start starts n members of a new cluster. net is different for each test.
func start(t *testing.T, net, n int, change func(*Options)) *cluster {
	t.Helper()
	c := &cluster{t: t}
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf("n%d=127.18.%d.%d:2380", i+1, net, i+1))
	}
	for i := range n {
		o := Options{
			Name: fmt.Sprint("n", i+1), Dir: filepath.Join(t.TempDir(), "data"), Initial: list, Logf: t.Logf, Interval: 50 * time.Millisecond,
			ListenPeer: fmt.Sprintf("127.18.%d.%d:2380", net, i+1), ListenClient: fmt.Sprintf("127.18.%d.%d:2379", net, i+1),
		}
		if change != nil {
			change(&o)
		}
		c.options = append(c.options, o)
		c.servers = append(c.servers, nil)
		c.run(i)
	}
	t.Cleanup(func() {
		for i := range c.servers {
			c.stop(i)
		}
	})
	return c
}

func (c *cluster) run(i int) {
	c.t.Helper()
	s, err := Start(c.options[i])
	if err != nil {
		c.t.Fatal(err)
	}
	c.servers[i] = s
}

func (c *cluster) stop(i int) {
	if s := c.servers[i]; s != nil {
		if err := s.Close(); err != nil {
			c.t.Error(err)
		}
		c.servers[i] = nil
	}
}

// client is etcd's own, of one member.
func (c *cluster) client(i int) *clientv3.Client {
	c.t.Helper()
	k, err := clientv3.New(clientv3.Config{Endpoints: []string{"http://" + c.options[i].ListenClient}, Logger: zap.NewNop()})
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { k.Close() })
	return k
}

func ctx(t *testing.T) context.Context {
	c, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return c
}

// eventually waits, 20 s at most, until the condition holds.
func eventually(t *testing.T, what string, condition func() error) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		err := condition()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("never came: %s: %v", what, err)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// agree waits until the members have equal states and no tombstones.
func (c *cluster) agree() {
	c.t.Helper()
	eventually(c.t, "the members agree", func() error {
		var first Status
		for _, s := range c.servers {
			if s == nil {
				continue
			}
			st := s.Show()
			if first.Name == "" {
				first = st
			}
			if st.Digest != first.Digest || st.Tombstones > 0 {
				return fmt.Errorf("%s: %s, %d tombstones; %s: %s", first.Name, first.Digest, st.Tombstones, st.Name, st.Digest)
			}
		}
		return nil
	})
}

func must[T any](t *testing.T) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// TestDemonstration is the original's: put on one, get on another, delete on the third, kill one,
// write, have it come back, converge.
func TestDemonstration(t *testing.T) {
	c := start(t, 1, 3, nil)
	put, get, del := must[*clientv3.PutResponse](t), must[*clientv3.GetResponse](t), must[*clientv3.DeleteResponse](t)
	// Keys and values of any bytes: the original broke on spaces and +, and handed them to a shell.
	keys := []string{"plain", "with space", "a+b", "'; touch /tmp/pwned; '", "\x00\xff\n", "$(reboot)", "ключ"}
	for i, k := range keys {
		put(c.client(i%3).Put(ctx(t), k, "value of "+k))
	}
	c.agree()
	for i, k := range keys {
		r := get(c.client((i+1)%3).Get(ctx(t), k))
		if len(r.Kvs) != 1 || string(r.Kvs[0].Value) != "value of "+k || r.Kvs[0].Version != 1 {
			t.Errorf("%q: %v", k, r.Kvs)
		}
	}
	if d := del(c.client(2).Delete(ctx(t), "plain", clientv3.WithPrevKV())); d.Deleted != 1 || string(d.PrevKvs[0].Value) != "value of plain" {
		t.Errorf("deleted %v", d)
	}
	c.agree()
	if r := get(c.client(0).Get(ctx(t), "plain")); len(r.Kvs) != 0 {
		t.Errorf("deleted, and there: %v", r.Kvs)
	}
	c.stop(1)
	put(c.client(0).Put(ctx(t), "while away", "1"))
	put(c.client(0).Put(ctx(t), "a+b", "newer"))
	c.run(1)
	c.agree()
	r := get(c.client(1).Get(ctx(t), "", clientv3.WithPrefix()))
	if len(r.Kvs) != len(keys) || r.Count != int64(len(keys)) {
		t.Errorf("%d keys, want %d", len(r.Kvs), len(keys))
	}
	if r := get(c.client(1).Get(ctx(t), "a+b")); string(r.Kvs[0].Value) != "newer" || r.Kvs[0].Version != 2 {
		t.Errorf("%v", r.Kvs)
	}
}

// TestRange: every way to ask for keys answers as etcd's documentation has it.
func TestRange(t *testing.T) {
	c := start(t, 2, 1, nil)
	k := c.client(0)
	var revisions []int64
	for i := range 10 {
		r := must[*clientv3.PutResponse](t)(k.Put(ctx(t), fmt.Sprintf("k%d", i), fmt.Sprint("v", 9-i)))
		revisions = append(revisions, r.Header.Revision)
	}
	must[*clientv3.PutResponse](t)(k.Put(ctx(t), "k3", "again"))
	must[*clientv3.DeleteResponse](t)(k.Delete(ctx(t), "k4"))
	for _, q := range []struct {
		name  string
		ops   []clientv3.OpOption
		want  string
		count int64
		more  bool
	}{
		{"all", []clientv3.OpOption{clientv3.WithPrefix()}, "k0 k1 k2 k3 k5 k6 k7 k8 k9", 9, false},
		{"range", []clientv3.OpOption{clientv3.WithRange("k3")}, "k0 k1 k2", 3, false},
		{"from", []clientv3.OpOption{clientv3.WithFromKey(), clientv3.WithLimit(2)}, "k0 k1", 9, true},
		{"count", []clientv3.OpOption{clientv3.WithPrefix(), clientv3.WithCountOnly()}, "", 9, false},
		{"descending", []clientv3.OpOption{clientv3.WithPrefix(), clientv3.WithSort(clientv3.SortByKey, clientv3.SortDescend), clientv3.WithLimit(3)}, "k9 k8 k7", 9, true},
		{"by value", []clientv3.OpOption{clientv3.WithPrefix(), clientv3.WithSort(clientv3.SortByValue, clientv3.SortAscend), clientv3.WithLimit(2)}, "k3 k9", 9, true},
		{"newest", []clientv3.OpOption{clientv3.WithPrefix(), clientv3.WithSort(clientv3.SortByModRevision, clientv3.SortDescend), clientv3.WithLimit(1)}, "k3", 9, true},
		{"by version", []clientv3.OpOption{clientv3.WithPrefix(), clientv3.WithSort(clientv3.SortByVersion, clientv3.SortDescend), clientv3.WithLimit(1)}, "k3", 9, true},
		{"since", []clientv3.OpOption{clientv3.WithPrefix(), clientv3.WithMinModRev(revisions[8])}, "k3 k8 k9", 9, false},
		{"created by", []clientv3.OpOption{clientv3.WithPrefix(), clientv3.WithMaxCreateRev(revisions[1])}, "k0 k1", 9, false},
	} {
		r := must[*clientv3.GetResponse](t)(k.Get(ctx(t), "k", q.ops...))
		var got []string
		for _, kv := range r.Kvs {
			got = append(got, string(kv.Key))
		}
		if strings.Join(got, " ") != q.want || r.Count != q.count || r.More != q.more {
			t.Errorf("%s: %v of %d, more %v; want %s of %d, %v", q.name, got, r.Count, r.More, q.want, q.count, q.more)
		}
	}
	if r := must[*clientv3.GetResponse](t)(k.Get(ctx(t), "k0", clientv3.WithKeysOnly())); len(r.Kvs[0].Value) != 0 {
		t.Error("a value came with keys only")
	}
	if _, err := k.Get(ctx(t), "k0", clientv3.WithRev(revisions[0])); !errors.Is(err, rpctypes.ErrCompacted) {
		t.Errorf("an old revision: %v", err)
	}
	if _, err := k.Get(ctx(t), "k0", clientv3.WithRev(revisions[9]+1<<20)); !errors.Is(err, rpctypes.ErrFutureRev) {
		t.Errorf("a future revision: %v", err)
	}
	if d := must[*clientv3.DeleteResponse](t)(k.Delete(ctx(t), "k", clientv3.WithPrefix())); d.Deleted != 9 {
		t.Errorf("deleted %d", d.Deleted)
	}
}

// TestRefusals: what would have to lie is Unimplemented, and bad input is refused as etcd does.
func TestRefusals(t *testing.T) {
	c := start(t, 3, 1, nil)
	k := c.client(0)
	for name, f := range map[string]func() error{
		"txn":     func() error { _, err := k.Txn(ctx(t)).Then(clientv3.OpGet("x")).Commit(); return err },
		"grant":   func() error { _, err := k.Grant(ctx(t), 5); return err },
		"compact": func() error { _, err := k.Compact(ctx(t), 5); return err },
		"auth":    func() error { _, err := k.AuthEnable(ctx(t)); return err },
		"add":     func() error { _, err := k.MemberAdd(ctx(t), []string{"http://127.0.0.1:1"}); return err },
	} {
		if err := f(); status.Code(err) != codes.Unimplemented {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := k.Put(ctx(t), "", "x"); !errors.Is(err, rpctypes.ErrEmptyKey) {
		t.Errorf("an empty key: %v", err)
	}
	if _, err := k.Put(ctx(t), "x", "y", clientv3.WithLease(7)); !errors.Is(err, rpctypes.ErrLeaseNotFound) {
		t.Errorf("a lease: %v", err)
	}
	if _, err := k.Put(ctx(t), "x", strings.Repeat("y", 1<<21-1000)); !errors.Is(err, rpctypes.ErrRequestTooLarge) {
		t.Errorf("2 MiB: %v", err)
	}
	if _, err := k.Put(ctx(t), "x", strings.Repeat("y", 1<<20)); err != nil {
		t.Errorf("1 MiB: %v", err)
	}
}

// collect reads n events of a watch.
func collect(t *testing.T, w clientv3.WatchChan, n int) (got []string) {
	t.Helper()
	var last int64
	for len(got) < n {
		select {
		case r := <-w:
			if err := r.Err(); err != nil {
				t.Fatal(err)
			}
			for _, e := range r.Events {
				if e.Kv.ModRevision <= last {
					t.Errorf("revision %d after %d", e.Kv.ModRevision, last)
				}
				last = e.Kv.ModRevision
				s := fmt.Sprintf("%s %s=%s", e.Type, e.Kv.Key, e.Kv.Value)
				if e.PrevKv != nil {
					s += " was " + string(e.PrevKv.Value)
				}
				got = append(got, s)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("only %d of %d events came: %v", len(got), n, got)
		}
	}
	return got
}

// TestWatch: a watch tells every change that a member applies, its own and others', with what was
// before; it goes on from a revision; and one that began at another member is told to list again.
func TestWatch(t *testing.T) {
	c := start(t, 4, 2, nil)
	a, b := c.client(0), c.client(1)
	put := must[*clientv3.PutResponse](t)
	first := put(a.Put(ctx(t), "k1", "a"))
	c.agree()
	w := b.Watch(ctx(t), "k", clientv3.WithPrefix(), clientv3.WithPrevKV(), clientv3.WithCreatedNotify())
	if r := <-w; !r.Created || r.Header.Revision == 0 {
		t.Errorf("created %v", r)
	}
	put(a.Put(ctx(t), "k1", "b"))
	put(a.Put(ctx(t), "other", "x"))
	c.agree()
	put(b.Put(ctx(t), "k2", "c"))
	must[*clientv3.DeleteResponse](t)(b.Delete(ctx(t), "k1"))
	want := []string{"PUT k1=b was a", "PUT k2=c", "DELETE k1= was b"}
	if got := collect(t, w, 3); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	c.agree()
	if got := collect(t, a.Watch(ctx(t), "k1", clientv3.WithRev(first.Header.Revision), clientv3.WithFilterDelete()), 2); !slices.Equal(got, []string{"PUT k1=a", "PUT k1=b"}) {
		t.Errorf("from the first revision: %q", got)
	}
	if got := collect(t, a.Watch(ctx(t), "k1", clientv3.WithRev(first.Header.Revision+1)), 2); !slices.Equal(got, []string{"PUT k1=b", "DELETE k1="}) {
		t.Errorf("from the next revision: %q", got)
	}
	r := <-b.Watch(ctx(t), "k1", clientv3.WithRev(first.Header.Revision+1))
	if !errors.Is(r.Err(), rpctypes.ErrCompacted) {
		t.Errorf("a revision of another member: %v", r.Err())
	}
	c.stop(0)
	c.run(0)
	if r := <-a.Watch(ctx(t), "k1", clientv3.WithRev(first.Header.Revision)); !errors.Is(r.Err(), rpctypes.ErrCompacted) {
		t.Errorf("a revision from before a restart: %v", r.Err())
	}
	if r := put(a.Put(ctx(t), "k1", "z")); r.Header.Revision <= first.Header.Revision {
		t.Errorf("revisions fell over a restart: %d after %d", r.Header.Revision, first.Header.Revision)
	}
}
