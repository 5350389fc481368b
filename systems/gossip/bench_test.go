package gossip

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"

	"github.com/reckon-bench/reckon/systems/gossip/core"
)

// resident is the process's memory, in MiB.
func resident(b *testing.B) float64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		b.Skip(err)
	}
	pages, err := strconv.ParseInt(strings.Fields(string(text))[1], 10, 64)
	if err != nil {
		b.Fatal(err)
	}
	return float64(pages) * float64(os.Getpagesize()) / (1 << 20)
}

// BenchmarkMillionKeys puts a million keys of 11 bytes with values of 26 into a member, and starts
// it again on them: at most 400 MiB, and 3 s.
func BenchmarkMillionKeys(b *testing.B) {
	debug.SetGCPercent(gcPercent)
	o := Options{Name: "n1", Dir: filepath.Join(b.TempDir(), "data"), ListenPeer: "127.18.200.1:2380", ListenClient: "127.18.200.1:2379", Durability: "none"}
	s, err := Start(o)
	if err != nil {
		b.Fatal(err)
	}
	const keys, batch = 1_000_000, 10_000
	for first := 0; first < keys; first += batch {
		ops := make([]core.Op, batch)
		for i := range ops {
			ops[i] = core.Op{Key: fmt.Sprintf("key-%07d", first+i), Value: fmt.Sprintf("value-%020d", first+i)}
		}
		if _, err := s.Write(context.Background(), ops); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(resident(b), "MiB-written")
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		s = nil
		runtime.GC()
		debug.FreeOSMemory()
		before, began := resident(b), time.Now()
		if s, err = Start(o); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(time.Since(began).Seconds(), "s-to-start")
		runtime.GC()
		b.ReportMetric(resident(b)-before, "MiB-started")
		if n := s.Show().Keys; n != keys {
			b.Fatalf("%d keys", n)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// puts has 64 clients put for a while, each through one of the endpoints, and returns how many a
// second were acknowledged.
func puts(b *testing.B, endpoints []string, d time.Duration) float64 {
	const clients = 64
	var wait sync.WaitGroup
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	counts := make([]int, clients)
	for i := range clients {
		k, err := clientv3.New(clientv3.Config{Endpoints: endpoints[i%len(endpoints) : i%len(endpoints)+1], Logger: zap.NewNop()})
		if err != nil {
			b.Fatal(err)
		}
		defer k.Close()
		wait.Add(1)
		go func() {
			defer wait.Done()
			rng := rand.New(rand.NewPCG(uint64(i), 1))
			for ctx.Err() == nil {
				if _, err := k.Put(ctx, fmt.Sprint("key-", rng.IntN(10_000)), "a value of some thirty bytes ..."); err == nil {
					counts[i]++
				}
			}
		}()
	}
	wait.Wait()
	total := 0
	for _, n := range counts {
		total += n
	}
	return float64(total) / d.Seconds()
}

// BenchmarkPuts compares the puts a second of three members, at two levels of acknowledgement, with
// those of a three-member etcd on the same disk, all in this process and in one run: at ack local
// at least three times as many.
func BenchmarkPuts(b *testing.B) {
	const span = 2 * time.Second
	for b.Loop() {
		reference := etcdPuts(b, span)
		b.ReportMetric(reference, "etcd-puts/s")
		for net, ack := range []string{"local", "majority"} {
			rate := gossipPuts(b, 201+net, ack, span)
			b.ReportMetric(rate, ack+"-puts/s")
			b.ReportMetric(rate/reference, ack+"-ratio")
		}
	}
}

func gossipPuts(b *testing.B, net int, ack string, span time.Duration) float64 {
	var list, endpoints []string
	for i := range 3 {
		list = append(list, fmt.Sprintf("n%d=127.18.%d.%d:2380", i+1, net, i+1))
		endpoints = append(endpoints, fmt.Sprintf("127.18.%d.%d:2379", net, i+1))
	}
	for i := range 3 {
		s, err := Start(Options{Name: fmt.Sprint("n", i+1), Dir: filepath.Join(b.TempDir(), "data"), Initial: list, Ack: ack,
			ListenPeer: fmt.Sprintf("127.18.%d.%d:2380", net, i+1), ListenClient: endpoints[i]})
		if err != nil {
			b.Fatal(err)
		}
		defer func() {
			if err := s.Close(); err != nil {
				b.Error(err)
			}
		}()
	}
	return puts(b, endpoints, span)
}

// etcdPuts is the same for three members of etcd.
func etcdPuts(b *testing.B, span time.Duration) float64 {
	var initial, endpoints []string
	for i := range 3 {
		initial = append(initial, fmt.Sprintf("e%d=http://127.18.210.%d:2380", i+1, i+1))
		endpoints = append(endpoints, fmt.Sprintf("http://127.18.210.%d:2379", i+1))
	}
	var members []*embed.Etcd
	for i := range 3 {
		c := embed.NewConfig()
		c.Name, c.Dir, c.LogLevel, c.InitialCluster = fmt.Sprintf("e%d", i+1), filepath.Join(b.TempDir(), "etcd"), "fatal", strings.Join(initial, ",")
		peer := []url.URL{{Scheme: "http", Host: fmt.Sprintf("127.18.210.%d:2380", i+1)}}
		client := []url.URL{{Scheme: "http", Host: fmt.Sprintf("127.18.210.%d:2379", i+1)}}
		c.ListenPeerUrls, c.AdvertisePeerUrls, c.ListenClientUrls, c.AdvertiseClientUrls = peer, peer, client, client
		e, err := embed.StartEtcd(c)
		if err != nil {
			b.Fatal(err)
		}
		members = append(members, e)
		defer e.Close()
	}
	for _, e := range members {
		<-e.Server.ReadyNotify()
	}
	return puts(b, endpoints, span)
}
