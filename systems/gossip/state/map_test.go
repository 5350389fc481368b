package state

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/reckon-bench/reckon/systems/gossip/codec"
	"github.com/reckon-bench/reckon/systems/gossip/hlc"
	"github.com/reckon-bench/reckon/systems/gossip/recon"
)

func newMap(t testing.TB) *Map {
	index, err := recon.New("riblt", 1, 64)
	if err != nil {
		t.Fatal(err)
	}
	return New(42, index)
}

// draw is a random entry; few keys, stamps and values, so that they meet.
func draw(rng *rand.Rand) Entry {
	e := Entry{Key: fmt.Sprint("k", rng.IntN(8)), Time: hlc.Stamp(rng.IntN(6)), Origin: rng.Uint64N(3), Version: rng.Int64N(3), Deleted: rng.IntN(3) == 0}
	if !e.Deleted {
		e.Value = string(rune('a' + rng.IntN(4)))
	}
	return e
}

func merged(t testing.TB, lists ...[]Entry) *Map {
	m := newMap(t)
	for _, list := range lists {
		for _, e := range list {
			m.Merge(&e)
		}
	}
	return m
}

func contents(m *Map) (all []string) {
	m.Ascend("", func(e *Entry) bool {
		all = append(all, fmt.Sprintf("%s=%s %v %d %d %v", e.Key, e.Value, e.Time, e.Origin, e.Version, e.Deleted))
		return true
	})
	return all
}

// TestMergeLaws: merging is idempotent, commutative and associative, and the digest says the same
// as the contents.
func TestMergeLaws(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 3000 {
		var a, b, c []Entry
		for _, list := range []*[]Entry{&a, &b, &c} {
			for range rng.IntN(8) {
				*list = append(*list, draw(rng))
			}
		}
		want := merged(t, a, b, c)
		shuffled := slices.Concat(a, b, c, a)
		rng.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		ab := merged(t, a, b)
		var joined []Entry
		ab.Ascend("", func(e *Entry) bool { joined = append(joined, *e); return true })
		for name, got := range map[string]*Map{
			"b, a, c": merged(t, b, a, c), "a twice": merged(t, a, a, b, b, c), "shuffled": merged(t, shuffled), "(a, b), c": merged(t, c, joined),
		} {
			if !slices.Equal(contents(got), contents(want)) || got.Root() != want.Root() {
				t.Fatalf("%s: %v, want %v", name, contents(got), contents(want))
			}
		}
	}
}

// TestAgainstModel: the map is what a plain map of winners is, through merges, drops and
// collections.
func TestAgainstModel(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	m, model := newMap(t), map[string]Entry{}
	for step := range 20_000 {
		switch rng.IntN(10) {
		case 0:
			h := hlc.Stamp(rng.IntN(4))
			m.Collect(h)
			maps.DeleteFunc(model, func(_ string, e Entry) bool { return e.Deleted && e.Time <= h })
		case 1:
			if e := m.Get(fmt.Sprint("k", rng.IntN(8))); e != nil {
				m.Drop(e)
				delete(model, e.Key)
			}
		default:
			e := draw(rng)
			old, had := model[e.Key]
			wins := !had || e.Compare(&old) > 0
			if wins {
				model[e.Key] = e
			}
			if _, won := m.Merge(&e); won != wins {
				t.Fatalf("step %d: won %v, want %v", step, won, wins)
			}
		}
		var all []Entry
		graves := 0
		for _, key := range slices.Sorted(maps.Keys(model)) {
			all = append(all, model[key])
			if model[key].Deleted {
				graves++
			}
		}
		want := merged(t, all)
		if !slices.Equal(contents(m), contents(want)) || m.Root() != want.Root() || m.Tombstones() != graves || m.Len() != len(model) || m.Bytes() != want.Bytes() {
			t.Fatalf("step %d: %v, want %v", step, contents(m), contents(want))
		}
	}
}

// TestSnapshotStays: a snapshot is the state as it was.
func TestSnapshotStays(t *testing.T) {
	m := newMap(t)
	for i := range 1000 {
		m.Merge(&Entry{Key: fmt.Sprintf("%04d", i), Value: "old", Time: 1})
	}
	s := m.Snapshot()
	for i := range 1000 {
		m.Merge(&Entry{Key: fmt.Sprintf("%04d", i), Value: "new", Time: 2})
		m.Merge(&Entry{Key: fmt.Sprintf("x%04d", i), Value: "new", Time: 2})
	}
	n := 0
	s.Ascend("", func(e *Entry) bool { n++; return e.Value == "old" })
	if n != 1000 || s.Len() != 1000 {
		t.Errorf("%d of 1000 entries are as they were", n)
	}
}

// FuzzRead: bytes are an entry that is written the same again, or an error.
func FuzzRead(f *testing.F) {
	f.Add((&Entry{Key: "k", Value: "v", Time: 3, Origin: 4, Version: 5}).Append(nil))
	f.Add((&Entry{Key: "k", Time: 3, Deleted: true}).Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := codec.NewReader(b)
		e := Read(r)
		if r.End() != nil {
			return
		}
		r = codec.NewReader(e.Append(nil))
		if again := Read(r); r.End() != nil || again.Compare(e) != 0 || again.Key != e.Key {
			t.Errorf("%+v became %+v", e, again)
		}
	})
}
