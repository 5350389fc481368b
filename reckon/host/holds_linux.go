package host

import (
	"errors"
	"fmt"
	"sync"
)

// Holds counts who holds each host's interface down: it comes up again when the last lets go. The
// zero value holds none. It is safe for concurrent use.
type Holds struct {
	mu   sync.Mutex
	held map[string]int
}

// Down takes the host's interface down, and returns what was observed of it.
func (x *Holds) Down(h *Host) (seen string, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.held[h.Name()] == 0 {
		if err := h.Unplug(); err != nil {
			return "", err
		}
		if err := interfaceIs(h, false); err != nil {
			return "", errors.Join(err, h.Plug())
		}
	}
	if x.held == nil {
		x.held = map[string]int{}
	}
	x.held[h.Name()]++
	return fmt.Sprintf("%s of %s is down", Interface, h.Name()), nil
}

// Up releases the host's interface, which comes up unless somebody else holds it down, and returns
// what was observed of it.
func (x *Holds) Up(h *Host) (seen string, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.held[h.Name()] > 1 {
		x.held[h.Name()]--
		return fmt.Sprintf("%s of %s is still held down by another strike", Interface, h.Name()), nil
	}
	if err := h.Plug(); err != nil {
		return "", err
	}
	if err := interfaceIs(h, true); err != nil {
		return "", err
	}
	x.held[h.Name()]--
	return fmt.Sprintf("%s of %s is up again", Interface, h.Name()), nil
}

// Held returns the hosts whose interface is held down. A nil Holds has none.
func (x *Holds) Held() map[string]bool {
	names := map[string]bool{}
	if x == nil {
		return names
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	for name, n := range x.held {
		if n > 0 {
			names[name] = true
		}
	}
	return names
}

// interfaceIs returns an error unless the host's interface is up, or down, as it should be.
func interfaceIs(h *Host, up bool) error {
	switch got, err := h.Plugged(); {
	case err != nil:
		return err
	case got != up:
		return fmt.Errorf("%s of %s: its state did not change", Interface, h.Name())
	}
	return nil
}
