package userspace

import (
	"github.com/reckon-bench/reckon/reckon/host"
	"github.com/reckon-bench/reckon/reckon/link"
)

// The runner and the switch exchange JSON over a socket pair. A request has one field set, and gets
// one reply; replies may come in any order. Reply 0, sent unasked, means that the switch is ready.

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
	Omitted  uint64                      `json:"omitted,omitempty"`
}
