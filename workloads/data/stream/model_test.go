package stream

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/iotest"

	"github.com/reckon-bench/reckon/workloads/data/draw"
)

// An edit is one change of a file, at an offset of the file as it was before all of the step's.
type edit struct {
	at                        int64
	insert, overwrite, remove int64
	src                       int64
}

// edits are those of the step, one after the other.
func edits(s *Step) (all []edit) {
	a := s.align
	for j := range int64(1) << s.log2 {
		var parts [7]part
		s.stratum(j, s.edge(j), s.edge(j+1), &parts)
		for _, p := range parts {
			e := edit{at: p.old * a, src: p.src * a}
			switch p.op {
			case keep:
				continue
			case insert:
				e.insert = p.n * a
			case overwrite:
				e.overwrite = p.n * a
			case remove:
				e.remove = p.n * a
			}
			if p.n > 0 {
				all = append(all, e)
			}
		}
	}
	if s.Append > 0 {
		all = append(all, edit{at: s.Old, insert: s.Append, src: s.Added() - s.Append})
	}
	return all
}

// apply makes the edits to real bytes, from the last to the first so that offsets stay what they were.
func apply(old []byte, all []edit, written func(src, n int64) []byte) []byte {
	out := slices.Clone(old)
	for _, e := range slices.Backward(all) {
		at := int(e.at)
		switch {
		case e.insert > 0:
			out = slices.Insert(out, at, written(e.src, e.insert)...)
		case e.overwrite > 0:
			copy(out[at:at+int(e.overwrite)], written(e.src, e.overwrite))
		case e.remove > 0:
			out = slices.Delete(out, at, at+int(e.remove))
		}
	}
	return out
}

// history is a random file with its generations.
func history(t testing.TB, r *rand.Rand, o Options) *File {
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	f := c.Stream(r.Uint32(), r.Int64N([]int64{1, 50, 3000, 100_000}[r.IntN(4)]))
	for g := uint16(1); g <= uint16(r.IntN(7)); g += uint16(1 + r.IntN(2)) {
		size := f.History.SizeAt(g)
		change := Change{r.Int64N(size/4 + 40), r.Int64N(size/4 + 1)}
		if r.IntN(10) == 0 {
			change.Delete = size // all of it
		}
		spread := Spread{1 + r.Int64N([]int64{2, 100, 5000}[r.IntN(3)]), []int64{1, 1, 16, 512}[r.IntN(4)]}
		if err := f.Advance(g, change, spread); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

// model returns what the file holds at each step, made by real edits of real
// bytes, having checked that the edits are what was asked for.
func model(t testing.TB, f *File) [][]byte {
	whole := func(generation uint16, src, n int64) []byte {
		b := make([]byte, n)
		f.fill(b, generation, src)
		return b
	}
	states := [][]byte{whole(0, 0, f.History.Size)}
	for i := range f.History.Steps {
		s := &f.History.Steps[i]
		all := edits(s)
		var sum edit
		var written []edit
		end := int64(0)
		for _, e := range all {
			if e.at < end {
				t.Fatalf("an edit at %d begins before %d, where the one before it ends", e.at, end)
			}
			end = e.at + e.overwrite + e.remove
			sum.insert, sum.overwrite, sum.remove = sum.insert+e.insert, sum.overwrite+e.overwrite, sum.remove+e.remove
			if e.insert+e.overwrite > 0 {
				written = append(written, e)
			}
		}
		slices.SortFunc(written, func(a, b edit) int { return cmp.Compare(a.src, b.src) })
		for i, e := range written { // each byte of the source once, and all of them
			if next := (edit{src: s.Added()}); e.src+e.insert+e.overwrite != append(written[i+1:], next)[0].src {
				t.Fatalf("the source is not written once: %+v", written)
			}
		}
		if end > s.Old || sum.insert != s.Insert*s.align+s.Append || sum.overwrite != s.Overwrite*s.align || sum.remove != s.Delete*s.align {
			t.Fatalf("edits %+v of %+v, up to %d", sum, s, end)
		}
		states = append(states, apply(states[i], all, func(src, n int64) []byte { return whole(s.Generation, src, n) }))
		if got := int64(len(states[i+1])); got != s.New {
			t.Fatalf("%d bytes after %+v", got, s)
		}
	}
	return states
}

func options(r *rand.Rand) Options {
	o := Options{Seed: r.Uint64()}
	if r.IntN(3) == 0 {
		o.Holes = draw.RateOf(0.3)
	}
	if r.IntN(3) == 0 {
		o.Redundancy = draw.Rate(r.Uint64N(2 * uint64(draw.One)))
	}
	return o
}

func TestReadsWhatEditsOfRealBytesMake(t *testing.T) {
	for n := range uint64(200) {
		r := rand.New(rand.NewPCG(n, 1))
		o := options(r)
		f := history(t, r, o)
		states := model(t, f)
		for i, want := range states {
			generation := uint16(0)
			if i > 0 {
				generation = f.History.Steps[i-1].Generation
			}
			checkView(t, r, f.At(generation), want)
			checkFlat(t, r, f.At(generation).Flat(), want)
			checkHoles(t, f.At(generation), want)
			if i > 0 {
				checkDiffer(t, f, f.At(generation), states[i-1], want)
			}
		}
		if t.Failed() {
			t.Fatalf("case %d: %+v, stream %d, %+v", n, o, f.Stream, f.History)
		}
	}
}

// checkView reads all, ranges, and beyond the end.
func checkView(t *testing.T, r *rand.Rand, v *View, want []byte) {
	t.Helper()
	if v.Size() != int64(len(want)) {
		t.Fatalf("size %d, want %d", v.Size(), len(want))
	}
	got := make([]byte, len(want))
	if n, err := v.ReadAt(got, 0); n != len(want) || err != nil || !bytes.Equal(got, want) {
		t.Fatalf("generation %d: %d bytes, %v, equal %v", v.Generation, n, err, bytes.Equal(got, want))
	}
	for range 20 {
		off := r.Int64N(int64(len(want)) + 10)
		b := make([]byte, r.IntN(len(want)+20))
		n, err := v.ReadAt(b, off)
		rest := want[min(off, int64(len(want))):]
		if wantN := min(len(b), len(rest)); n != wantN || !bytes.Equal(b[:n], rest[:n]) || (err == io.EOF) != (n < len(b)) {
			t.Fatalf("generation %d: read %d at %d: %d, %v", v.Generation, len(b), off, n, err)
		}
	}
}

// checkFlat reads ranges through the pieces that are kept.
func checkFlat(t *testing.T, r *rand.Rand, f *Flat, want []byte) {
	t.Helper()
	for range 20 {
		off := r.Int64N(int64(len(want)) + 10)
		b := make([]byte, r.IntN(len(want)+20))
		n, err := f.ReadAt(b, off)
		rest := want[min(off, int64(len(want))):]
		if wantN := min(len(b), len(rest)); n != wantN || !bytes.Equal(b[:n], rest[:n]) || (err == io.EOF) != (n < len(b)) {
			t.Fatalf("flat: read %d at %d: %d, %v", len(b), off, n, err)
		}
	}
}

// checkHoles holds the runs to the bytes: holes are zeros, they are where runs
// say, and there are no others of a size that chance does not make.
func checkHoles(t *testing.T, v *View, want []byte) {
	at, zeros := int64(0), make([]byte, len(want))
	last := -1
	v.Segments(func(off, n int64, hole bool) bool {
		kind := 0
		if hole {
			kind = 1
		}
		if off != at || n <= 0 || kind == last {
			t.Fatalf("a run at %d of %d bytes after %d", off, n, at)
		}
		if is := bytes.Equal(want[off:off+n], zeros[:n]); is != hole && n > 32 {
			t.Fatalf("a run at %d of %d bytes: hole %v, zeros %v", off, n, hole, is)
		}
		at, last = off+n, kind
		return true
	})
	if at != v.Size() {
		t.Fatalf("runs end at %d of %d", at, v.Size())
	}
}

// checkDiffer patches the earlier bytes where the view says, and wants the view's.
func checkDiffer(t *testing.T, f *File, v *View, old, want []byte) {
	patched := make([]byte, len(want))
	copy(patched, old)
	end := int64(-1)
	v.Differ(v.Generation-1, func(off, n int64) bool {
		if off <= end || n <= 0 {
			t.Fatalf("a difference at %d of %d after %d", off, n, end)
		}
		copy(patched[off:off+n], want[off:])
		end = off + n
		return true
	})
	if !bytes.Equal(patched, want) {
		t.Fatalf("generation %d: other differences from the one before", v.Generation)
	}
}

func TestSourcesAreFoundAgain(t *testing.T) {
	for n := range uint64(100) {
		r := rand.New(rand.NewPCG(n, 2))
		f := history(t, r, Options{Seed: n})
		last := uint16(8)
		at := int64(0)
		present := map[[2]int64]bool{}
		f.History.Pieces(last, 0, f.At(last).Size(), func(p Piece) bool {
			for _, i := range []int64{0, p.Len / 2, p.Len - 1} {
				off, ok := f.History.Find(p.Generation, p.From+i, last)
				if !ok || off != at+i {
					t.Fatalf("case %d: byte %d of generation %d stands at %d, found at %d, %v", n, p.From+i, p.Generation, at+i, off, ok)
				}
			}
			for i := range p.Len {
				present[[2]int64{int64(p.Generation), p.From + i}] = true
			}
			at += p.Len
			return true
		})
		for i := -1; i < len(f.History.Steps); i++ { // whatever was written is there, or is said to be gone
			generation, size := uint16(0), f.History.Size
			if i >= 0 {
				generation, size = f.History.Steps[i].Generation, f.History.Steps[i].Added()
			}
			for range 50 {
				from := r.Int64N(size + 1)
				_, ok := f.History.Find(generation, from, last)
				if want := present[[2]int64{int64(generation), from}]; ok != want {
					t.Fatalf("case %d: byte %d of %d of generation %d is there %v, found %v", n, from, size, generation, want, ok)
				}
			}
		}
	}
}

// Any 16 bytes at a unit's start name their source, wherever they have got to.
func TestBytesNameTheirSource(t *testing.T) {
	for _, redundancy := range []draw.Rate{0, draw.One / 2, 2 * draw.One} {
		c, err := New(Options{Seed: 5, Redundancy: redundancy})
		if err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 1<<20)
		want := Source{77, 3, 12345 * cell}
		c.fill(b, tagOwn, want)
		named := 0
		for at := 0; at < len(b); at += unit {
			s, shared, ok := c.Open(b[at:])
			if ok && s == (Source{77, 3, want.Offset + int64(at)}) && !shared {
				named++
			} else if at%cell == 0 {
				t.Fatalf("redundancy %v: the cell at %d names %+v, %v", redundancy.Float(), at, s, ok)
			}
		}
		t.Logf("redundancy %v: %d of %d units name their source", redundancy.Float(), named, len(b)/unit)
		if _, _, ok := c.Open(b[1:]); ok {
			t.Error("bytes within a unit name a source")
		}
		other, _ := New(Options{Seed: 6, Redundancy: redundancy})
		if _, _, ok := other.Open(b); ok {
			t.Error("bytes name a source under another seed")
		}
	}
}

func TestPoolRepeatsExactly(t *testing.T) {
	const unit, blocks, contents = 4 << 10, 1000, 300
	c, err := New(Options{Seed: 9})
	if err != nil {
		t.Fatal(err)
	}
	pool, err := c.NewPool(0, unit, blocks, contents)
	if err != nil {
		t.Fatal(err)
	}
	f := c.Stream(1, blocks*unit+100)
	f.Pool = pool
	b := make([]byte, f.History.Size)
	if _, err := f.At(0).ReadAt(b, 0); err != nil {
		t.Fatal(err)
	}
	at := map[string][]uint64{}
	for i := range uint64(blocks) {
		s := string(b[i*unit:][:unit])
		at[s] = append(at[s], i)
	}
	if len(at) != contents {
		t.Errorf("%d contents, want %d", len(at), contents)
	}
	for s, where := range at {
		if n := len(where); n != blocks/contents && n != blocks/contents+1 {
			t.Errorf("a content occurs %d times", n)
		}
		source, shared, ok := c.Open([]byte(s))
		if !ok || !shared {
			t.Fatalf("block %d names %+v, %v, %v", where[0], source, shared, ok)
		}
		var said []uint64
		pool.Blocks(uint64(source.Offset)/unit, func(block uint64) bool { said = append(said, block); return true })
		slices.Sort(said)
		if !slices.Equal(said, where) {
			t.Errorf("a content is said to be in %v and is in %v", said, where)
		}
	}
	checkView(t, rand.New(rand.NewPCG(1, 1)), f.At(0), b)
}

func TestExampleOfTheArticle(t *testing.T) {
	s, err := NewStep(1, 1, 100<<20, Change{10 << 20, 2 << 20}, Usual)
	if err != nil {
		t.Fatal(err)
	}
	if s.Insert != 9<<20 || s.Overwrite != 1<<20 || s.Delete != 1<<20 || s.New != 108<<20 {
		t.Errorf("%+v", s)
	}
	all := edits(&s)
	where := make([]int, 10)
	for _, e := range all {
		where[e.at*10/s.Old]++
	}
	for i, n := range where { // spread over all of it
		if n < len(all)/20 {
			t.Errorf("tenth %d of the file has %d of %d edits", i, n, len(all))
		}
	}
}

func TestRefusesWhatCannotBe(t *testing.T) {
	c, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range []Change{{-1, 0}, {0, -1}, {0, 11}} {
		if err := c.Stream(1, 10).Advance(1, change, Usual); err == nil {
			t.Errorf("%+v is accepted", change)
		}
	}
	f := c.Stream(1, 10)
	if err := f.Advance(2, Change{5, 5}, Usual); err != nil {
		t.Fatal(err)
	}
	for _, generation := range []uint16{0, 1, 2} {
		if err := f.Advance(generation, Change{1, 1}, Usual); err == nil {
			t.Errorf("generation %d after 2 is accepted", generation)
		}
	}
	for _, o := range []Options{{Holes: draw.One + 1}, {Redundancy: 2*draw.One + 1}} {
		if _, err := New(o); err == nil {
			t.Errorf("%+v is accepted", o)
		}
	}
	for _, p := range [][3]uint64{{4096, 10, 0}, {4096, 10, 11}, {1000, 10, 5}, {0, 1, 1}} {
		if _, err := c.NewPool(0, int64(p[0]), p[1], p[2]); err == nil {
			t.Errorf("pool %v is accepted", p)
		}
	}
	if _, err := c.Stream(1, 10).At(0).ReadAt(make([]byte, 1), -1); err == nil {
		t.Error("a negative offset is accepted")
	}
}

func TestReadsAsAReader(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	f := history(t, r, Options{Seed: 3})
	v := f.At(9)
	want := make([]byte, v.Size())
	if _, err := v.ReadAt(want, 0); err != nil {
		t.Fatal(err)
	}
	if err := iotest.TestReader(io.NewSectionReader(v, 0, v.Size()), want); err != nil {
		t.Error(err)
	}
}

func ExampleFile_Advance() {
	c, _ := New(Options{Seed: 12})
	f := c.Stream(1, 100<<20)
	_ = f.Advance(1, Change{Add: 10 << 20, Delete: 2 << 20}, Usual)
	fmt.Println(f.At(0).Size()>>20, f.At(1).Size()>>20)
	// Output: 100 108
}

func FuzzStep(f *testing.F) {
	f.Add(uint64(1), int64(1000), int64(100), int64(50), int64(10), uint8(1))
	f.Add(uint64(2), int64(7), int64(0), int64(7), int64(1), uint8(16))
	f.Fuzz(func(t *testing.T, seed uint64, size, add, del, extent int64, align uint8) {
		if size < 0 || size > 100_000 || add < 0 || add > 100_000 || del < 0 || del > size || extent < 1 || extent > 1<<20 || align == 0 {
			t.Skip()
		}
		c, err := New(Options{Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		file := c.Stream(1, size)
		if err := file.Advance(1, Change{add, del}, Spread{extent, int64(align)}); err != nil {
			t.Fatal(err)
		}
		want := model(t, file)[1]
		checkView(t, rand.New(rand.NewPCG(seed, 1)), file.At(1), want)
	})
}

func TestPlacesAreThoseOfEveryGeneration(t *testing.T) {
	for n := range uint64(60) {
		r := rand.New(rand.NewPCG(n, 5))
		f := history(t, r, Options{Seed: n})
		const last = 9
		for range 30 {
			written, from := uint16(r.IntN(last)), r.Int64N(f.History.Size+100)
			at := map[uint16]int64{}
			for _, p := range f.History.Places(written, from, last) {
				for g := p.First; g <= p.Last; g++ {
					at[g] = p.Off
				}
			}
			for g := range uint16(last + 1) {
				off, ok := f.History.Find(written, from, g)
				if said, is := at[g]; is != ok || said != off {
					t.Fatalf("case %d: byte %d of generation %d in %d: at %d, %v; places say %d, %v", n, from, written, g, off, ok, said, is)
				}
			}
		}
	}
}
