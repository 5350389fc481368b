package systems

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"net"
	"os"
	"strings"
	"sync"

	"github.com/moby/sys/reexec"
	"github.com/spf13/pflag"
	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/systems/gossip"
)

// GossipRole is the name under which reckon's binary is a member of the gossip store.
const GossipRole = "reckon-gossip"

func init() {
	reexec.Register(GossipRole, gossipMain)
	reckon.Systems.Register(reckon.Word[reckon.System]{
		Name: "gossip",
		Doc:  "a key-value store without a leader, whose members reconcile their differences: available everywhere, not linearizable",
		New: func(fs *pflag.FlagSet) reckon.System {
			g := &gossipStore{conns: map[string]*memberConn{}}
			g.tuning.Bind(fs)
			reckon.SeedVar(fs, &g.seed)
			return g
		},
	})
}

// gossipStore is the System of the word gossip.
//
// It has no leader. Where a fault strikes the leader, and wherever else a run asks who leads, it is
// the member that the seed draws among those that serve: each claims to lead a term of its own, and
// the highest term counts.
type gossipStore struct {
	tuning gossip.Tuning
	seed   uint64

	mu    sync.Mutex
	conns map[string]*memberConn // for questions to single members, by address
}

// Command is the member's command line.
func (g *gossipStore) Command(m reckon.Member, peers []reckon.Member) reckon.Command {
	var list []string
	for _, p := range peers {
		list = append(list, p.Name+"="+hostPort(p.Addr, peerPort))
	}
	args := []string{
		GossipRole, "--name=" + m.Name, "--data-dir=" + m.Dir,
		"--listen-peer=" + hostPort(m.Addr, peerPort), "--listen-client=" + clientAddress(m),
		"--initial-cluster=" + strings.Join(list, ","),
	}
	return reckon.Command{Args: append(args, g.tuning.Args()...)}
}

// Validate refuses what a member would refuse when it starts.
func (g *gossipStore) Validate(s reckon.Setting) error {
	return cmp.Or(g.tuning.Valid(), needsNear(s))
}

// Version is for the record.
func (g *gossipStore) Version() (string, error) { return "gossip, built in", nil }

// Endpoints returns the members' URLs for clients: they speak etcd's v3 API, without leases and
// transactions.
func (g *gossipStore) Endpoints(members []reckon.Member) (urls []string) {
	for _, m := range members {
		urls = append(urls, clientURL(m))
	}
	return urls
}

// Tools has etcdctl find all members.
func (g *gossipStore) Tools(members []reckon.Member) reckon.Tools {
	return reckon.Tools{Env: []string{"ETCDCTL_ENDPOINTS=" + strings.Join(g.Endpoints(members), ",")}, Names: []string{etcdctlRole}}
}

// Status asks the member alone. See gossipStore for what leading means.
func (g *gossipStore) Status(ctx context.Context, m reckon.Member, dial reckon.Dial) (reckon.Status, error) {
	c, err := g.conn(m, dial)
	if err != nil {
		return reckon.Status{}, fmt.Errorf("ask %s for its status: %w", m.Name, err)
	}
	resp, err := pb.NewMaintenanceClient(c).Status(ctx, &pb.StatusRequest{})
	if err != nil {
		return reckon.Status{}, fmt.Errorf("ask %s for its status: %w", m.Name, err)
	}
	ready := len(resp.Errors) == 0
	return reckon.Status{Ready: ready, Leader: ready, Term: g.rank(m.Name)}, nil
}

// rank is the term that the member claims to lead, drawn by the seed.
func (g *gossipStore) rank(name string) uint64 {
	h := fnv.New32a()
	fmt.Fprintf(h, "%d %s", g.seed, name)
	return 1 + uint64(h.Sum32())
}

// conn is the member's connection, made on first use; it connects with the dial that was given
// last.
func (g *gossipStore) conn(m reckon.Member, dial reckon.Dial) (*memberConn, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	address := clientAddress(m)
	c, ok := g.conns[address]
	if !ok {
		c = &memberConn{}
		newest := func(ctx context.Context, network, address string) (net.Conn, error) {
			return (*c.dial.Load())(ctx, network, address)
		}
		options := append(dialOptions(newest, statusDelay), grpc.WithTransportCredentials(insecure.NewCredentials()))
		var err error
		if c.ClientConn, err = grpc.NewClient("passthrough:///"+address, options...); err != nil {
			return nil, err
		}
		g.conns[address] = c
	}
	c.dial.Store(&dial)
	return c, nil
}

// Metrics reads the member's /metrics, all of them.
func (g *gossipStore) Metrics(ctx context.Context, m reckon.Member, dial reckon.Dial) (map[string]float64, error) {
	families, err := scrape(ctx, clientURL(m)+"/metrics", dial)
	if err != nil {
		return nil, fmt.Errorf("read the metrics of %s: %w", m.Name, err)
	}
	sample := map[string]float64{}
	for name, family := range families {
		for _, metric := range family.GetMetric() {
			add(sample, name, metric, false)
		}
	}
	return sample, nil
}

// Dial makes etcd's own Go client, which takes the members in turn.
func (g *gossipStore) Dial(_ context.Context, members []reckon.Member, dial reckon.Dial) (reckon.Client, error) {
	c, err := newEtcdClient(members, dial)
	if err != nil {
		return nil, fmt.Errorf("make a gossip client: %w", err)
	}
	return &gossipClient{etcdClient{c}}, nil
}

// gossipClient is etcd's client, which also knows how this store refuses.
type gossipClient struct{ etcdClient }

// gossipRefusals are the errors of a write that promise that it had no effect and never will, by a
// part of their message. The core checks all of them before it stamps anything (core.admit), but
// for that of the disk, which cuts off what was written of it (wal.commit).
var gossipRefusals = []string{
	"gossip: member is joining and does not serve yet",
	"gossip: member was just started and reconciles before it serves",
	"gossip: member is leaving its cluster",
	"gossip: member was forgotten by its cluster: it must join again",
	"gossip: store is full",
	"gossip: write to disk failed",
}

// Do is etcd's Do, with the refusals that only this store has.
func (c *gossipClient) Do(ctx context.Context, op reckon.Op) reckon.Op {
	op = c.etcdClient.Do(ctx, op)
	if op.Kind == history.Write && op.Outcome == history.Unknown {
		for _, refusal := range gossipRefusals {
			if strings.Contains(op.Error, refusal) {
				op.Outcome = history.Failed
			}
		}
	}
	return op
}

// gossipMain is the member's process. Its command line is made by gossipStore.Command.
func gossipMain() {
	fs := pflag.NewFlagSet(GossipRole, pflag.ContinueOnError)
	options := gossip.Flags(fs)
	err := fs.Parse(os.Args[1:])
	if err == nil {
		var o gossip.Options
		if o, err = options(); err == nil {
			err = gossip.Serve(o, os.Stderr)
		}
	}
	if err != nil && !errors.Is(err, pflag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "reckon-gossip:", err)
		os.Exit(1)
	}
}
