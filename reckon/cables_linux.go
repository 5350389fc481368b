package reckon

import (
	"errors"
	"fmt"
	"sync"

	"github.com/reckon-bench/reckon/reckon/host"
)

// cables says how many hold each host's cable unplugged: it is plugged in again when the last lets go.
type cables struct {
	mu   sync.Mutex
	held map[string]int
}

// unplug takes the host's interface down, and looks whether it is.
func (c *cables) unplug(h *host.Host) (seen string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held[h.Name()] == 0 {
		if err := h.Unplug(); err != nil {
			return "", err
		}
		if err := is(h, false); err != nil {
			return "", errors.Join(err, h.Plug())
		}
	}
	if c.held == nil {
		c.held = map[string]int{}
	}
	c.held[h.Name()]++
	return fmt.Sprintf("%s of %s is down", host.Interface, h.Name()), nil
}

// plug lets go of the host's interface, and looks whether it is up when nobody else holds it down.
func (c *cables) plug(h *host.Host) (seen string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held[h.Name()] > 1 {
		c.held[h.Name()]--
		return fmt.Sprintf("%s of %s is still held down by another strike", host.Interface, h.Name()), nil
	}
	if err := h.Plug(); err != nil {
		return "", err
	}
	if err := is(h, true); err != nil {
		return "", err
	}
	c.held[h.Name()]--
	return fmt.Sprintf("%s of %s is up again", host.Interface, h.Name()), nil
}

// down is the hosts whose interface is held down.
func (c *cables) down() map[string]bool {
	names := map[string]bool{}
	if c == nil {
		return names
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for name, n := range c.held {
		if n > 0 {
			names[name] = true
		}
	}
	return names
}

// is: the host's interface is up, or down, as it should be.
func is(h *host.Host, up bool) error {
	switch got, err := h.Plugged(); {
	case err != nil:
		return err
	case got != up:
		return fmt.Errorf("%s of %s: its state did not change", host.Interface, h.Name())
	}
	return nil
}
