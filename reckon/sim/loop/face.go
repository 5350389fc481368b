package loop

// This file is the scheduler's test face.

// Shuffle has events that are due at the same time run in an order drawn from the stream of that name, instead of the
// order in which they were queued. It affects events queued from now on.
func (l *Loop) Shuffle(name string) { l.shuffle = l.Rand(name) }

type hold struct {
	count  int
	events []event
}

// Hold keeps all events of the host back until release is called as often as Hold was. Released, those that
// were due meanwhile run at once, in the order in which they were due.
func (l *Loop) Hold(subject int) (release func()) {
	h := l.held[subject]
	if h == nil {
		h = &hold{}
		l.held[subject] = h
	}
	h.count++
	done := false
	return func() {
		if done {
			return
		}
		done = true
		if h.count--; h.count > 0 {
			return
		}
		delete(l.held, subject)
		for _, e := range h.events {
			l.At(l.now, e.label, e.run)
		}
	}
}

// Held reports whether the host's events are kept back.
func (l *Loop) Held(subject int) bool { return l.held[subject] != nil }

// Drop removes the host's events that are kept back, as when a frozen process is killed.
func (l *Loop) Drop(subject int) {
	if h := l.held[subject]; h != nil {
		h.events = nil
	}
}
