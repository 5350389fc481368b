package trace

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/reckon-bench/reckon/workloads/data/draw"
	"github.com/reckon-bench/reckon/workloads/data/tree"
)

func spec(seed uint64) tree.Spec {
	return tree.Spec{
		Seed: seed, Size: 20 << 20, Files: 60, Directories: 5, Fanout: 3,
		Change: draw.RateOf(0.1), Growth: draw.RateOf(0.02), Start: time.Unix(0, 0), Period: time.Hour,
	}
}

// pasted is a piece of a file that stands among foreign bytes.
type pasted struct {
	at, n int64
	want  Origin
}

// scene pastes pieces of random files and generations of the trees at odd places of foreign bytes.
func scene(t *testing.T, r *rand.Rand, trees []*tree.Tree, count int) (b []byte, all []pasted) {
	foreign := func(n int) {
		for range n {
			b = append(b, byte(r.Uint32()))
		}
	}
	for range count {
		foreign(1 + r.IntN(3000))
		i := r.IntN(len(trees))
		g := r.IntN(trees[i].Last() + 1)
		v, err := trees[i].At(g)
		if err != nil {
			t.Fatal(err)
		}
		files := []tree.Entry{}
		for d := range uint64(6) {
			for e := range v.Entries(d) {
				if e.Kind == tree.File && v.Size(e) > 20_000 {
					files = append(files, e)
				}
			}
		}
		e := files[r.IntN(len(files))]
		f, err := v.File(e)
		if err != nil {
			t.Fatal(err)
		}
		n := 9000 + r.Int64N(5000)
		off := r.Int64N(f.Size() - n)
		p := make([]byte, n)
		if _, err := f.ReadAt(p, off); err != nil {
			t.Fatal(err)
		}
		all = append(all, pasted{int64(len(b)), n, Origin{Tree: i, Stream: uint32(e.Number), First: g, Last: g, Offset: off}})
		b = append(b, p...)
	}
	foreign(100)
	return b, all
}

// Whatever was pasted is named, from its first byte to its last, but for bytes that fit by accident.
func TestPastedBlocksNameTheirOrigin(t *testing.T) {
	for name, change := range map[string]func(*tree.Spec){
		"raw":      func(*tree.Spec) {},
		"text":     func(s *tree.Spec) { s.Redundancy = draw.One },
		"repeated": func(s *tree.Spec) { s.Duplication = 2 },
		"holes":    func(s *tree.Spec) { s.Holes = draw.RateOf(0.2) },
	} {
		t.Run(name, func(t *testing.T) {
			var trees []*tree.Tree
			for seed := range uint64(2) {
				s := spec(seed)
				change(&s)
				tr, err := tree.New(s, 4)
				if err != nil {
					t.Fatal(err)
				}
				trees = append(trees, tr)
			}
			b, all := scene(t, rand.New(rand.NewPCG(1, 8)), trees, 25)
			var found []Found
			end := int64(0)
			err := New(trees...).Scan(bytes.NewReader(b), 0, int64(len(b)), func(f Found) bool {
				if f.Off != end || f.Len <= 0 {
					t.Fatalf("%+v after %d", f, end)
				}
				end = f.Off + f.Len
				found = append(found, f)
				return true
			})
			if err != nil || end != int64(len(b)) {
				t.Fatalf("scanned to %d of %d: %v", end, len(b), err)
			}
			for _, p := range all {
				checkPasted(t, trees, b, p, found)
			}
			if t.Failed() {
				for _, f := range found {
					t.Logf("%d+%d kind %d %v", f.Off, f.Len, f.Kind, f.Origin)
				}
			}
		})
	}
}

// checkPasted wants what is said of the pasted bytes to be true in the first and the last generation
// that is said, and nearly all of them explained; in trees whose blocks are not repeated, by the very file.
func checkPasted(t *testing.T, trees []*tree.Tree, b []byte, p pasted, found []Found) {
	t.Helper()
	explained, exact := int64(0), int64(0)
	for _, f := range found {
		lo, hi := max(f.Off, p.at), min(f.Off+f.Len, p.at+p.n)
		if lo >= hi {
			continue
		}
		if f.Kind == Zeros {
			explained += hi - lo
		}
		if f.Kind != Generated {
			continue
		}
		explained += hi - lo
		o := f.Origin
		for _, g := range []int{o.First, o.Last} {
			v, err := trees[o.Tree].At(g)
			if err != nil {
				t.Fatal(err)
			}
			e, ok := v.Resolve(o.Path)
			if g == o.Last && (!ok || uint32(e.Number) != o.Stream) {
				t.Errorf("%v: there is no such file", o)
			}
			held, err := trees[o.Tree].Stream(o.Stream)
			if err != nil {
				t.Fatal(err)
			}
			said := make([]byte, f.Len)
			if _, err := held.At(uint16(g)).ReadAt(said, o.Offset); err != nil || !bytes.Equal(said, b[f.Off:f.Off+f.Len]) {
				t.Errorf("%v: in generation %d it held something else, %v", o, g, err)
			}
		}
		if o.Tree == p.want.Tree && o.Stream == p.want.Stream {
			exact += hi - lo
		}
	}
	if explained < p.n-2 {
		t.Errorf("%d of %d bytes at %d are explained", explained, p.n, p.at)
	}
	if trees[0].Duplication == 1 && trees[0].Holes == 0 && exact < p.n-2 {
		t.Errorf("%d of %d bytes at %d are said to be of %v", exact, p.n, p.at, p.want)
	}
}

func TestForeignBytesHaveNoOrigin(t *testing.T) {
	tr, err := tree.New(spec(1), 3)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(2, 8))
	b := make([]byte, 2<<20)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	clear(b[1000:3000])
	var got []Found
	err = New(tr).Scan(bytes.NewReader(b), 0, int64(len(b)), func(f Found) bool { got = append(got, f); return true })
	if err != nil || len(got) != 3 || got[0].Kind != Unknown || got[1].Kind != Zeros || got[2].Kind != Unknown {
		t.Fatalf("%+v, %v", got, err)
	}
	if got[1].Off > 1000 || got[1].Off < 998 || got[1].Off+got[1].Len < 3000 {
		t.Errorf("zeros are said to be %+v", got[1])
	}
}
