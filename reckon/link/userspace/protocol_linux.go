package userspace

import (
	"github.com/reckon-bench/reckon/reckon/host"
	"github.com/reckon-bench/reckon/reckon/link"
)

// The runner and the switch talk in JSON over a socket pair: a request has one of
// its fields set, and every request gets one reply, in any order. The switch begins, with reply 0, when it is ready.

type request struct {
	ID       uint64      `json:"id"`
	Attach   []host.Port `json:"attach,omitempty"`
	Apply    link.Matrix `json:"apply,omitempty"`
	Counters bool        `json:"counters,omitempty"`
	Lateness bool        `json:"lateness,omitempty"`
	Drops    bool        `json:"drops,omitempty"`
}

type reply struct {
	ID       uint64                      `json:"id"`
	Error    string                      `json:"error,omitempty"`
	Priority string                      `json:"priority,omitempty"`
	Counters map[link.Path]link.Counters `json:"counters,omitempty"`
	Lateness *link.Lateness              `json:"lateness,omitempty"`
	Drops    []link.Drop                 `json:"drops,omitempty"`
	Untold   uint64                      `json:"untold,omitempty"`
}
