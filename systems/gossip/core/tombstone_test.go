package core

import (
	"strings"
	"testing"
	"time"
)

// policyWorlds is how many worlds each policy gets; those with crashes are cheap, and what goes
// wrong in them is rare.
var policyWorlds = map[bool]int{false: 60, true: 150}

// TestTombstonePolicies counts, for each way to collect tombstones, the worlds of five members with
// partitions, or of three with crashes and slow disks, that end in a wrong state (members that
// differ, something lost or resurrected) and the tombstones that are left. Only the durable
// stability cut has neither.
func TestTombstonePolicies(t *testing.T) {
	type result struct{ wrong, left int }
	count := func(d Defect, crashes bool) (r result) {
		for seed := range policyWorlds[crashes] {
			s := usual()
			s.nodes, s.cuts, s.sleepers, s.deletes, s.length, s.keys = 5, true, true, 0.5, 8*time.Second, 8
			if crashes {
				s = usual()
				s.crashes, s.slowDisk, s.deletes, s.keys, s.rate = true, true, 0.5, 20, 30*time.Millisecond
			}
			s.config.Defect = d
			w := newWorld(uint64(seed), s)
			err := w.live()
			if err == nil {
				continue
			}
			if w.agree() == nil && strings.Contains(err.Error(), "tombstones are left") {
				r.left++
				err = w.judge()
			}
			if err != nil {
				r.wrong++
			}
		}
		return r
	}
	for _, c := range []struct {
		name    string
		defect  Defect
		crashes bool
		wrong   bool
		left    bool
	}{
		{"never collected", NeverCollect, true, false, true},
		{"fixed grace", FixedGrace, false, true, false},
		{"stability cut, volatile acknowledgements", VolatileAcks, true, true, false},
		{"stability cut, durable acknowledgements", "", false, false, false},
		{"stability cut, durable acknowledgements, with crashes", "", true, false, false},
	} {
		r := count(c.defect, c.crashes)
		t.Logf("%-55s wrong in %2d of %d worlds, tombstones left in %2d", c.name, r.wrong, policyWorlds[c.crashes], r.left)
		if (r.wrong > 0) != c.wrong {
			t.Errorf("%s: wrong in %d worlds, want some: %v", c.name, r.wrong, c.wrong)
		}
		if (r.left > 0) != c.left {
			t.Errorf("%s: tombstones left in %d worlds, want some: %v", c.name, r.left, c.left)
		}
	}
}
