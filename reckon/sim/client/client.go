// Package client is the simulated client of a store: it takes the members in turn, repeats what is safe to repeat, gives up
// in time, and records history.Op as the real clients do (systems/etcd_client.go).
package client

import (
	"fmt"
	"slices"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/sim/loop"
	"github.com/reckon-bench/reckon/reckon/sim/network"
	"github.com/reckon-bench/reckon/reckon/sim/node"
)

// A Request is what a client asks of a member.
type Request struct {
	ID    uint64 // the client's own number of it
	Kind  history.Kind
	Key   string
	Value string
}

// A Response is a member's answer.
type Response struct {
	ID       uint64
	Error    string // "": it is done
	Definite bool   // with an error: it had no effect and never will
	Value    string
	Version  int64
	Revision int64
}

// Head is about what TCP, IP and the framing of gRPC or HTTP add to a message.
const Head = 90

// Size returns the request's length on the wire in bytes.
func (r *Request) Size() int { return Head + len(r.Key) + len(r.Value) }

// Hash returns the hash of the request's content.
func (r *Request) Hash() uint64 { return xxhash.Sum64String(r.Key+"\x00"+r.Value) ^ r.ID }

// Size returns the response's length on the wire in bytes.
func (r *Response) Size() int { return Head + len(r.Value) + len(r.Error) }

// Hash returns the hash of the response's content.
func (r *Response) Hash() uint64 {
	return xxhash.Sum64String(r.Value+"\x00"+r.Error) ^ r.ID ^ uint64(r.Revision)<<32
}

// How a client holds its connections: as the real one does, see there.
const (
	unacknowledged = 3 * time.Second
	shortestRetry  = 25 * time.Millisecond
	longestRetry   = 100 * time.Millisecond
	connectTimeout = 2 * time.Second
)

// A Client is one client process on a host of its own. It is used from within events of its loop.
type Client struct {
	loop    *loop.Loop
	net     *network.Network
	host    int
	timeout time.Duration // of an operation
	conns   []*conn
	next    int // whose turn it is
	ids     uint64
	calls   map[uint64]*call
	waiting []*call // for a connection
}

// conn is the connection to one member.
type conn struct {
	member   int
	up       bool
	tries    int
	retrying bool          // a new attempt is planned
	asked    time.Duration // when the present attempt began
	silent   time.Duration // since when it owes an answer; below 0: it does not
}

// call is an operation under way.
type call struct {
	id   uint64
	op   history.Op
	only int // the member that it must go through, or -1
	conn *conn
	sent bool
	done func(history.Op)
}

// New makes a client on the host of that number that uses the members, by theirs, and gives an operation up after the timeout.
func New(l *loop.Loop, n *network.Network, host int, members []int, timeout time.Duration) *Client {
	c := &Client{loop: l, net: n, host: host, timeout: timeout, calls: map[uint64]*call{}}
	for _, m := range members {
		c.conns = append(c.conns, &conn{member: m, silent: -1})
	}
	n.Receive(host, c.receive)
	for _, x := range c.conns {
		c.connect(x)
	}
	return c
}

// Do runs the operation and calls done with its outcome. Its Due stays; Call is now.
func (c *Client) Do(op history.Op, done func(history.Op)) { c.do(op, -1, done) }

// Ask is Do through the member of that number alone.
func (c *Client) Ask(member int, op history.Op, done func(history.Op)) { c.do(op, member, done) }

func (c *Client) do(op history.Op, only int, done func(history.Op)) {
	c.ids++
	x := &call{id: c.ids, op: op, only: only, done: done}
	x.op.Call, x.op.Outcome = c.loop.Now(), history.Unknown
	c.calls[x.id] = x
	c.loop.After(c.timeout, loop.Label{Kind: loop.Timer, Subject: c.host, Content: x.id}, func() { c.expire(x) })
	c.assign(x)
}

// assign sends the call to the member whose turn it is, of those that it is connected to.
func (c *Client) assign(x *call) {
	for range c.conns {
		k := c.conns[c.next%len(c.conns)]
		c.next++
		if k.up && (x.only < 0 || x.only == k.member) {
			c.send(x, k)
			return
		}
	}
	x.conn = nil
	c.waiting = append(c.waiting, x)
}

func (c *Client) send(x *call, k *conn) {
	x.conn, x.sent = k, true
	if k.silent < 0 {
		k.silent = c.loop.Now()
	}
	r := &Request{ID: x.id, Kind: x.op.Kind, Key: x.op.Key, Value: x.op.Value}
	c.net.Send(network.Packet{From: c.host, To: k.member, Size: r.Size(), Hash: r.Hash(), Stream: true, Payload: r})
}

func (c *Client) receive(p network.Packet) {
	i := slices.IndexFunc(c.conns, func(k *conn) bool { return k.member == p.From })
	if i < 0 {
		return
	}
	k := c.conns[i]
	k.silent = -1
	switch m := p.Payload.(type) {
	case *Response:
		if x := c.calls[m.ID]; x != nil && x.conn == k {
			c.answered(x, m)
		}
	case node.Welcome:
		if !k.up {
			k.up, k.tries = true, 0
			waiting := c.waiting
			c.waiting = nil
			for _, x := range waiting {
				if c.calls[x.id] == x {
					c.assign(x)
				}
			}
		}
	case node.Closed:
		c.lost(k, "connection closed")
	}
}

func (c *Client) answered(x *call, r *Response) {
	if r.Error != "" && x.op.Kind == history.Read && !r.Definite {
		c.assign(x) // as etcd's client repeats what changes nothing
		return
	}
	x.op.Value = pick(x.op.Kind == history.Read && r.Error == "", r.Value, x.op.Value)
	switch {
	case r.Error == "":
		x.op.Outcome, x.op.Version, x.op.Revision = history.OK, r.Version, r.Revision
		x.op.Member = c.net.Host(x.conn.member)
	case r.Definite || x.op.Kind == history.Read:
		x.op.Outcome = history.Failed
	}
	c.end(x, r.Error)
}

func pick(first bool, a, b string) string {
	if first {
		return a
	}
	return b
}

// lost closes the connection: reads go elsewhere, and of writes nobody knows what became.
func (c *Client) lost(k *conn, why string) {
	k.up = false
	k.silent = -1
	for _, x := range c.on(k) {
		if x.op.Kind == history.Read {
			c.assign(x)
		} else {
			c.end(x, why)
		}
	}
	delay := min(shortestRetry<<min(k.tries, 8), longestRetry)
	k.tries++
	if !k.retrying {
		k.retrying = true
		c.loop.After(delay, loop.Label{Kind: loop.Timer, Subject: c.host}, func() {
			k.retrying = false
			c.connect(k)
		})
	}
}

// on lists the calls that are under way on the connection, the oldest first.
func (c *Client) on(k *conn) (all []*call) {
	for _, x := range c.calls {
		if x.conn == k {
			all = append(all, x)
		}
	}
	slices.SortFunc(all, func(a, b *call) int { return int(a.id) - int(b.id) })
	return all
}

// connect tries to connect, and again where no answer comes.
func (c *Client) connect(k *conn) {
	if k.up {
		return
	}
	now := c.loop.Now()
	k.asked = max(now, 1)
	asked := k.asked
	c.net.Send(network.Packet{From: c.host, To: k.member, Size: Head, Payload: node.Hello{}})
	c.loop.After(connectTimeout, loop.Label{Kind: loop.Timer, Subject: c.host}, func() {
		if !k.up && k.asked == asked {
			c.connect(k)
		}
	})
}

// expire gives the call up.
func (c *Client) expire(x *call) {
	if c.calls[x.id] != x {
		return
	}
	if k := x.conn; k != nil && k.up && k.silent >= 0 && c.loop.Now()-k.silent >= unacknowledged {
		delete(c.calls, x.id)
		c.lost(k, "connection timed out")
		c.calls[x.id] = x
	}
	c.end(x, "context deadline exceeded")
}

func (c *Client) end(x *call, why string) {
	delete(c.calls, x.id)
	c.waiting = slices.DeleteFunc(c.waiting, func(y *call) bool { return y == x })
	x.op.Return = c.loop.Now()
	if why != "" {
		switch {
		case !x.sent:
			x.op.Outcome, x.op.Error = history.Failed, "never sent: "+why
		case x.op.Kind == history.Read:
			x.op.Outcome = history.Failed
			fallthrough
		default:
			x.op.Error = why
			if x.conn != nil {
				x.op.Error = fmt.Sprintf("through %s: %s", c.net.Host(x.conn.member), why)
			}
		}
	}
	x.done(x.op)
}

// InFlight returns how many operations are under way.
func (c *Client) InFlight() int { return len(c.calls) }
