package tree

import (
	"io"
	"io/fs"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"testing/fstest"
	"time"

	"github.com/reckon-bench/reckon/workloads/data/draw"
	"github.com/reckon-bench/reckon/workloads/data/stream"
)

// article is the tree of the article's configuration.
func article() Spec {
	return Spec{
		Seed: 12, Size: 10737418240, Files: 1000, Directories: 100, Fanout: 40,
		Symlinks: draw.RateOf(0.05), Holes: draw.RateOf(0.1),
		Change: draw.RateOf(0.05), Growth: draw.RateOf(0.01), Attributes: draw.RateOf(0.05),
		Start: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), Period: 48 * time.Hour,
	}
}

func random(r *rand.Rand) Spec {
	one := func(most float64) draw.Rate { return draw.RateOf(r.Float64() * most * float64(r.IntN(2))) }
	s := Spec{
		Seed: r.Uint64(), Files: r.Int64N(1000), Directories: r.Int64N(200), Fanout: 1 + r.Int64N(20),
		Symlinks: one(0.9), Holes: one(0.5), HardLinks: one(1), Xattrs: one(1), Attributes: one(0.3),
		Change: draw.RateOf(r.Float64() * r.Float64()),
	}
	s.Growth = draw.Rate(float64(s.Change) * r.Float64())
	if s.Files > 0 {
		s.Size = s.Files + r.Int64N(1<<uint(r.IntN(40)))
	}
	if r.IntN(3) == 0 {
		s.Spread = stream.Spread{Extent: 4096, Align: 512}
	}
	if r.IntN(3) == 0 {
		s.Duplication = 1 + 3*r.Float64()
	}
	return s
}

func tree(t testing.TB, s Spec, last int) *Tree {
	t.Helper()
	tr, err := New(s, last)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func at(t testing.TB, tr *Tree, g int) *View {
	t.Helper()
	v, err := tr.At(g)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// walk visits every entry, each directory's below it.
func walk(v *View, d uint64, visit func(Entry)) {
	for e := range v.Entries(d) {
		visit(e)
		if e.Kind == Directory {
			walk(v, e.Number, visit)
		}
	}
}

// What a walk counts is what totals say, at every generation, and at the first what was asked for.
func TestTotalsAreExact(t *testing.T) {
	for n := range uint64(25) {
		r := rand.New(rand.NewPCG(n, 4))
		s := random(r)
		if s.Validate() != nil {
			continue
		}
		const last = 6
		tr := tree(t, s, last)
		for g := range last + 1 {
			v := at(t, tr, g)
			names, paths := map[uint64][]Entry{}, map[string]bool{}
			var got Totals
			walk(v, 0, func(e Entry) {
				paths[v.Path(e)] = true
				names[e.ID()] = append(names[e.ID()], e)
				switch e.Kind {
				case Directory:
					got.Directories++
				case Symlink:
					got.Symlinks++
					got.Files++
					if v.Changed(e) != (int(e.c.birth) == g) {
						t.Fatalf("%s: changed %v by generation %d, added by %d", v.Path(e), v.Changed(e), g, e.c.birth)
					}
				case File:
					got.Files++
				}
				if found, ok := v.Resolve(v.Path(e)); !ok || found != e {
					t.Fatalf("%s resolves to %+v, %v, want %+v", v.Path(e), found, ok, e)
				}
			})
			if int64(len(paths)) != got.Files+got.Directories {
				t.Errorf("%d names, %d paths", got.Files+got.Directories, len(paths))
			}
			for _, all := range names {
				if e := all[0]; e.Kind == File {
					got.Inodes++
					got.Bytes += checkFile(t, v, e, all)
				}
			}
			if want := v.Totals(); got != want {
				t.Fatalf("case %d, generation %d: %+v, totals say %+v", n, g, got, want)
			}
			if g == 0 && (got.Files != s.Files || got.Bytes != s.Size || got.Directories != s.Directories) {
				t.Fatalf("case %d: %+v of %+v", n, got, s)
			}
		}
	}
}

// checkFile holds the file with those names to what is said of it, and returns its size.
func checkFile(t *testing.T, v *View, e Entry, all []Entry) int64 {
	t.Helper()
	f, err := v.File(e)
	if err != nil {
		t.Fatal(err)
	}
	if f.Size() != v.Size(e) || f.Size() < 1 {
		t.Fatalf("%s: size %d, of its content %d", v.Path(e), v.Size(e), f.Size())
	}
	first := 0
	for _, a := range all {
		if v.First(a) {
			first++
		}
		if v.Links(a) != len(all) || v.Size(a) != f.Size() {
			t.Fatalf("%s: %d links of %d bytes, want %d of %d", v.Path(a), v.Links(a), v.Size(a), len(all), f.Size())
		}
	}
	said := slices.Collect(v.Names(uint32(e.Number)))
	if first != 1 || len(said) != len(all) || !v.First(said[0]) {
		t.Fatalf("%s: %d first names, %d names said, %d found", v.Path(e), first, len(said), len(all))
	}
	for _, a := range said {
		if !slices.Contains(all, a) {
			t.Fatalf("%s is said to be a name, and is not", v.Path(a))
		}
	}
	changed := f.File.History.Changed(uint16(v.Generation())) || f.File.History.Birth == uint16(v.Generation())
	if v.Changed(e) != changed {
		t.Fatalf("%s: changed %v, of its history %v", v.Path(e), v.Changed(e), changed)
	}
	return f.Size()
}

// Over some generations the rates are those that were asked for.
func TestRatesAreKept(t *testing.T) {
	s := article()
	s.Files, s.Directories, s.Size = 20_000, 500, 1<<32
	const last = 10
	tr := tree(t, s, last)
	var added, deleted, files, gone, reattributed, retimed float64
	for g := 1; g <= last; g++ {
		old, v := at(t, tr, g-1), at(t, tr, g)
		walk(old, 0, func(e Entry) {
			if e.Kind != File {
				return
			}
			files++
			if !v.Has(e) {
				gone++
				deleted += float64(old.Size(e))
				return
			}
			before, after := old.Attributes(e), v.Attributes(e)
			if before.Mode != after.Mode || before.UID != after.UID || before.GID != after.GID {
				reattributed++
			}
			if v.Changed(e) != (before.Time != after.Time) {
				t.Fatalf("%s: changed %v, time %v then %v", e.Name, v.Changed(e), before.Time, after.Time)
			}
			window := after.Time.Sub(s.Start) / s.Period
			if v.Changed(e) {
				retimed++
				if int(window) != g {
					t.Fatalf("%s: changed by generation %d at %v", e.Name, g, after.Time)
				}
				f, err := v.File(e)
				if err != nil {
					t.Fatal(err)
				}
				step := f.File.History.Steps[len(f.File.History.Steps)-1]
				for _, x := range f.File.History.Steps {
					if int(x.Generation) == g {
						step = x
					}
				}
				added += float64(step.Added())
				deleted += float64(step.Overwrite + step.Delete)
			}
		})
		walk(v, 0, func(e Entry) {
			if e.Kind == File && int(e.c.birth) == g {
				added += float64(v.Size(e))
			}
		})
		want := float64(s.Size) * math.Pow(1.01, float64(g))
		if got := float64(v.Totals().Bytes); math.Abs(got/want-1) > 1e-6 {
			t.Errorf("generation %d: %v bytes, want %v", g, got, want)
		}
	}
	bytes := 0.0
	for g := range last {
		bytes += float64(at(t, tr, g).Totals().Bytes)
	}
	for _, c := range []struct {
		what            string
		got, want, rest float64
	}{
		{"bytes added", added / bytes, 0.05, 0.005}, {"bytes deleted", deleted / bytes, 0.04, 0.005},
		{"files removed", gone / files, 0.02, 0.002}, {"attributes changed", reattributed / files, 0.05, 0.01},
		{"files changed", retimed / files, 0.25, 0.02},
	} {
		t.Logf("%s: %.4f", c.what, c.got)
		if math.Abs(c.got-c.want) > c.rest {
			t.Errorf("%s: share %.4f, want %v", c.what, c.got, c.want)
		}
	}
}

func TestBillionFiles(t *testing.T) {
	s := article()
	s.Files, s.Directories, s.Size, s.HardLinks = 1_000_000_000, 10_000_000, 1<<46, draw.RateOf(0.1)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	tr := tree(t, s, 5)
	v := at(t, tr, 5)
	r := rand.New(rand.NewPCG(1, 1))
	linked := 0
	for range 300 {
		e := anyFile(v, r)
		if found, ok := v.Resolve(v.Path(e)); !ok || found != e {
			t.Fatalf("%s resolves to %+v, %v", v.Path(e), found, ok)
		}
		if e.Kind != File {
			continue
		}
		names := slices.Collect(v.Names(uint32(e.Number)))
		if len(names) != v.Links(e) || !slices.Contains(names, e) {
			t.Fatalf("%s has %d links, and %d names", v.Path(e), v.Links(e), len(names))
		}
		if len(names) > 1 {
			linked++
		}
	}
	if linked == 0 {
		t.Error("none of 300 files has several names")
	}
	runtime.ReadMemStats(&after)
	if used := after.HeapAlloc - min(before.HeapAlloc, after.HeapAlloc); used > 64<<20 {
		t.Errorf("%d bytes of memory", used)
	}
	if got := at(t, tr, 0).Totals(); got.Files != s.Files || got.Bytes != s.Size {
		t.Errorf("%+v", got)
	}
}

// anyFile goes down to a random directory and takes a file there.
func anyFile(v *View, r *rand.Rand) Entry {
	for {
		for e := range v.Entries(r.Uint64N(v.tree.all())) {
			if e.Kind != Directory && r.IntN(20) == 0 {
				return e
			}
		}
	}
}

func TestBlocksOfPoolsAreFoundAgain(t *testing.T) {
	s := article()
	s.Size, s.Duplication, s.DedupUnit, s.Symlinks, s.Holes = 30<<20, 3, 4<<10, 0, 0
	tr := tree(t, s, 1)
	v := at(t, tr, 0)
	found := 0
	holds := map[uint64][2]int64{}
	walk(v, 0, func(e Entry) {
		if e.Kind != File {
			return
		}
		f, err := v.File(e)
		if err != nil {
			t.Fatal(err)
		}
		for i := range f.Size() / s.DedupUnit {
			block := f.File.First + uint64(i)
			if other, ok := holds[block]; ok {
				t.Fatalf("block %d is of %v and of stream %d", block, other, e.Number)
			}
			holds[block] = [2]int64{int64(e.Number), i * s.DedupUnit}
		}
	})
	for block := range uint64(s.Size / s.DedupUnit) {
		number, off, ok := tr.Holds(0, block)
		want, is := holds[block]
		if ok != is || ok && want != [2]int64{int64(number), off} {
			t.Fatalf("block %d: stream %d at %d, %v; want %v, %v", block, number, off, ok, want, is)
		}
		if ok {
			found++
		}
	}
	if found < 7000 {
		t.Errorf("%d of %d blocks", found, s.Size/s.DedupUnit)
	}
}

func TestIsAFileSystem(t *testing.T) {
	s := article()
	s.Files, s.Directories, s.Size, s.HardLinks = 60, 12, 100_000, draw.RateOf(0.3)
	v := at(t, tree(t, s, 3), 2)
	var some []string
	walk(v, 0, func(e Entry) {
		if e.Kind != Symlink {
			some = append(some, v.Path(e))
		}
	})
	if err := fstest.TestFS(noDangling{v.FS()}, some...); err != nil {
		t.Error(err)
	}
	links := 0
	walk(v, 0, func(e Entry) {
		if e.Kind != Symlink {
			return
		}
		got, err := fs.ReadLink(v.FS(), v.Path(e))
		if err != nil || got != v.Target(e) {
			t.Errorf("%s leads to %q, %v", v.Path(e), got, err)
		}
		if f, err := v.FS().Open(v.Path(e)); err == nil {
			links++
			_, _ = io.Copy(io.Discard, f)
		}
	})
	if links == 0 {
		t.Error("no symbolic link leads anywhere")
	}
}

// noDangling hides symbolic links: TestFS opens all names, and some lead to files that are gone.
type noDangling struct{ fs.FS }

func (n noDangling) ReadDir(name string) (kept []fs.DirEntry, err error) {
	all, err := fs.ReadDir(n.FS, name)
	for _, e := range all {
		if e.Type() != fs.ModeSymlink {
			kept = append(kept, e)
		}
	}
	return kept, err
}

func (n noDangling) Open(name string) (fs.File, error) {
	f, err := n.FS.Open(name)
	if d, ok := f.(*openDirectory); ok {
		next := d.next
		d.next = func() (Entry, bool) {
			for {
				if e, ok := next(); !ok || e.Kind != Symlink {
					return e, ok
				}
			}
		}
	}
	return f, err
}

func TestRefusesWhatCannotBe(t *testing.T) {
	for name, spoil := range map[string]func(*Spec){
		"rate over 1":       func(s *Spec) { s.Holes = draw.One + 1 },
		"growth over":       func(s *Spec) { s.Growth = s.Change + 1 },
		"too few bytes":     func(s *Spec) { s.Size = 949 },
		"no fanout":         func(s *Spec) { s.Fanout = 0 },
		"negative":          func(s *Spec) { s.Files = -1 },
		"too many":          func(s *Spec) { s.Files = 1 << 33 },
		"no file for bytes": func(s *Spec) { s.Symlinks = draw.One },
		"period":            func(s *Spec) { s.Period = time.Millisecond },
		"duplication":       func(s *Spec) { s.Duplication = 0.5 },
		"unit":              func(s *Spec) { s.DedupUnit = 1000 },
	} {
		s := article()
		spoil(&s)
		if _, err := New(s, 0); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	s := article()
	s.Size = 950 // 1000 files of which 50 are symbolic links
	if _, err := New(s, 0); err != nil {
		t.Errorf("one byte a file is refused: %v", err)
	}
	s.Change, s.Growth = draw.One, draw.One
	if _, err := New(s, 30); err == nil {
		t.Error("a tree that doubles 30 times is accepted")
	}
	for _, g := range []int{-1, MaxGeneration + 1} {
		if _, err := New(article(), g); err == nil {
			t.Errorf("generation %d is accepted", g)
		}
	}
}
