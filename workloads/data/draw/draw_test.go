package draw

import (
	"math/big"
	"testing"
	"testing/quick"
)

func TestPermIsOneToOne(t *testing.T) {
	for _, n := range []uint64{1, 2, 3, 4, 5, 16, 17, 255, 1000, 4097} {
		p := NewPerm(Key(n), n)
		seen := make([]bool, n)
		for x := range n {
			y := p.To(x)
			if y >= n || seen[y] {
				t.Fatalf("n %d: %d goes to %d, outside or a second time", n, x, y)
			}
			seen[y] = true
			if back := p.From(y); back != x {
				t.Fatalf("n %d: %d goes to %d and back to %d", n, x, y, back)
			}
		}
	}
}

func TestPermOfManyComesBack(t *testing.T) {
	p := NewPerm(7, 4_000_000_007)
	back := func(x uint64) bool { x %= p.Len(); return p.From(p.To(x)) == x && p.To(x) < p.Len() }
	if err := quick.Check(back, nil); err != nil {
		t.Error(err)
	}
}

// Two keys must not permute alike, nor may a permutation leave things in place.
func TestPermDependsOnItsKey(t *testing.T) {
	const n = 10_000
	a, b := NewPerm(1, n), NewPerm(2, n)
	same, still := 0, 0
	for x := range uint64(n) {
		if a.To(x) == b.To(x) {
			same++
		}
		if a.To(x) == x {
			still++
		}
	}
	if same > 20 || still > 20 { // 1 is expected of each
		t.Errorf("%d of %d go to one place under both keys, %d stay", same, n, still)
	}
}

func TestMulDivIsExact(t *testing.T) {
	exact := func(a, b, c uint64) bool {
		a >>= 1
		if c == 0 || b > c { // else the result might not fit
			return true
		}
		x := new(big.Int).Mul(new(big.Int).SetUint64(a), new(big.Int).SetUint64(b))
		return MulDiv(a, b, c) == x.Div(x, new(big.Int).SetUint64(c)).Uint64()
	}
	if err := quick.Check(exact, &quick.Config{MaxCount: 10_000}); err != nil {
		t.Error(err)
	}
}

func TestRateHitsAsOften(t *testing.T) {
	for _, share := range []float64{0, 0.05, 0.5, 1} {
		r, hits := RateOf(share), 0
		for i := range uint64(100_000) {
			if r.Hit(Key(3).At(i)) {
				hits++
			}
		}
		if got := float64(hits) / 100_000; got < share-0.01 || got > share+0.01 || share == 1 && hits != 100_000 {
			t.Errorf("rate %v hits %v", share, got)
		}
	}
}

// Known answers: a change of them changes every byte ever generated.
func TestKnownAnswers(t *testing.T) {
	p := NewPerm(12, 1_000_000)
	for _, c := range []struct{ got, want uint64 }{
		{Key(12).At(0), 0x943ff9fc99de8f03},
		{Key(12).Sub(3).At(1 << 40), 0x8a324b3d3d2f4209},
		{p.To(0), 0x1b217},
		{p.To(999_999), 0x99473},
	} {
		if c.got != c.want {
			t.Errorf("%#x, want %#x", c.got, c.want)
		}
	}
}
