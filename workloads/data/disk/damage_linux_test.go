package disk

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/reckon-bench/reckon/workloads/data/damage"
	"github.com/reckon-bench/reckon/workloads/data/draw"
	"github.com/reckon-bench/reckon/workloads/data/tree"
)

// A scene is a tree at generation 2 to be damaged.
type scene struct {
	t   *testing.T
	dir string
	v   *tree.View
}

func newScene(t *testing.T) *scene {
	s := spec()
	s.Size = 8 << 20
	v := view(t, s, 2)
	return &scene{t, generate(t, v), v}
}

// pick returns the n-th entry for which ok.
func (s *scene) pick(n int, ok func(tree.Entry) bool) (e tree.Entry, path string) {
	s.t.Helper()
	for d := range uint64(s.v.Totals().Directories + 1) {
		for e := range s.v.Entries(d) {
			if !ok(e) {
				continue
			}
			if n--; n < 0 {
				return e, s.v.Path(e)
			}
		}
	}
	s.t.Fatal("no such file in the tree")
	return e, ""
}

// plain is a file of one name and some size.
func (s *scene) plain(e tree.Entry) bool {
	return e.Kind == tree.File && s.v.Links(e) == 1 && s.v.Size(e) > 60_000
}

func (s *scene) full(path string) string { return filepath.Join(s.dir, path) }

// silently does something to a file and puts its times back: as what damages files does.
func (s *scene) silently(path string, do func(f *os.File)) {
	s.t.Helper()
	info, err := os.Stat(s.full(path))
	if err != nil {
		s.t.Fatal(err)
	}
	if err := os.Chmod(s.full(path), 0o600); err != nil {
		s.t.Fatal(err)
	}
	f, err := os.OpenFile(s.full(path), os.O_RDWR, 0)
	if err != nil {
		s.t.Fatal(err)
	}
	do(f)
	for _, err := range []error{f.Close(), os.Chmod(s.full(path), info.Mode()), os.Chtimes(s.full(path), info.ModTime(), info.ModTime())} {
		if err != nil {
			s.t.Fatal(err)
		}
	}
}

// bytes are what the entry holds at a generation.
func (s *scene) bytes(e tree.Entry, g int, off, n int64) []byte {
	s.t.Helper()
	f, err := s.v.Tree().Stream(uint32(e.Number))
	if err != nil {
		s.t.Fatal(err)
	}
	b := make([]byte, n)
	if _, err := f.At(uint16(g)).ReadAt(b, off); err != nil {
		s.t.Fatal(err)
	}
	return b
}

// differing is the smallest range of wrong bytes.
func differing(got, want []byte, at int64) (off, n int64) {
	lo, hi := -1, 0
	for i := range got {
		if got[i] != want[i] {
			if lo < 0 {
				lo = i
			}
			hi = i + 1
		}
	}
	return at + int64(lo), int64(hi - lo)
}

func (s *scene) write(f *os.File, b []byte, off int64) {
	s.t.Helper()
	if _, err := f.WriteAt(b, off); err != nil {
		s.t.Fatal(err)
	}
}

// want is a damage, with a part of its words and of its origin.
func content(path string, off, n int64, what string) []damage.Damage {
	return []damage.Damage{{Path: path, Kind: damage.Content, Off: off, Len: n, What: what}}
}

// Each is planted alone, and must be all that verify finds, named exactly.
func TestPlantedDamageIsNamed(t *testing.T) {
	for name, plant := range map[string]func(s *scene) []damage.Damage{
		"flip":                          plantFlip,
		"zeros":                         plantZeros,
		"foreign bytes":                 plantForeign,
		"stale block":                   plantStale,
		"block of another file":         plantOther,
		"swapped files":                 plantSwap,
		"renamed to each other":         plantRename,
		"shifted within the file":       plantShift,
		"lost hole":                     plantHole,
		"hole in the data":              plantPunch,
		"broken link":                   plantLink,
		"link to another":               plantRelink,
		"truncated":                     plantTruncated,
		"too long":                      plantLong,
		"wrong mode, owner, time":       plantAttributes,
		"extended attribute":            plantXattr,
		"missing":                       plantMissing,
		"extra":                         plantExtra,
		"symbolic link":                 plantTarget,
		"types":                         plantTypes,
		"directory":                     plantDirectory,
		"name of an earlier generation": plantSurvivor,
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			want := plant(s)
			r := verify(t, s.dir, s.v)
			for _, d := range r.Damage {
				t.Log(d)
				i := slices.IndexFunc(want, func(w damage.Damage) bool {
					return d.Path == w.Path && d.Kind == w.Kind && d.Off == w.Off && d.Len == w.Len && strings.Contains(d.What, w.What)
				})
				if i < 0 {
					t.Errorf("%+v was not planted", d)
					continue
				}
				want = slices.Delete(want, i, i+1)
			}
			for _, w := range want {
				t.Errorf("%+v was not found", w)
			}
		})
	}
}

func plantFlip(s *scene) []damage.Damage {
	e, path := s.pick(3, s.plain)
	b := s.bytes(e, 2, 0, 60_000)
	at := int64(slices.IndexFunc(b, func(x byte) bool { return x != 0 })) + 40_000
	s.silently(path, func(f *os.File) { s.write(f, []byte{b[at] ^ 0x10}, at) })
	return content(path, at, 1, fmt.Sprintf("1 bit flipped: %02x, want %02x", b[at]^0x10, b[at]))
}

// data finds n bytes of the file without holes.
func (s *scene) data(e tree.Entry, n int64) int64 {
	s.t.Helper()
	f, err := s.v.File(e)
	if err != nil {
		s.t.Fatal(err)
	}
	at := int64(-1)
	f.Segments(func(off, size int64, hole bool) bool {
		if !hole && size >= n+2 {
			at = off + 1
		}
		return at < 0
	})
	return at
}

func (s *scene) solid(n int64) func(tree.Entry) bool {
	return func(e tree.Entry) bool { return s.plain(e) && s.data(e, n) >= 0 }
}

func plantZeros(s *scene) []damage.Damage {
	e, path := s.pick(1, s.solid(5000))
	at := s.data(e, 5000)
	b := s.bytes(e, 2, at, 5000)
	s.silently(path, func(f *os.File) { s.write(f, make([]byte, 5000), at) })
	off, n := differing(make([]byte, 5000), b, at)
	return content(path, off, n, "zeros where data should be")
}

func plantForeign(s *scene) []damage.Damage {
	e, path := s.pick(2, s.solid(5000))
	at := s.data(e, 5000)
	foreign := make([]byte, 700)
	for i := range foreign {
		foreign[i] = byte(draw.Key(3).At(uint64(i)))
	}
	s.silently(path, func(f *os.File) { s.write(f, foreign, at) })
	off, n := differing(foreign, s.bytes(e, 2, at, 700), at)
	return content(path, off, n, "bytes that no generation of this tree has")
}

func plantStale(s *scene) []damage.Damage {
	var at int64
	old := func(e tree.Entry) bool { // changed between 0 and 2, where both have data
		if !s.plain(e) {
			return false
		}
		f, err := s.v.File(e)
		if err != nil || f.File.History.Birth != 0 || !f.File.History.Changed(1) && !f.File.History.Changed(2) {
			return false
		}
		was, is := s.bytes(e, 0, 0, f.File.At(0).Size()), s.bytes(e, 2, 0, f.Size())
		for at = 1; at+4096 < int64(min(len(was), len(is))); at += 500 {
			old, now := was[at:at+4096], is[at:at+4096]
			_, n := differing(old, now, 0)
			// No holes: neither at the ends, nor between.
			if n > 3000 && bytes.Count(old, make([]byte, 8)) == 0 && bytes.Count(now, make([]byte, 8)) == 0 {
				return true
			}
		}
		return false
	}
	e, path := s.pick(0, old)
	b := s.bytes(e, 0, at, 4096)
	s.silently(path, func(f *os.File) { s.write(f, b, at) })
	off, n := differing(b, s.bytes(e, 2, at, 4096), at)
	// Which generations had these very bytes there: asked of the tree, not of what traced them.
	last := 0
	if string(s.bytes(e, 1, off, n)) == string(s.bytes(e, 0, off, n)) {
		last = 1
	}
	generations := map[int]string{0: "generation 0", 1: "generations 0 to 1"}[last]
	return content(path, off, n, fmt.Sprintf("stale: %q of %s at offset %d", path, generations, off))
}

func plantOther(s *scene) []damage.Damage {
	e, path := s.pick(1, s.solid(9000))
	at := s.data(e, 9000)
	other, otherPath := s.pick(5, s.solid(9000))
	from := s.data(other, 9000)
	b := s.bytes(other, 2, from, 8191)
	s.silently(path, func(f *os.File) { s.write(f, b, at+333) })
	off, n := differing(b, s.bytes(e, 2, at+333, 8191), at+333)
	shift := at + 333 - from
	return content(path, off, n, fmt.Sprintf("bytes of another file, %q of generation", otherPath)+exactly(s, other, off, n, shift))
}

// exactly words in which generations, 2 among them, the entry held these bytes.
func exactly(s *scene, e tree.Entry, off, n, shift int64) string {
	f, err := s.v.File(e)
	if err != nil {
		s.t.Fatal(err)
	}
	last := 2
	for last < s.v.Tree().Last() && !f.File.History.Changed(uint16(last+1)) {
		last++
	}
	first := 2
	for first > int(f.File.History.Birth) && !f.File.History.Changed(uint16(first)) {
		first--
	}
	if _, alive, _ := s.v.Tree().Alive(uint32(e.Number)); last > alive {
		last = alive
	}
	word := fmt.Sprintf("s %d to %d", first, last)
	if first == last {
		word = fmt.Sprintf(" %d", first)
	}
	word += fmt.Sprintf(" at offset %d", off-shift)
	if shift != 0 {
		word += fmt.Sprintf(", shifted by %+d", shift)
	}
	return word
}

func plantShift(s *scene) []damage.Damage {
	e, path := s.pick(4, s.solid(20000))
	at := s.data(e, 20000)
	b := s.bytes(e, 2, at, 5000)
	s.silently(path, func(f *os.File) { s.write(f, b, at+10001) })
	off, n := differing(b, s.bytes(e, 2, at+10001, 5000), at+10001)
	return content(path, off, n, fmt.Sprintf("bytes of the same file, %q of generation", path)+exactly(s, e, off, n, 10001))
}

// plantSwap exchanges two files of one size, with all their attributes but those that lie in the content.
func plantSwap(s *scene) []damage.Damage {
	a, pathA := s.pick(0, s.plain)
	b, pathB := s.pick(1, s.plain)
	n := min(s.v.Size(a), s.v.Size(b))
	all := map[string][]byte{pathA: s.bytes(b, 2, 0, n), pathB: s.bytes(a, 2, 0, n)}
	for path, with := range all {
		s.silently(path, func(f *os.File) { s.write(f, with, 0) })
	}
	wholeA, wholeB := s.v.Size(a) == n, s.v.Size(b) == n
	word := func(whole bool, path string) string {
		if whole {
			return fmt.Sprintf("swapped: all of it is %q", path)
		}
		return fmt.Sprintf("bytes of another file, %q", path)
	}
	return []damage.Damage{
		{Path: pathA, Kind: damage.Content, Off: 0, Len: n, What: word(wholeA, pathB)},
		{Path: pathB, Kind: damage.Content, Off: 0, Len: n, What: word(wholeB, pathA)},
	}
}

// plantRename exchanges two files whole, so that each has the other's size and attributes too.
func plantRename(s *scene) (want []damage.Damage) {
	a, pathA := s.pick(0, s.plain)
	b, pathB := s.pick(3, s.plain)
	if err := unix.Renameat2(unix.AT_FDCWD, s.full(pathA), unix.AT_FDCWD, s.full(pathB), unix.RENAME_EXCHANGE); err != nil {
		s.t.Fatal(err)
	}
	n := min(s.v.Size(a), s.v.Size(b))
	for _, x := range []struct {
		is, other       tree.Entry
		path, otherPath string
	}{{a, b, pathA, pathB}, {b, a, pathB, pathA}} {
		off, size := differing(s.bytes(a, 2, 0, n), s.bytes(b, 2, 0, n), 0)
		what := fmt.Sprintf("bytes of another file, %q", x.otherPath)
		if off == 0 && size == n {
			what = fmt.Sprintf("swapped: all of it is %q", x.otherPath)
		}
		want = append(want, content(x.path, off, size, what)...)
		want = append(want, damage.Damage{Path: x.path, Kind: damage.Size, What: fmt.Sprintf("has %d bytes, want %d", s.v.Size(x.other), s.v.Size(x.is))})
		has, should := s.v.Attributes(x.other), s.v.Attributes(x.is)
		want = append(want, damage.Damage{Path: x.path, Kind: damage.Time, What: "is "})
		if has.Mode != should.Mode {
			want = append(want, damage.Damage{Path: x.path, Kind: damage.Mode, What: "is "})
		}
		if os.Geteuid() == 0 && (has.UID != should.UID || has.GID != should.GID) {
			want = append(want, damage.Damage{Path: x.path, Kind: damage.Owner, What: "is "})
		}
		for name := range should.Xattrs {
			want = append(want, damage.Damage{Path: x.path, Kind: damage.Xattr, What: name})
		}
	}
	return want
}

// hole returns the blocks of a hole of the entry.
func (s *scene) hole(e tree.Entry) (lo, n int64) {
	f, err := s.v.File(e)
	if err != nil {
		s.t.Fatal(err)
	}
	f.Segments(func(off, size int64, hole bool) bool {
		if start, end := (off+4095)/4096*4096, (off+size)/4096*4096; hole && end > start {
			lo, n = start, end-start
		}
		return n == 0
	})
	return lo, n
}

func plantHole(s *scene) []damage.Damage {
	e, path := s.pick(0, func(e tree.Entry) bool {
		if !s.plain(e) {
			return false
		}
		_, n := s.hole(e)
		return n > 20000
	})
	lo, _ := s.hole(e)
	s.silently(path, func(f *os.File) { s.write(f, make([]byte, 8192), lo+4096) })
	return []damage.Damage{{Path: path, Kind: damage.Hole, Off: lo + 4096, Len: 8192, What: "zeros are written out, want a hole"}}
}

func plantPunch(s *scene) []damage.Damage {
	e, path := s.pick(2, s.solid(20000))
	at := (s.data(e, 20000) + 4095) / 4096 * 4096
	b := s.bytes(e, 2, at, 8192)
	s.silently(path, func(f *os.File) {
		if err := unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, at, 8192); err != nil {
			s.t.Skipf("this file system punches no holes: %v", err)
		}
	})
	off, n := differing(make([]byte, 8192), b, at)
	return content(path, off, n, "zeros where data should be")
}

// second is a further name of a file that has several.
func (s *scene) second(e tree.Entry) bool { return e.Kind == tree.File && !s.v.First(e) }

// replace puts something else in place of a name.
func (s *scene) replace(path string, with func(full string) error) {
	s.t.Helper()
	if err := os.Remove(s.full(path)); err != nil {
		s.t.Fatal(err)
	}
	if err := with(s.full(path)); err != nil {
		s.t.Fatal(err)
	}
}

// plantLink makes a file of its own of a further name; it is right in all else.
func plantLink(s *scene) []damage.Damage {
	e, path := s.pick(0, s.second)
	var st unix.Stat_t
	if err := unix.Stat(s.full(path), &st); err != nil {
		s.t.Fatal(err)
	}
	firstPath := ""
	for f := range s.v.Names(uint32(e.Number)) {
		firstPath = s.v.Path(f)
		break
	}
	s.replace(path, func(full string) error { return os.Link(s.full(firstPath), full+".keep") })
	if err := os.Remove(s.full(path) + ".keep"); err != nil {
		s.t.Fatal(err)
	}
	in := &folder{fd: unix.AT_FDCWD, path: "."}
	w := &writer{label: Label{Owners: !options().NoOwners, Xattrs: true, Holes: true}, new: s.v}
	f, err := s.v.File(e)
	if err != nil {
		s.t.Fatal(err)
	}
	at := e
	at.Name = s.full(path)
	if err := w.rewrite(make([]byte, buffer), in, at, f, s.v.Attributes(e)); err != nil {
		s.t.Fatal(err)
	}
	return []damage.Damage{
		{Path: path, Kind: damage.Link, What: fmt.Sprintf("is a file of its own, want another name of %q", firstPath)},
		{Path: firstPath, Kind: damage.Link, What: fmt.Sprintf("has %d names, want %d", s.v.Links(e)-1, s.v.Links(e))},
	}
}

// plantRelink gives a file a name too many.
func plantRelink(s *scene) []damage.Damage {
	_, path := s.pick(2, s.plain)
	if err := os.Link(s.full(path), s.full("more")); err != nil {
		s.t.Fatal(err)
	}
	return []damage.Damage{
		{Path: "more", Kind: damage.Extra, What: "should not be there"},
		{Path: path, Kind: damage.Link, What: fmt.Sprintf("has 2 names, want 1: %q", path)},
	}
}

func plantTruncated(s *scene) []damage.Damage {
	e, path := s.pick(1, s.plain)
	s.silently(path, func(f *os.File) {
		if err := f.Truncate(s.v.Size(e) - 777); err != nil {
			s.t.Fatal(err)
		}
	})
	return []damage.Damage{{Path: path, Kind: damage.Size, What: fmt.Sprintf("truncated: has %d bytes, want %d", s.v.Size(e)-777, s.v.Size(e))}}
}

func plantLong(s *scene) []damage.Damage {
	e, path := s.pick(1, s.plain)
	s.silently(path, func(f *os.File) { s.write(f, []byte("more"), s.v.Size(e)) })
	return []damage.Damage{{Path: path, Kind: damage.Size, What: fmt.Sprintf("too long: has %d bytes, want %d", s.v.Size(e)+4, s.v.Size(e))}}
}

func plantAttributes(s *scene) []damage.Damage {
	e, path := s.pick(1, s.plain)
	a := s.v.Attributes(e)
	if err := os.Chmod(s.full(path), os.FileMode(a.Mode^0o001)); err != nil {
		s.t.Fatal(err)
	}
	want := []damage.Damage{{Path: path, Kind: damage.Mode, What: fmt.Sprintf("is %04o, want %04o", a.Mode^0o001, a.Mode)}}
	_, path = s.pick(2, s.plain)
	info, err := os.Stat(s.full(path))
	if err != nil {
		s.t.Fatal(err)
	}
	if err := os.Chtimes(s.full(path), info.ModTime(), info.ModTime().Add(1)); err != nil {
		s.t.Fatal(err)
	}
	want = append(want, damage.Damage{Path: path, Kind: damage.Time, What: info.ModTime().UTC().Format("is 2006-01-02T15:04:05") + ".000000001Z, want "})
	if os.Geteuid() == 0 {
		e, path := s.pick(3, s.plain)
		a := s.v.Attributes(e)
		if err := os.Chown(s.full(path), int(a.UID)+1, int(a.GID)); err != nil {
			s.t.Fatal(err)
		}
		want = append(want, damage.Damage{Path: path, Kind: damage.Owner, What: fmt.Sprintf("is %d:%d, want %d:%d", a.UID+1, a.GID, a.UID, a.GID)})
	}
	return want
}

func plantXattr(s *scene) []damage.Damage {
	_, path := s.pick(0, func(e tree.Entry) bool {
		return s.plain(e) && len(s.v.Attributes(e).Xattrs) > 0
	})
	if err := unix.Setxattr(s.full(path), "user.reckon.serial", []byte("another"), 0); err != nil {
		s.t.Fatal(err)
	}
	if err := unix.Removexattr(s.full(path), "user.reckon.kind"); err != nil {
		s.t.Fatal(err)
	}
	return []damage.Damage{{Path: path, Kind: damage.Xattr, What: `user.reckon.serial is "another", want`}, {Path: path, Kind: damage.Xattr, What: "user.reckon.kind: no data available"}}
}

func plantMissing(s *scene) []damage.Damage {
	_, path := s.pick(4, s.plain)
	if err := os.Remove(s.full(path)); err != nil {
		s.t.Fatal(err)
	}
	return []damage.Damage{{Path: path, Kind: damage.Missing, What: "is not there"}}
}

func plantExtra(s *scene) []damage.Damage {
	for _, name := range []string{"notes", "two\nlines"} {
		if err := os.WriteFile(s.full(name), nil, 0o644); err != nil {
			s.t.Fatal(err)
		}
	}
	if d := (damage.Damage{Path: "two\nlines", Kind: damage.Extra, What: "x"}); strings.Contains(d.String(), "\n") {
		s.t.Errorf("%q is two lines", d.String())
	}
	return []damage.Damage{{Path: "notes", Kind: damage.Extra, What: "should not be there"}, {Path: "two\nlines", Kind: damage.Extra, What: "should not be there"}}
}

// plantSurvivor leaves a name that a generation has removed.
func plantSurvivor(s *scene) []damage.Damage {
	old, err := s.v.Tree().At(0)
	if err != nil {
		s.t.Fatal(err)
	}
	for d := range uint64(old.Totals().Directories + 1) {
		for e := range old.Entries(d) {
			if s.v.Has(e) {
				continue
			}
			if err := os.WriteFile(s.full(old.Path(e)), nil, 0o644); err != nil {
				s.t.Fatal(err)
			}
			last := 0
			if v, _ := s.v.Tree().At(1); v.Has(e) {
				last = 1
			}
			return []damage.Damage{{Path: old.Path(e), Kind: damage.Extra, What: fmt.Sprintf("it belongs to generation %d", last)}}
		}
	}
	s.t.Fatal("no name has gone by generation 2")
	return nil
}

func plantTarget(s *scene) []damage.Damage {
	e, path := s.pick(0, func(e tree.Entry) bool { return e.Kind == tree.Symlink })
	var st unix.Stat_t
	if err := unix.Lstat(s.full(path), &st); err != nil {
		s.t.Fatal(err)
	}
	s.replace(path, func(full string) error { return os.Symlink("/nowhere", full) })
	if err := unix.Lchown(s.full(path), int(st.Uid), int(st.Gid)); err != nil {
		s.t.Fatal(err)
	}
	if err := setTime(unix.AT_FDCWD, s.full(path), s.v.Attributes(e).Time); err != nil {
		s.t.Fatal(err)
	}
	return []damage.Damage{{Path: path, Kind: damage.Target, What: fmt.Sprintf(`leads to "/nowhere", want %q`, s.v.Target(e))}}
}

func plantTypes(s *scene) []damage.Damage {
	_, fifo := s.pick(1, s.plain)
	s.replace(fifo, func(full string) error { return unix.Mkfifo(full, 0o644) })
	_, dir := s.pick(1, s.plain)
	if dir == fifo {
		_, dir = s.pick(2, s.plain)
	}
	s.replace(dir, func(full string) error { return os.Mkdir(full, 0o755) })
	_, link := s.pick(0, func(e tree.Entry) bool { return e.Kind == tree.Symlink })
	s.replace(link, func(full string) error { return os.WriteFile(full, nil, 0o644) })
	return []damage.Damage{
		{Path: fifo, Kind: damage.Type, What: "is a FIFO, want a file"},
		{Path: dir, Kind: damage.Type, What: "is a directory, want a file"},
		{Path: link, Kind: damage.Type, What: "is a file, want a symbolic link"},
	}
}

func plantDirectory(s *scene) []damage.Damage {
	var gone, wrong tree.Entry
	for e := range s.v.Entries(0) {
		if e.Kind == tree.Directory {
			gone, wrong = wrong, e
		}
	}
	// No file elsewhere may have a name in what is removed.
	var want []damage.Damage
	names := func(path string) bool { return strings.HasPrefix(path, gone.Name+"/") }
	for d := range uint64(s.v.Totals().Directories + 1) {
		for e := range s.v.Entries(d) {
			if e.Kind != tree.File || names(s.v.Path(e)) || s.v.Links(e) == 1 {
				continue
			}
			lost, firstLost := 0, false
			for n := range s.v.Names(uint32(e.Number)) {
				if names(s.v.Path(n)) {
					lost++
					firstLost = firstLost || s.v.First(n)
				}
			}
			switch {
			case firstLost && !s.v.First(e):
				want = append(want, damage.Damage{Path: s.v.Path(e), Kind: damage.Link, What: "is a file of its own"})
			case lost > 0 && s.v.First(e):
				want = append(want, damage.Damage{Path: s.v.Path(e), Kind: damage.Link, What: fmt.Sprintf("has %d names, want %d", s.v.Links(e)-lost, s.v.Links(e))})
			}
		}
	}
	if err := os.RemoveAll(s.full(gone.Name)); err != nil {
		s.t.Fatal(err)
	}
	mode := s.v.Attributes(wrong).Mode ^ 0o002
	if err := os.Chmod(s.full(wrong.Name), os.FileMode(mode)); err != nil {
		s.t.Fatal(err)
	}
	return append(want, damage.Damage{Path: gone.Name, Kind: damage.Missing, What: "is not there, nor anything below it"},
		damage.Damage{Path: wrong.Name, Kind: damage.Mode, What: fmt.Sprintf("is %04o", mode)})
}

// Bytes of another tree are named as that tree's, if verify is told of it.
func TestBytesOfAnotherTreeAreNamed(t *testing.T) {
	s := newScene(t)
	other := s.v.Tree().Spec
	other.Seed = 99
	foreign := view(t, other, 2)
	e, path := s.pick(0, s.solid(9000))
	at := s.data(e, 9000)
	o := &scene{t: t, v: foreign}
	from, fromPath := o.pick(0, o.solid(9000))
	b := o.bytes(from, 2, o.data(from, 9000), 9000)
	s.silently(path, func(f *os.File) { s.write(f, b, at) })
	r, err := Verify(context.Background(), s.dir, s.v, options(), foreign.Tree())
	if err != nil || len(r.Damage) != 1 || !strings.Contains(r.Damage[0].What, fmt.Sprintf("bytes of another tree (number 1), %q", fromPath)) {
		t.Errorf("%v, %v", r.Damage, err)
	}
}
