package core

import (
	"testing"
	"time"
)

// TestSuspicion measures the failure detector under loss: how often a member that lives is
// suspected, and how long it takes until all suspect one that died. Suspicion only makes a member
// be asked half as often, so a wrong one costs little; that a dead one is never suspected would be
// a defect.
func TestSuspicion(t *testing.T) {
	for _, loss := range []float64{0, 0.05, 0.3} {
		s := usual()
		s.nodes, s.loss, s.dup, s.link = 9, loss, 0, 10*time.Millisecond
		w := newWorld(1, s)
		w.run(2 * time.Second)
		wrong, asked := 0, 0
		for range 240 {
			w.run(250 * time.Millisecond)
			for _, h := range w.hosts {
				for _, m := range h.node.others() {
					asked++
					if m.failed > 0 {
						wrong++
					}
				}
			}
		}
		w.crash(w.hosts[8])
		died := w.now
		for w.suspecting("n9") < 8 && w.now < died+60*time.Second {
			w.run(50 * time.Millisecond)
		}
		share := float64(wrong) / float64(asked)
		t.Logf("loss %2.0f %%: a live member is suspected %.2f %% of the time; all suspect a dead one after %v", 100*loss, 100*share, w.now-died)
		if w.suspecting("n9") < 8 {
			t.Errorf("loss %v: only %d of 8 suspect a dead member", loss, w.suspecting("n9"))
		}
		if loss == 0 && wrong > 0 {
			t.Errorf("without loss a live member was suspected %d times", wrong)
		}
	}
}

// suspecting counts the members who suspect the one of the name.
func (w *world) suspecting(name string) (n int) {
	for _, h := range w.hosts {
		if h.node == nil {
			continue
		}
		for _, m := range h.node.others() {
			if m.Name == name && m.failed > 0 {
				n++
			}
		}
	}
	return n
}
