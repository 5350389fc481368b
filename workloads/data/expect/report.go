package expect

import (
	"bytes"
	"fmt"

	"github.com/reckon-bench/reckon/workloads/data/damage"
	"github.com/reckon-bench/reckon/workloads/data/stream"
	"github.com/reckon-bench/reckon/workloads/data/tree"
)

// Report says what of the expected tree is missing, extra or wrong by now.
func (r *Restore) Report() *damage.Report {
	report := &damage.Report{Generation: r.view.Generation(), Damage: []damage.Damage{}, Skipped: []string{}}
	if r.o.NoOwners {
		report.Skipped = append(report.Skipped, "owners")
	}
	if r.o.NoXattrs && r.view.Tree().Xattrs > 0 {
		report.Skipped = append(report.Skipped, "extended attributes")
	}
	a := &audit{r, report, map[uint64]*Node{}, map[*Node]bool{}}
	a.directory(r.root, r.from, "")
	return report
}

// An audit goes through the expected tree beside the restored one.
type audit struct {
	r      *Restore
	report *damage.Report
	files  map[uint64]*Node // by stream: the node that a name of it led to
	seen   map[*Node]bool
}

func join(dir, name string) string {
	if dir == "" {
		return name
	}
	return dir + "/" + name
}

func (a *audit) directory(n *Node, d tree.Entry, path string) {
	for e := range a.r.view.Entries(d.Number) {
		at := join(path, e.Name)
		c, err := n.Lookup(e.Name)
		switch {
		case err != nil && e.Kind == tree.Directory:
			a.report.Add(damage.Damage{Path: at, Kind: damage.Missing, What: "was not restored, nor anything below it"})
		case err != nil:
			a.report.Add(damage.Damage{Path: at, Kind: damage.Missing, What: "was not restored"})
		case c.kind != e.Kind:
			a.report.Add(damage.Damage{Path: at, Kind: damage.Type, What: fmt.Sprintf("is a %v, want a %v", c.kind, e.Kind)})
		case e.Kind == tree.Directory:
			if found := a.attributes(c, e, at); len(found) > 0 {
				a.report.Add(found...)
			} else {
				a.report.Count(0, 1, 0)
			}
			a.directory(c, e, at)
		default:
			found, bytes := a.entry(c, e, at)
			a.report.Add(found...)
			if len(found) == 0 {
				a.report.Count(1, 0, bytes)
			}
		}
	}
	for _, name := range n.Names() {
		if b := n.expected(name); !b.ok {
			a.report.Add(damage.Damage{Path: join(path, name), Kind: damage.Extra, What: "should not be there"})
		}
	}
}

// entry audits a name that is no directory.
func (a *audit) entry(c *Node, e tree.Entry, path string) (found []damage.Damage, bytes int64) {
	if e.Kind == tree.Symlink {
		if want := a.r.view.Target(e); c.Target() != want {
			found = append(found, damage.Damage{Path: path, Kind: damage.Target, What: fmt.Sprintf("leads to %q, want %q", c.Target(), want)})
		}
		return append(found, a.attributes(c, e, path)...), 0
	}
	other, known := a.files[e.Number]
	switch {
	case known && other != c:
		return []damage.Damage{{Path: path, Kind: damage.Link, What: "is a file of its own, want another name of one"}}, 0
	case known:
		return nil, 0 // it was audited by its other name
	case a.seen[c]:
		return []damage.Damage{{Path: path, Kind: damage.Link, What: "is another name of a file, want one of its own"}}, 0
	}
	a.files[e.Number], a.seen[c] = c, true
	found, bytes = a.content(c, e, path)
	if !a.r.o.NoXattrs {
		for name, want := range a.r.view.Attributes(e).Xattrs {
			if got, ok := c.Xattr(name); !ok || got != want {
				found = append(found, damage.Damage{Path: path, Kind: damage.Xattr, What: fmt.Sprintf("%s is %q, want %q", name, got, want)})
			}
		}
	}
	return append(found, a.attributes(c, e, path)...), bytes
}

// content says what of the file's bytes is wrong or was never written.
func (a *audit) content(c *Node, e tree.Entry, path string) (found []damage.Damage, bytes int64) {
	want, err := a.r.view.File(e)
	if err != nil {
		return []damage.Damage{{Path: path, Kind: damage.Failed, What: err.Error()}}, 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	f := &c.file
	for _, d := range f.wrong {
		d.Path = path
		found = append(found, d)
	}
	if f.size != want.Size() {
		word := "truncated"
		if f.size > want.Size() {
			word = "too long"
		}
		found = append(found, damage.Damage{Path: path, Kind: damage.Size, What: fmt.Sprintf("%s: has %d bytes, want %d", word, f.size, want.Size())})
	}
	return append(found, unwritten(f, want, path)...), want.Size()
}

// unwritten finds data that was never written, so that zeros stand there. Data
// that is zero by chance need not be written.
func unwritten(f *file, want *stream.View, path string) (found []damage.Damage) {
	buf := make([]byte, 64<<10)
	gap := func(at, end int64) {
		for ; at < end; at += int64(len(buf)) {
			b := buf[:min(end-at, int64(len(buf)))]
			if _, err := want.ReadAt(b, at); err != nil {
				found = append(found, damage.Damage{Path: path, Kind: damage.Failed, What: err.Error()})
				return
			}
			left := len(b) - len(bytes.TrimLeft(b, "\x00"))
			n := len(bytes.TrimRight(b[left:], "\x00"))
			if n == 0 {
				continue
			}
			from := at + int64(left)
			if k := len(found); k > 0 && found[k-1].Off+found[k-1].Len >= from-near {
				found[k-1].Len = from + int64(n) - found[k-1].Off
				continue
			}
			found = append(found, damage.Damage{Path: path, Kind: damage.Content, Off: from, Len: int64(n), What: "was never written: zeros where data should be"})
		}
	}
	want.Segments(func(off, n int64, hole bool) bool {
		end := min(off+n, f.size)
		if hole {
			return true
		}
		at := off
		for _, s := range append(f.written.within(off, end), span{end, end}) {
			if s.lo > at {
				gap(at, s.lo)
			}
			at = max(at, s.hi)
		}
		return len(found) < damage.MaxExtents
	})
	return found
}

// near is how many zeros between bytes that were never written belong to them.
const near = 32

func (a *audit) attributes(c *Node, e tree.Entry, path string) (found []damage.Damage) {
	got, want := c.Attributes(), a.r.view.Attributes(e)
	if got.Mode != want.Mode && e.Kind != tree.Symlink {
		found = append(found, damage.Damage{Path: path, Kind: damage.Mode, What: fmt.Sprintf("is %04o, want %04o", got.Mode, want.Mode)})
	}
	if !a.r.o.NoOwners && (got.UID != want.UID || got.GID != want.GID) {
		found = append(found, damage.Damage{Path: path, Kind: damage.Owner, What: fmt.Sprintf("is %d:%d, want %d:%d", got.UID, got.GID, want.UID, want.GID)})
	}
	if !want.Time.IsZero() && !got.Time.Equal(want.Time) {
		const layout = "2006-01-02T15:04:05.999999999Z"
		found = append(found, damage.Damage{Path: path, Kind: damage.Time, What: fmt.Sprintf("is %s, want %s", got.Time.UTC().Format(layout), want.Time.UTC().Format(layout))})
	}
	return found
}
