package gossip

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/reckon-bench/reckon/systems/gossip/core"
)

// Status is what a member tells at /gossip/show, as JSON.
type Status struct {
	Name       string        `json:"name"`
	ID         string        `json:"id"`
	Cluster    string        `json:"cluster"`
	Ready      bool          `json:"ready"`
	Why        string        `json:"why,omitempty"` // why it is not
	Keys       int           `json:"keys"`          // that are there
	Tombstones int           `json:"tombstones"`
	Bytes      int           `json:"bytes"`
	Clock      string        `json:"clock"`   // its newest stamp
	Horizon    string        `json:"horizon"` // up to which every member is known to hold everything
	Digest     string        `json:"digest"`  // of the state: members that agree have the same
	Members    []MemberState `json:"members"`
	Counters   core.Counters `json:"counters"`
}

// MemberState is one line of show.
type MemberState struct {
	Name      string  `json:"name"`
	ID        string  `json:"id"`
	Peer      string  `json:"peer"`
	Client    string  `json:"client"`
	State     string  `json:"state"` // "self", "alive", "suspected", "forgotten", "never heard of"
	HeardAgo  float64 `json:"heard_ago_s,omitempty"`
	Suspected float64 `json:"suspected_s,omitempty"` // for how long
}

// Show is the member's status.
func (s *Server) Show() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, t := s.core, s.now()
	root := n.Data().Root()
	st := Status{
		Name: s.o.Name, ID: fmt.Sprintf("%016x", n.ID()), Cluster: s.o.Cluster, Ready: n.Ready() == nil,
		Keys: n.Data().Len() - n.Data().Tombstones(), Tombstones: n.Data().Tombstones(), Bytes: n.Data().Bytes(),
		Clock: n.Clock().String(), Horizon: n.Horizon().String(), Digest: fmt.Sprintf("%016x%016x/%d", root.Hi, root.Lo, root.Count), Counters: n.Counters,
	}
	if err := n.Ready(); err != nil {
		st.Why = err.Error()
	}
	for _, m := range n.Members(t) {
		v := MemberState{Name: m.Name, ID: fmt.Sprintf("%016x", m.ID), Peer: m.Addr, Client: m.Client, State: "alive", Suspected: m.Suspected.Seconds()}
		switch {
		case m.Forgotten:
			v.State = "forgotten"
		case m.Self:
			v.State = "self"
		case m.Suspected > 0:
			v.State = "suspected"
		case m.Heard == 0:
			v.State = "never heard of"
		}
		if m.Heard > 0 && !m.Self {
			v.HeardAgo = (t.Mono - m.Heard).Seconds()
		}
		st.Members = append(st.Members, v)
	}
	return st
}

// handler serves what etcd's API has no place for:
//
//	GET  /gossip/show            the status, as JSON
//	GET  /gossip/entry?key=K     one entry, with its stamp and origin
//	POST /gossip/join?peer=A     join the cluster of the member with that peer address
//	POST /gossip/leave           leave the cluster
//	POST /gossip/forget?name=N   forget another member
//	GET  /metrics                counters, for Prometheus
//	GET  /health                 200 while the member serves
func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /gossip/show", func(w http.ResponseWriter, _ *http.Request) { answer(w, s.Show()) })
	mux.HandleFunc("GET /gossip/entry", s.entry)
	mux.HandleFunc("POST /gossip/join", func(w http.ResponseWriter, r *http.Request) {
		if err := validAddress(r.FormValue("peer")); err != nil {
			http.Error(w, "join: "+err.Error(), http.StatusBadRequest)
			return
		}
		done(w, s.Join(r.Context(), r.FormValue("peer")))
	})
	mux.HandleFunc("POST /gossip/leave", func(w http.ResponseWriter, r *http.Request) { done(w, s.Leave(r.Context())) })
	mux.HandleFunc("POST /gossip/forget", s.forget)
	mux.HandleFunc("GET /metrics", s.metrics)
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) { done(w, s.Info().NotReady) })
	return mux
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	_ = e.Encode(v) // the client may have gone
}

func done(w http.ResponseWriter, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
}

func (s *Server) forget(w http.ResponseWriter, r *http.Request) {
	name := r.FormValue("name")
	for _, m := range s.Members() {
		if m.Name == name && !m.Self && !m.Forgotten {
			done(w, s.Forget(r.Context(), m.ID))
			return
		}
	}
	http.Error(w, fmt.Sprintf("forget %q: no such other member", name), http.StatusNotFound)
}

// entry tells what the API does not: who stamped an entry, and when.
func (s *Server) entry(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	e := s.core.Data().Get(r.FormValue("key"))
	s.mu.Unlock()
	if e == nil {
		http.Error(w, "no such entry", http.StatusNotFound)
		return
	}
	answer(w, map[string]any{"key": e.Key, "value": e.Value, "deleted": e.Deleted, "stamp": e.Time.String(), "origin": fmt.Sprintf("%016x", e.Origin), "version": e.Version, "sequence": e.Mod})
}

// metrics are the counters in Prometheus's text format.
func (s *Server) metrics(w http.ResponseWriter, _ *http.Request) {
	st := s.Show()
	var b strings.Builder
	line := func(kind, name string, v any) {
		fmt.Fprintf(&b, "# TYPE gossip_%s %s\ngossip_%s %v\n", name, kind, name, v)
	}
	counters := reflect.ValueOf(st.Counters)
	for i := range counters.NumField() {
		line("counter", strings.ToLower(counters.Type().Field(i).Name)+"_total", counters.Field(i).Uint())
	}
	for _, c := range []struct {
		name string
		v    uint64
	}{
		{"peer_sent_bytes", s.peers.SentBytes.Load()}, {"peer_sent_frames", s.peers.SentFrames.Load()}, {"peer_received_bytes", s.peers.ReceivedBytes.Load()},
		{"peer_received_frames", s.peers.ReceivedFrames.Load()}, {"peer_dropped_frames", s.peers.Dropped.Load()}, {"peer_refused_connections", s.peers.Refused.Load()},
	} {
		line("counter", c.name+"_total", c.v)
	}
	suspected := 0
	for _, m := range st.Members {
		if m.State == "suspected" {
			suspected++
		}
	}
	line("gauge", "keys", st.Keys)
	line("gauge", "tombstones", st.Tombstones)
	line("gauge", "entry_bytes", st.Bytes)
	line("gauge", "suspected_members", suspected)
	line("gauge", "uptime_seconds", time.Since(s.began).Seconds())
	w.Header().Set("Content-Type", "text/plain; version=0.0.4")
	_, _ = w.Write([]byte(b.String())) // the client may have gone
}
