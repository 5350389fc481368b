package api

import (
	"sync"

	"github.com/reckon-bench/reckon/systems/gossip/core"
)

// Hub keeps the newest changes, so that watches can be behind by a bounded number of them.
type Hub struct {
	mu      sync.Mutex
	changes []core.Change
	bytes   int
	missed  int64 // sequence number of the newest change that is not kept any more
	wake    chan struct{}
}

const (
	// keptChanges bounds how many changes are kept, keptBytes the bytes of their entries.
	keptChanges = 100_000
	keptBytes   = 64 << 20
)

// NewHub is a hub that has missed everything up to the sequence number.
func NewHub(seq int64) *Hub { return &Hub{missed: seq, wake: make(chan struct{})} }

// Publish adds changes, in order of sequence number.
func (h *Hub) Publish(changes []core.Change) {
	if len(changes) == 0 {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range changes {
		h.changes = append(h.changes, c)
		h.bytes += c.Entry.Size()
	}
	for len(h.changes) > keptChanges || h.bytes > keptBytes {
		h.bytes -= h.changes[0].Entry.Size()
		h.missed = h.changes[0].Entry.Mod
		h.changes[0] = core.Change{}
		h.changes = h.changes[1:]
	}
	close(h.wake)
	h.wake = make(chan struct{})
}

// Since is up to most changes with sequence numbers above seq, and a channel that is closed when
// there are more. known is false where some of them are not kept any more.
func (h *Hub) Since(seq int64, most int) (changes []core.Change, more <-chan struct{}, known bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if seq < h.missed {
		return nil, nil, false
	}
	low, high := 0, len(h.changes)
	for low < high {
		if mid := (low + high) / 2; h.changes[mid].Entry.Mod <= seq {
			low = mid + 1
		} else {
			high = mid
		}
	}
	rest := h.changes[low:]
	return append([]core.Change(nil), rest[:min(len(rest), most)]...), h.wake, true
}

// Missed is the sequence number up to which changes are not kept any more.
func (h *Hub) Missed() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.missed
}
