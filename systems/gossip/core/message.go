package core

import (
	"errors"

	"github.com/reckon-bench/reckon/systems/gossip/codec"
)

// The kinds of message, each a message's first byte.
const (
	msgHello = iota + 1
	msgBack
	msgQuery
	msgAnswer
	msgSwap
	msgSwapped
	msgDone
	msgPush
	msgStored
	msgRefused
	msgBye
)

// Why a member does not answer.
const (
	refusedForgotten = iota + 1
	refusedJoining
)

// header begins a message: its kind, the cluster, and who sends it and from where.
func (n *Node) header(kind byte) []byte {
	b := append(make([]byte, 0, 256), kind)
	b = codec.AppendUint64(b, n.cluster)
	b = codec.AppendUint64(b, n.id)
	return codec.AppendString(b, n.cfg.Self.Addr)
}

// refuse tells an address why it is not answered, with the list of members.
func (n *Node) refuse(addr string, why byte) {
	n.send(addr, n.appendMembers(append(n.header(msgRefused), why)))
}

// ErrForeign means that a message came from a member of another cluster.
var ErrForeign = errors.New("message of another cluster")

// Message is one that arrived. The error says what was wrong with it, for the log; it changed
// nothing then.
func (n *Node) Message(t Time, b []byte) (Effects, error) {
	n.now = t
	err := n.message(b)
	switch {
	case errors.Is(err, ErrForeign):
		n.Counters.Foreign++
	case err != nil:
		n.Counters.Malformed++
	}
	return n.take(), err
}

func (n *Node) message(b []byte) error {
	r := codec.NewReader(b)
	kind, cluster, sender, addr := r.Byte(), r.Uint64(), r.Uint64(), r.String()
	if err := r.Err(); err != nil {
		return err
	}
	if cluster != n.cluster {
		return ErrForeign
	}
	if sender == n.id || n.left && kind != msgRefused {
		return nil
	}
	from := n.members[sender]
	if from != nil && from.Forgotten {
		if kind != msgRefused {
			n.refuse(addr, refusedForgotten)
		}
		return nil
	}
	if me := n.members[n.id]; me != nil && me.Forgotten && kind != msgRefused {
		return nil // it takes no part until it joins again
	}
	n.heardOf(sender)
	if from == nil {
		from = &Member{ID: sender, Addr: addr}
		if kind == msgBack {
			n.known(r, sender)
			if from = n.members[sender]; from == nil {
				return codec.ErrMalformed // it does not know itself
			}
		}
	}
	return n.dispatch(kind, from, sender, addr, r)
}

// known has the table include a sender that is not known yet by the list that its greeting brings.
func (n *Node) known(r *codec.Reader, sender uint64) {
	ahead := *r
	ahead.Uint64()
	g := readGreeting(&ahead)
	if ahead.Err() == nil && n.meet(g.members) {
		n.writeMembers(nil, nil)
	}
}

func (n *Node) dispatch(kind byte, from *Member, sender uint64, addr string, r *codec.Reader) error {
	switch kind {
	case msgHello:
		return n.onHello(from, addr, r)
	case msgBack:
		return n.onBack(from, r)
	case msgQuery:
		return n.onQuery(from, r)
	case msgAnswer:
		return n.onAnswer(from, r)
	case msgSwap:
		return n.onSwap(from, r)
	case msgSwapped:
		return n.onSwapped(from, r)
	case msgDone:
		return n.onDone(from, r)
	case msgPush:
		return n.onPush(from, r)
	case msgStored:
		return n.onStored(from, r)
	case msgRefused:
		return n.onRefused(from, sender, r)
	case msgBye:
		return n.onBye(r)
	}
	return codec.ErrMalformed
}
