package riblt

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// sets draws two sets with so many ids in common, and so many of their own.
func sets(rng *rand.Rand, common, mine, theirs int) (a, b []uint64) {
	for range common {
		id := rng.Uint64()
		a, b = append(a, id), append(b, id)
	}
	for range mine {
		a = append(a, rng.Uint64())
	}
	for range theirs {
		b = append(b, rng.Uint64())
	}
	return a, b
}

// minus is the difference by brute force, sorted.
func minus(a, b []uint64) []uint64 {
	in := map[uint64]bool{}
	for _, id := range b {
		in[id] = true
	}
	var out []uint64
	for _, id := range a {
		if !in[id] {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}

func sketch(c Code, cells int, ids []uint64) *Sketch {
	s := NewSketch(c, cells)
	for _, id := range ids {
		s.Add(id)
	}
	return s
}

// decode adds symbols one by one until the difference is decoded; it returns how many that took.
func decode(c Code, remote, local *Sketch) (*Decoder, int) {
	d := NewDecoder(c, 1<<20)
	r, l := remote.Prefix(remote.Len()), local.Prefix(local.Len())
	for i := range r {
		if d.Add(r[i], l[i]); d.Done() {
			return d, i + 1
		}
	}
	return d, 0
}

func sorted(ids []uint64) []uint64 {
	ids = slices.Clone(ids)
	slices.Sort(ids)
	return ids
}

// FuzzDecode: what is decoded is the difference that brute force finds.
func FuzzDecode(f *testing.F) {
	f.Add(uint64(1), uint16(100), uint8(3), uint8(0))
	f.Add(uint64(2), uint16(0), uint8(0), uint8(200))
	f.Add(uint64(3), uint16(2000), uint8(0), uint8(0))
	f.Fuzz(func(t *testing.T, seed uint64, common uint16, mine, theirs uint8) {
		rng := rand.New(rand.NewPCG(seed, 7))
		a, b := sets(rng, int(common%3000), int(mine), int(theirs))
		c := NewCode(rng.Uint64())
		d, took := decode(c, sketch(c, 4096, b), sketch(c, 4096, a))
		if took == 0 {
			t.Fatalf("%d and %d ids apart: not decoded", mine, theirs)
		}
		remote, local := d.Difference()
		if got, want := sorted(remote), minus(b, a); !slices.Equal(got, want) {
			t.Errorf("remote alone: got %x, want %x", got, want)
		}
		if got, want := sorted(local), minus(a, b); !slices.Equal(got, want) {
			t.Errorf("local alone: got %x, want %x", got, want)
		}
	})
}

// FuzzParse: bytes are symbols or an error, never a crash, and garbage is never taken for a
// difference without end.
func FuzzParse(f *testing.F) {
	f.Add([]byte{1, 2, 3}, uint8(0))
	f.Add(Append(nil, []Symbol{{1, 2, 3}, {4, 5, -6}}, 0, 10), uint8(10))
	f.Fuzz(func(t *testing.T, b []byte, n uint8) {
		symbols, err := Parse(b, 0, int64(n))
		if err != nil {
			return
		}
		again, err := Parse(Append(nil, symbols, 0, int64(n)), 0, int64(n))
		if err != nil || !slices.Equal(again, symbols) {
			t.Fatalf("%v became %v, %v", symbols, again, err)
		}
		d := NewDecoder(NewCode(1), 64)
		for _, s := range symbols {
			d.Add(s, Symbol{})
		}
		if r, l := d.Difference(); len(r)+len(l) > 65 {
			t.Errorf("%d ids decoded past a limit of 64", len(r)+len(l))
		}
	})
}

// TestSketchIsIncremental: a sketch that saw ids come and go equals one of what is left.
func TestSketchIsIncremental(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	c := NewCode(rng.Uint64())
	stay, gone := sets(rng, 0, 300, 200)
	s := sketch(c, 512, gone)
	for _, id := range stay {
		s.Add(id)
	}
	for _, id := range gone {
		s.Remove(id)
	}
	if !slices.Equal(s.Prefix(512), sketch(c, 512, stay).Prefix(512)) {
		t.Error("a sketch remembers what was removed")
	}
}

// TestMapping: the share of all ids that a symbol holds is that which follows from the distribution
// of the gaps, P(gap <= g from i) = 1 - ((i + 3/2) / (i + 3/2 + g))^2; and that is near the paper's
// 1/(1 + i/2).
func TestMapping(t *testing.T) {
	const n, cells = 100_000, 400
	hits := make([]int, cells)
	c := NewCode(99)
	rng := rand.New(rand.NewPCG(5, 5))
	for range n {
		for w := c.start(rng.Uint64()); w.index < cells; w.next() {
			hits[w.index]++
		}
	}
	within := func(i, gap int) float64 {
		x := float64(i) + 1.5
		return 1 - x*x/((x+float64(gap))*(x+float64(gap)))
	}
	share := []float64{1}
	for i := 1; i < cells; i++ {
		var p float64
		for j := range i {
			p += share[j] * (within(j, i-j) - within(j, i-j-1))
		}
		share = append(share, p)
		if paper := 1 / (1 + float64(i)/2); math.Abs(p-paper) > 0.045*paper {
			t.Errorf("symbol %d should hold %.4f of the ids, the paper says %.4f", i, p, paper)
		}
	}
	for i, p := range share {
		if got, sd := float64(hits[i])/n, math.Sqrt(p*(1-p)/n); math.Abs(got-p) > 5*sd {
			t.Errorf("symbol %d holds %.5f of the ids, want %.5f ± %.5f", i, got, p, 5*sd)
		}
	}
}

// TestMappingIsFixed: peers of any version and architecture must agree on every index.
func TestMappingIsFixed(t *testing.T) {
	w := NewCode(0x0123456789abcdef).start(0xfeedface)
	var got []uint64
	for range 14 {
		got = append(got, w.index)
		w.next()
	}
	if want := fixed; !slices.Equal(got, want) {
		t.Errorf("the indices of an id are %v, and were %v", got, want)
	}
}

var fixed = []uint64{0, 3, 6, 23, 31, 67, 89, 92, 226, 381, 2197, 4675, 4965, 5298}

// TestOverhead compares the symbols for a difference with those of the authors' implementation.
func TestOverhead(t *testing.T) {
	for _, c := range []struct {
		d        int
		low, top float64 // of the mean
	}{{1, 1, 1.001}, {10, 1.5, 1.85}, {100, 1.38, 1.52}, {1000, 1.33, 1.43}} {
		rounds := max(20, 2000/c.d)
		rng := rand.New(rand.NewPCG(uint64(c.d), 3))
		total := 0
		for range rounds {
			code := NewCode(rng.Uint64())
			a, b := sets(rng, 5, c.d/2, c.d-c.d/2)
			_, took := decode(code, sketch(code, 3*c.d+100, b), sketch(code, 3*c.d+100, a))
			if took == 0 {
				t.Fatalf("a difference of %d was not decoded from %d symbols", c.d, 3*c.d+100)
			}
			total += took
		}
		if mean := float64(total) / float64(rounds*c.d); mean < c.low || mean > c.top {
			t.Errorf("a difference of %d took %.3f symbols an id, want %.2f to %.2f", c.d, mean, c.low, c.top)
		}
	}
}

// TestWrongSaltDecodesNothing: symbols of another code are not taken for a difference.
func TestWrongSaltDecodesNothing(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	a, b := sets(rng, 500, 20, 20)
	if _, took := decode(NewCode(1), sketch(NewCode(2), 1024, b), sketch(NewCode(1), 1024, a)); took != 0 {
		t.Errorf("symbols under another salt were decoded after %d", took)
	}
}

func TestFailsBeyondTheLimit(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	c := NewCode(4)
	a, b := sets(rng, 10, 200, 200)
	r, l := sketch(c, 2048, b).Prefix(2048), sketch(c, 2048, a).Prefix(2048)
	d := NewDecoder(c, 50)
	for i := range r {
		d.Add(r[i], l[i])
	}
	if !d.Failed() || d.Done() {
		t.Errorf("a difference of 400 with a limit of 50: failed %v, done %v", d.Failed(), d.Done())
	}
}

func BenchmarkSketchAdd(b *testing.B) {
	s, rng := NewSketch(NewCode(1), 65536), rand.New(rand.NewPCG(1, 1))
	for b.Loop() {
		s.Add(rng.Uint64())
	}
}

func BenchmarkDecode1000(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	c := NewCode(1)
	mine, theirs := sets(rng, 1000, 500, 500)
	r, l := sketch(c, 2048, theirs), sketch(c, 2048, mine)
	for b.Loop() {
		if _, took := decode(c, r, l); took == 0 {
			b.Fatal("not decoded")
		}
	}
}
