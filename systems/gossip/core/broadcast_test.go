package core

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// TestBroadcast is Maelstrom's yardstick: 25 members, links of 100 ms, 100 writes a second. Half of
// the writes are everywhere within 450 ms, at fewer than 80 messages each (those of anti-entropy
// included), and none is lost, with and without a partition.
func TestBroadcast(t *testing.T) {
	for _, cut := range []bool{false, true} {
		s := usual()
		s.nodes, s.link, s.keys, s.loss, s.dup = 25, 100*time.Millisecond, 0, 0, 0
		w := newWorld(1, s)
		w.calm = true
		w.run(2 * time.Second)
		began, before := w.now, w.sent
		const writes = 300
		if cut {
			for a := range 25 {
				for b := range 25 {
					if (a < 12) != (b < 12) {
						w.cut[[2]int{a, b}] = true
					}
				}
			}
		}
		for i := range writes {
			w.at(time.Duration(i)*10*time.Millisecond, func() {
				w.write(w.hosts[w.rng.IntN(len(w.hosts))], fmt.Sprint("b", i), fmt.Sprint("v", i))
			})
		}
		everywhere := map[string]time.Duration{}
		missing := map[*op]bool{}
		looked := 0
		var look func()
		look = func() {
			for ; looked < len(w.ops); looked++ {
				missing[w.ops[looked]] = true
			}
			for o := range missing {
				if o.acked && w.everywhere(o.key) {
					everywhere[o.key] = w.now - o.back
					delete(missing, o)
				}
			}
			if w.now < began+20*time.Second {
				w.at(5*time.Millisecond, look)
			}
		}
		w.at(0, look)
		w.run(writes * 10 * time.Millisecond)
		messages := float64(w.sent-before) / writes
		w.run(time.Second)
		clear(w.cut)
		w.run(10 * time.Second)
		var all []time.Duration
		for _, d := range everywhere {
			all = append(all, d)
		}
		slices.Sort(all)
		if len(all) != writes {
			t.Fatalf("cut %v: %d of %d writes are everywhere", cut, len(all), writes)
		}
		t.Logf("cut %v: everywhere after p50 %v, p99 %v, at most %v; %.1f messages a write", cut, all[writes/2], all[writes*99/100], all[writes-1], messages)
		if !cut && (all[writes/2] > 450*time.Millisecond || messages >= 80) {
			t.Errorf("p50 %v at %.1f messages", all[writes/2], messages)
		}
	}
}

// everywhere reports whether every host has the key.
func (w *world) everywhere(key string) bool {
	for _, h := range w.hosts {
		if h.node.data.Get(key) == nil {
			return false
		}
	}
	return true
}

// TestConvergesAfterAHeal: once a partition heals, half of all clusters agree within a second, and
// all of 30 within three.
func TestConvergesAfterAHeal(t *testing.T) {
	for _, nodes := range []int{3, 9, 25} {
		var took []time.Duration
		for seed := range uint64(30) {
			s := usual()
			s.nodes, s.loss, s.dup, s.link, s.keys = nodes, 0, 0, 10*time.Millisecond, 50
			w := newWorld(seed, s)
			w.calm = true
			w.run(time.Second)
			for w.cut[[2]int{0, 1}] = true; len(w.cut) < nodes; {
				clear(w.cut)
				w.partition()
			}
			w.client(w.now + 3*time.Second)
			w.run(4 * time.Second)
			clear(w.cut)
			healed := w.now
			for w.agree() != nil && w.now < healed+20*time.Second {
				w.run(10 * time.Millisecond)
			}
			took = append(took, w.now-healed)
		}
		slices.Sort(took)
		t.Logf("%d members: p50 %v, p99 %v", nodes, took[len(took)/2], took[len(took)-1])
		if took[len(took)/2] >= time.Second || took[len(took)-1] >= 3*time.Second {
			t.Errorf("%d members: p50 %v, at most %v", nodes, took[len(took)/2], took[len(took)-1])
		}
	}
}
