package reckon

import (
	"context"
	"maps"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reckon-bench/reckon/reckon/history"
)

// A Look is what a strike is told: who leads, and in what the nodes are held.
type Look struct {
	Leader string
	States map[string]State
}

// Inject has a striker inject the strike into clusters that the function makes of what it is told: by the first look, and by the
// second where it is tried again. It says what was recorded of it.
func Inject(t *testing.T, s Strike, first, second Look, on func(Look) Cluster) (recorded history.Event) {
	synctest.Test(t, func(t *testing.T) {
		next := first
		k := &striker{
			clock: since{time.Now()}, timeout: time.Second, bound: time.Minute,
			wait:  func(context.Context, time.Duration) error { time.Sleep(250 * time.Millisecond); return nil },
			event: func(e history.Event) { recorded = e },
			look: func() *snapshot {
				now := next
				next = second
				return &snapshot{leader: now.Leader, states: maps.Clone(now.States)}
			},
			cluster: func(_ int, told *snapshot) Cluster { return on(Look{told.leads(), told.states}) },
			undo:    func(context.Context, int) string { return "" },
		}
		k.inject(t.Context(), strike{Strike: s}, 0)
	})
	return recorded
}
