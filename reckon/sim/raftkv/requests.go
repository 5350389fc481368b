package raftkv

import (
	"encoding/binary"
	"time"

	"go.etcd.io/raft/v3"

	"github.com/reckon-bench/reckon/reckon/sim/client"
	"github.com/reckon-bench/reckon/reckon/sim/network"
	"github.com/reckon-bench/reckon/reckon/sim/node"
)

// What a member answers that could not do as it was asked, as etcd words it.
const (
	errDropped  = "raft proposal dropped"
	errTimeout  = "etcdserver: request timed out"
	errNoLeader = "etcdserver: leader changed"
)

// requests are what clients asked a member that it has not answered.
type requests struct {
	next      uint64
	proposals map[uint64]asker // by the number in the log entry
	waiting   []proposal       // for a leader, as etcd's raft node has them wait
	deadlines []deadline       // of proposals, the earliest first

	reads   []question // that wait to be asked together
	asked   []question // that were asked together
	askedAs uint64     // number of that question, 0: none is under way
	granted uint64     // index that the state must have reached to answer asked, 0: not known yet
	retry   time.Duration
	asks    uint64
}

type asker struct {
	host int
	id   uint64 // the client's own number
}

type proposal struct {
	number uint64
	data   []byte
}

type deadline struct {
	at     time.Duration
	number uint64
}

type question struct {
	asker
	key string
	due time.Duration
}

func newRequests(env *node.Env) requests {
	// Numbers are unique over hosts and starts, as etcd's are (pkg/idutil).
	return requests{
		proposals: map[uint64]asker{},
		next:      uint64(env.ID()+1)<<48 | uint64(env.Starts()&0xffff)<<32,
	}
}

func (v *Server) timeout() time.Duration { return requestTimeout + 2*v.system.ElectionTimeout }

func (v *Server) propose(from int, r *client.Request) {
	v.next++
	p := proposal{v.next, encodePut(v.next, r.Key, r.Value)}
	v.proposals[p.number] = asker{from, r.ID}
	v.deadlines = append(v.deadlines, deadline{v.env.Now() + v.timeout(), p.number})
	if v.lead == raft.None {
		v.waiting = append(v.waiting, p)
		return
	}
	v.offer(p)
}

func (v *Server) offer(p proposal) {
	if err := v.raw.Propose(p.data); err != nil {
		v.answer(p.number, &client.Response{Error: errDropped, Definite: true})
	}
}

// done answers the proposal of that number, if it was this member's.
func (v *Server) done(number uint64, revision int64) {
	v.answer(number, &client.Response{Revision: revision})
}

func (v *Server) answer(number uint64, r *client.Response) {
	if a, ok := v.proposals[number]; ok {
		delete(v.proposals, number)
		v.reply(a, r)
	}
}

func (v *Server) reply(a asker, r *client.Response) {
	r.ID = a.id
	v.env.Send(network.Packet{To: a.host, Size: r.Size(), Hash: r.Hash(), Stream: v.system.Streams, Payload: r})
}

func (v *Server) read(from int, r *client.Request) {
	q := question{asker{from, r.ID}, r.Key, v.env.Now() + v.timeout()}
	if v.system.Defect == LocalReads && v.leads {
		v.answerRead(q)
		return
	}
	v.reads = append(v.reads, q)
	v.ask()
}

// ask asks the leader for the index up to which all was committed before the reads came: one question at a time, for all
// that wait (etcdserver/v3_server.go, linearizableReadLoop).
func (v *Server) ask() {
	if v.askedAs != 0 || len(v.reads) == 0 {
		return
	}
	v.asked, v.reads = v.reads, nil
	v.asks++
	v.askedAs = v.next&^0xffffffff | v.asks
	v.granted = 0
	v.readIndex()
}

func (v *Server) readIndex() {
	v.retry = v.env.Now() + readIndexRetry
	if v.lead != raft.None {
		v.raw.ReadIndex(binary.BigEndian.AppendUint64(nil, v.askedAs))
	}
}

// readable notes the leader's answer.
func (v *Server) readable(r raft.ReadState) {
	if len(r.RequestCtx) == 8 && binary.BigEndian.Uint64(r.RequestCtx) == v.askedAs {
		v.granted = r.Index
		v.answerReads()
	}
}

func (v *Server) answerReads() {
	if v.askedAs == 0 || v.granted == 0 || v.applied < v.granted {
		return
	}
	for _, q := range v.asked {
		v.answerRead(q)
	}
	v.asked, v.askedAs = nil, 0
	v.ask()
}

func (v *Server) answerRead(q question) {
	r := &client.Response{}
	if x, ok := v.store.keys[q.key]; ok {
		r.Value, r.Version, r.Revision = x.data, x.version, x.modified
	}
	v.reply(q.asker, r)
}

// leaderChanged offers what waited for a leader, and fails the reads that were asked of the last one.
func (v *Server) leaderChanged() {
	if v.askedAs != 0 && v.granted == 0 {
		for _, q := range v.asked {
			v.reply(q.asker, &client.Response{Error: errNoLeader, Definite: true})
		}
		v.asked, v.askedAs = nil, 0
		v.ask()
	}
	if v.lead == raft.None {
		return
	}
	waiting := v.waiting
	v.waiting = nil
	for _, p := range waiting {
		if _, wanted := v.proposals[p.number]; wanted {
			v.offer(p)
		}
	}
}

// expire gives up what has taken too long, and asks again where no answer came.
func (v *Server) expire(now time.Duration) {
	for len(v.deadlines) > 0 && v.deadlines[0].at <= now {
		v.answer(v.deadlines[0].number, &client.Response{Error: errTimeout})
		v.deadlines = v.deadlines[1:]
	}
	if v.askedAs == 0 {
		return
	}
	if v.asked[0].due <= now {
		for _, q := range v.asked {
			v.reply(q.asker, &client.Response{Error: errTimeout, Definite: true})
		}
		v.asked, v.askedAs = nil, 0
		v.ask()
		return
	}
	if v.granted == 0 && now >= v.retry {
		v.readIndex()
	}
}
