package capture

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/reckon-bench/reckon/reckon/link"
)

// updates are the changes that the process has received so far.
type updates struct {
	fd      int
	partial []byte // of a line
	changes []change
	drops   map[dropKey][]link.Drop
	over    bool // no more changes will follow
}

// maxChanges bounds how many changes are kept; a run has some thousands.
const maxChanges = 1 << 16

// A dropKey identifies the packet of a drop.
type dropKey struct {
	from   string
	packet link.Fingerprint
}

// maxDrops bounds the drops whose packet has not been found: where the rings overflow, some never
// are.
const maxDrops = 1 << 15

// drop keeps the drops until their packets are written.
func (o *updates) drop(drops []link.Drop) {
	if len(o.drops)+len(drops) > maxDrops || o.drops == nil {
		o.drops = map[dropKey][]link.Drop{}
	}
	for _, d := range drops {
		k := dropKey{d.Path.From, d.Packet}
		o.drops[k] = append(o.drops[k], d)
	}
}

// dropped returns and removes the drop of the packet, if there is one. Identical packets are
// matched in the order in which they were sent.
func (o *updates) dropped(from string, k Packet) (link.Drop, bool) {
	if k.Direction != Outbound || len(o.drops) == 0 || !isIPv4(k.Data) {
		return link.Drop{}, false
	}
	key := dropKey{from, link.FingerprintOf(k.Data[etherLen:])}
	found := o.drops[key]
	switch len(found) {
	case 0:
		return link.Drop{}, false
	case 1:
		delete(o.drops, key)
	default:
		o.drops[key] = found[1:]
	}
	return found[0], true
}

// describe returns the drop as a comment.
func describe(d link.Drop) string {
	part := func(n int, why string) string {
		switch {
		case n == 0:
			return ""
		case d.Of == 1:
			return fmt.Sprintf("lost: %s %s", d.Path, why)
		}
		return fmt.Sprintf("lost: %d of its %d wire packets, %s %s", n, d.Of, d.Path, why)
	}
	lost, overflow := part(d.Lost, "is lossy"), part(d.Overflow, "has a full queue")
	if lost != "" && overflow != "" {
		return lost + "; " + overflow
	}
	return lost + overflow
}

// first waits for the first line.
func (o *updates) first(v any) error {
	var line []byte
	for b := make([]byte, 1); ; { // byte by byte, to leave the next line unread
		n, err := unix.Read(o.fd, b)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return err
		case n == 0:
			return io.ErrUnexpectedEOF
		case b[0] == '\n':
			return json.Unmarshal(line, v)
		}
		line = append(line, b[0])
	}
}

// read reads the available lines without waiting.
func (o *updates) read() error {
	buf := make([]byte, 64<<10)
	for !o.over {
		fds := []unix.PollFd{{Fd: int32(o.fd), Events: unix.POLLIN}}
		if n, err := unix.Poll(fds, 0); err != nil || n == 0 {
			return nil // nothing available, or a signal: the next round reads again
		}
		n, err := unix.Read(o.fd, buf)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("read updates: %w", err)
		}
		o.over = err == nil && n == 0
		o.take(buf[:max(n, 0)])
	}
	return nil
}

func (o *updates) take(b []byte) {
	o.partial = append(o.partial, b...)
	for {
		line, rest, ok := bytes.Cut(o.partial, []byte{'\n'})
		if !ok {
			return
		}
		var c change
		switch err := json.Unmarshal(line, &c); { // an invalid line only costs a comment
		case err != nil:
		case c.Drops != nil:
			o.drop(c.Drops)
		case len(o.changes) < maxChanges:
			o.changes = append(o.changes, c)
		}
		o.partial = slices.Clone(rest)
	}
}
