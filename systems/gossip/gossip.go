// Package gossip is a replicated key-value store without a leader, to stand beside etcd: what does
// one gain, and what does one give up, by leaving the leader out?
//
// Every member takes reads and writes by itself. New entries are pushed to random members, and
// every member reconciles with random others several times a second, so members that can reach each
// other, directly or through others, become equal. Of concurrent writes of a key the one with the
// later stamp wins (last writer wins, by hybrid logical clocks); the other is lost, by design. A
// client that stays with one member sees its own writes, in order. One that moves between members
// may not.
//
// The parts, each of which knows only those before it:
//
//	codec    fields in bytes
//	hlc      hybrid logical clocks
//	riblt    rateless invertible Bloom lookup tables
//	recon    four ways to find the difference of two sets of ids, behind one interface
//	state    the last-writer-wins map
//	core     a member as a pure state machine
//	wal      records on disk
//	peer     messages over TCP
//	api      etcd's v3 API
//
// This package puts them together: a [Server] is a core with a disk, a network and clocks. It
// decides nothing.
package gossip

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/dchest/siphash"

	"github.com/reckon-bench/reckon/systems/gossip/core"
	"github.com/reckon-bench/reckon/systems/gossip/recon"
	"github.com/reckon-bench/reckon/systems/gossip/wal"
)

// Options are those of a member. Fill completes and checks them.
type Options struct {
	Name    string
	Dir     string // of its data
	Cluster string // a name that all members share
	// ListenPeer and ListenClient are addresses to listen on; the others are those at which peers
	// and clients reach the member, where they differ.
	ListenPeer, ListenClient       string
	AdvertisePeer, AdvertiseClient string
	// Initial lists a new cluster's members as NAME=PEERADDRESS, with this one among them. All
	// members are started with the same.
	Initial []string
	Join    []string // peer addresses of members of a cluster to join

	Ack         string
	Reconcile   string
	Durability  string
	Interval    time.Duration // between rounds of anti-entropy
	Contacts    int           // members a round
	Fanout      int           // members to whom a new entry is pushed
	AckTimeout  time.Duration
	MaxOffset   time.Duration
	MaxBytes    int // of entries in memory; 0: no limit
	MaxPending  int // bytes that wait for the disk
	Defect      string
	Logf        func(format string, args ...any)
	CompactSize int64 // bytes of log after which a snapshot is written
}

// Fill completes the options, or says what is wrong with them.
func (o *Options) Fill() error {
	o.Cluster = cmp.Or(o.Cluster, "gossip")
	o.Ack = cmp.Or(o.Ack, string(core.AckLocal))
	o.Reconcile = cmp.Or(o.Reconcile, recon.Methods[0])
	o.Durability = cmp.Or(o.Durability, string(wal.Sync))
	o.AdvertisePeer = cmp.Or(o.AdvertisePeer, o.ListenPeer)
	o.AdvertiseClient = cmp.Or(o.AdvertiseClient, o.ListenClient)
	if o.Logf == nil {
		o.Logf = func(string, ...any) {}
	}
	if o.Name == "" || strings.ContainsAny(o.Name, "=, \t\n") || len(o.Name) > 255 {
		return fmt.Errorf("name %q: want 1 to 255 characters, no '=', ',' or space among them", o.Name)
	}
	if o.Dir == "" {
		return errors.New("data directory: want one")
	}
	for _, a := range []struct{ what, address string }{{"peer address", o.ListenPeer}, {"client address", o.ListenClient}, {"advertised peer address", o.AdvertisePeer}, {"advertised client address", o.AdvertiseClient}} {
		if err := validAddress(a.address); err != nil {
			return fmt.Errorf("%s: %w", a.what, err)
		}
	}
	for _, c := range []struct {
		what, value string
		known       []string
	}{
		{"ack", o.Ack, core.Acks}, {"reconcile", o.Reconcile, recon.Methods}, {"durability", o.Durability, wal.Durabilities},
	} {
		if !slices.Contains(c.known, c.value) {
			return fmt.Errorf("%s %q: known are %s", c.what, c.value, strings.Join(c.known, ", "))
		}
	}
	return o.validRest()
}

func (o *Options) validRest() error {
	for _, a := range o.Join {
		if err := validAddress(a); err != nil {
			return fmt.Errorf("join: %w", err)
		}
	}
	if len(o.Initial) > 0 && len(o.Join) > 0 {
		return errors.New("initial cluster and join: want one of them")
	}
	if o.Defect != "" && !slices.Contains(core.Defects, core.Defect(o.Defect)) {
		return fmt.Errorf("defect %q: known are %v", o.Defect, core.Defects)
	}
	for what, v := range map[string]time.Duration{"interval": o.Interval, "ack timeout": o.AckTimeout, "clock offset": o.MaxOffset} {
		if v < 0 || v > time.Hour {
			return fmt.Errorf("%s %v: must be from 0 to 1h", what, v)
		}
	}
	for what, v := range map[string]int{"contacts": o.Contacts, "fanout": o.Fanout, "memory": o.MaxBytes} {
		if v < 0 {
			return fmt.Errorf("%s %d: must not be negative", what, v)
		}
	}
	_, err := o.initial()
	return err
}

func validAddress(address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil || port == "" || strings.ContainsAny(host, " /") {
		return fmt.Errorf("%q: want HOST:PORT", address)
	}
	return nil
}

// initial is the first list of members.
func (o *Options) initial() (list []core.Member, err error) {
	found := len(o.Initial) == 0
	names, addrs := map[string]bool{}, map[string]bool{}
	for _, s := range o.Initial {
		name, addr, ok := strings.Cut(s, "=")
		if !ok || name == "" || validAddress(addr) != nil {
			return nil, fmt.Errorf("initial cluster: %q: want NAME=HOST:PORT", s)
		}
		if names[name] || addrs[addr] {
			return nil, fmt.Errorf("initial cluster: %q: name or address is there twice", s)
		}
		names[name], addrs[addr] = true, true
		if name == o.Name {
			found = true
			if addr != o.AdvertisePeer {
				return nil, fmt.Errorf("initial cluster: %q: this member is at %s", s, o.AdvertisePeer)
			}
		}
		list = append(list, core.Member{Name: name, Addr: addr})
	}
	if !found {
		return nil, fmt.Errorf("initial cluster: %q is not in it", o.Name)
	}
	if len(list) > core.MaxIndex {
		return nil, fmt.Errorf("initial cluster: %d members: at most %d", len(list), core.MaxIndex)
	}
	return list, nil
}

// config is the core's.
func (o *Options) config() (core.Config, error) {
	list, err := o.initial()
	return core.Config{
		Cluster: o.Cluster,
		Self:    core.Member{Name: o.Name, Addr: o.AdvertisePeer, Client: (&url.URL{Scheme: "http", Host: o.AdvertiseClient}).String()},
		Initial: list, Join: o.Join, Tick: o.Interval, Contacts: o.Contacts, Fanout: o.Fanout,
		Ack: core.Ack(o.Ack), AckTimeout: o.AckTimeout, MaxOffset: o.MaxOffset, Method: o.Reconcile,
		MaxBytes: o.MaxBytes, MaxPending: o.MaxPending, Defect: core.Defect(o.Defect),
	}, err
}

// clusterID marks the data of a cluster on disk.
func clusterID(cluster string) uint64 { return siphash.Hash(0x676f73736970, 3, []byte(cluster)) }
