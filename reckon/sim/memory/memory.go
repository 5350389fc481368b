// Package memory is the simulated system of the words memory and memory-liar: one server that keeps registers in memory and
// nothing on its disk, so that a restart loses every acknowledged write. A liar does worse.
package memory

import (
	"math/rand/v2"

	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/sim/client"
	"github.com/reckon-bench/reckon/reckon/sim/network"
	"github.com/reckon-bench/reckon/reckon/sim/node"
)

// System returns the program of the one member. lieRate is the share of operations that it answers wrongly: a write is
// acknowledged and dropped, a read answered with an older value.
func System(lieRate float64) node.System { return system{lieRate} }

type system struct{ lies float64 }

// Server is the member's program.
type Server struct {
	env      *node.Env
	rng      *rand.Rand
	lies     float64
	revision int64
	past     []history.Change
	keys     map[string][]history.Change
}

func (s system) Start(env *node.Env) (node.Program, error) {
	return &Server{env: env, rng: env.Rand(), lies: s.lies, revision: 1, keys: map[string][]history.Change{}}, nil
}

// Receive answers a request at once.
func (s *Server) Receive(from int, payload any) {
	r, ok := payload.(*client.Request)
	if !ok {
		return
	}
	a := &client.Response{ID: r.ID}
	lie := s.lies > 0 && s.rng.Float64() < s.lies
	if r.Kind == history.Write {
		a.Revision = s.write(r, lie)
	} else if past := s.keys[r.Key]; len(past) > 0 {
		c := past[len(past)-1]
		if lie {
			c = past[s.rng.IntN(len(past))]
		}
		a.Value, a.Version, a.Revision = c.Value, c.Version, c.Revision
	}
	s.env.Send(network.Packet{To: from, Size: a.Size(), Hash: a.Hash(), Stream: true, Payload: a})
}

func (s *Server) write(r *client.Request, lie bool) int64 {
	if lie {
		return s.revision
	}
	s.revision++
	c := history.Change{Revision: s.revision, Version: int64(len(s.keys[r.Key])) + 1, Key: r.Key, Value: r.Value, Member: s.env.Name()}
	s.keys[r.Key] = append(s.keys[r.Key], c)
	s.past = append(s.past, c)
	return s.revision
}

// Changes returns the server's own account of its past, since it was started.
func (s *Server) Changes() []history.Change { return s.past }

// Status is that of one who serves and leads wherever it runs.
func (s *Server) Status() node.Status {
	return node.Status{Serves: true, Leads: true, Term: 1, Revision: s.revision, Hash: uint32(s.revision)}
}
