package core

import (
	"fmt"
	"slices"
	"time"

	"github.com/reckon-bench/reckon/systems/gossip/state"
)

// agree reports why the members are not equal.
func (w *world) agree() error {
	var first *host
	for _, h := range w.hosts {
		if h.gone {
			continue
		}
		if err := h.node.Ready(); err != nil {
			return fmt.Errorf("%s: %w", h.name, err)
		}
		if first == nil {
			first = h
		}
		if h.node.data.Root() != first.node.data.Root() {
			return fmt.Errorf("%s and %s differ: %s\n%s", first.name, h.name, w.show(first), w.show(h))
		}
	}
	return nil
}

func (w *world) show(h *host) (s string) {
	h.node.data.Ascend("", func(e *state.Entry) bool {
		s += fmt.Sprintf("%s=%s@%v/%x ", e.Key, e.Value, e.Time, e.Origin&0xfff)
		return true
	})
	return s + fmt.Sprintf("horizon %v", h.node.horizon)
}

// settle waits until the members agree, and all tombstones are gone.
func (w *world) settle(bound time.Duration) error {
	end := w.now + bound
	var err error
	for w.now < end {
		w.run(250 * time.Millisecond)
		if err = w.agree(); err != nil {
			continue
		}
		graves := 0
		for _, h := range w.hosts {
			if !h.gone {
				graves += h.node.data.Tombstones()
			}
		}
		if graves == 0 {
			return nil
		}
		err = fmt.Errorf("%d tombstones are left: %s", graves, w.show(w.hosts[0]))
		for _, h := range w.hosts {
			if h.gone {
				continue
			}
			err = fmt.Errorf("%w\n%s %x: barrier %v forgotten %x/%x live %x column %v grave %v", err, h.name, h.node.id, h.node.barrier, h.node.forgottenSafe, h.node.forgottenDigest(), h.node.live(), h.node.column, h.node.grave)
			for _, m := range h.node.live() {
				err = fmt.Errorf("%w\n    %x %v", err, m, h.node.rows[m])
			}
		}
	}
	return err
}

// judge holds the final state to what was promised.
func (w *world) judge() error {
	data := w.hosts[0].node.data
	for i := range w.spec.keys {
		key := fmt.Sprint("k", i)
		final := data.Get(key)
		if final != nil && !final.Deleted {
			if o := w.byVal[final.Value]; o == nil || o.key != key {
				return fmt.Errorf("%s has the value %q, which nobody wrote there", key, final.Value)
			}
		}
		for _, o := range w.ops {
			if o.key != key || !o.acked {
				continue
			}
			if o.entry == nil {
				if o.value != "" {
					return fmt.Errorf("%s=%s was acknowledged and never durable", o.key, o.value)
				}
				continue // there was nothing to delete
			}
			switch {
			case final != nil && !o.entry.Wins(final):
				continue // it, or something newer, is there
			case final == nil && w.deletedSince(o.entry):
				continue
			case o.value == "" && final != nil:
				return fmt.Errorf("%s was deleted at %v and has the value %q of %v: it was resurrected", key, o.entry.Time, final.Value, final.Time)
			case o.value == "":
				continue
			}
			return fmt.Errorf("the acknowledged %s=%s of %v is lost: there is %v", key, o.value, o.entry.Time, final)
		}
	}
	return nil
}

// deletedSince reports whether some deletion of the key was stamped after the entry.
func (w *world) deletedSince(e *state.Entry) bool {
	return slices.ContainsFunc(w.seen[e.Key], func(d state.Entry) bool { return d.Deleted && d.Compare(e) >= 0 })
}

// live lets a world have its trouble, heal, and judges it.
func (w *world) live() error {
	until := w.now + w.spec.length
	w.at(0, func() { w.client(until) })
	w.at(0, func() { w.trouble(until) })
	if w.spec.sleepers {
		w.sleeper(until)
	}
	w.run(w.spec.length)
	w.heal()
	if err := w.settle(60 * time.Second); err != nil {
		return fmt.Errorf("never settled: %w", err)
	}
	return w.judge()
}

// sleeper cuts one host off for most of the time.
func (w *world) sleeper(until time.Duration) {
	h := w.hosts[w.rng.IntN(len(w.hosts))]
	w.at(w.spec.length/5, func() {
		for _, o := range w.hosts {
			w.cut[[2]int{h.i, o.i}], w.cut[[2]int{o.i, h.i}] = true, true
		}
	})
}
