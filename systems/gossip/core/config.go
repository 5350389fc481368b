package core

import "time"

// Ack is how many durable copies precede the answer to a write.
type Ack string

const (
	AckLocal    Ack = "local"    // the member's own
	AckOne      Ack = "one"      // and one other
	AckMajority Ack = "majority" // a majority of all members, itself included: what etcd waits for
	AckAll      Ack = "all"      // every member
)

// Acks are the levels.
var Acks = []string{string(AckLocal), string(AckOne), string(AckMajority), string(AckAll)}

// Config is what a member needs to know. New fills in what is zero.
type Config struct {
	Cluster string // members of different clusters refuse each other
	Self    Member // Name, Addr and Client; the rest is the core's
	// Initial are the members of a new cluster, all of whom are started with the same list. It
	// matters only on an empty disk.
	Initial []Member
	// Join are peer addresses of a cluster that is to be joined. It matters only on an empty disk.
	Join []string

	Tick       time.Duration // between two rounds of anti-entropy; 250 ms
	Contacts   int           // members a round; 2
	Fanout     int           // members to whom a new entry is pushed; 3
	Ack        Ack           // the default of writes; local
	AckTimeout time.Duration // after which a write whose copies are not confirmed is answered as unknown; 1 s
	Request    time.Duration // after which a request to a member is given up; 1 s
	MaxOffset  time.Duration // how far ahead of this clock a stamp may be; 500 ms
	Method     string        // of reconciliation; riblt
	Symbols    int           // of the sketch; 65,536
	MaxPending int           // bytes that wait for the disk before writes are refused; 64 MiB
	MaxBytes   int           // bytes of entries in memory before writes are refused; 0: no limit

	// Defect builds a fault of the original program, or one that a naive design has, into the
	// member: see defect.go. For tests.
	Defect Defect
}

func (c *Config) fill() {
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	def(&c.Tick, 250*time.Millisecond)
	def(&c.AckTimeout, time.Second)
	def(&c.Request, time.Second)
	def(&c.MaxOffset, 500*time.Millisecond)
	for _, f := range []struct {
		p *int
		v int
	}{{&c.Contacts, 2}, {&c.Fanout, 3}, {&c.Symbols, 65536}, {&c.MaxPending, 64 << 20}} {
		if *f.p == 0 {
			*f.p = f.v
		}
	}
	if c.Method == "" {
		c.Method = "riblt"
	}
	if c.Ack == "" {
		c.Ack = AckLocal
	}
}
