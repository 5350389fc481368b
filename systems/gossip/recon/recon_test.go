package recon

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
)

// pair fills two indexes with so many common ids and so many of each alone, and returns what brute
// force says of them.
func pair(t testing.TB, method string, rng *rand.Rand, common, mine, theirs, symbols int) (local, remote Index, onlyRemote, onlyLocal []uint64) {
	salt := rng.Uint64()
	var err error
	if local, err = New(method, salt, symbols); err != nil {
		t.Fatal(err)
	}
	if remote, err = New(method, salt, symbols); err != nil {
		t.Fatal(err)
	}
	for range common {
		id := rng.Uint64()
		local.Add(id)
		remote.Add(id)
	}
	for range mine {
		id := rng.Uint64()
		local.Add(id)
		onlyLocal = append(onlyLocal, id)
	}
	for range theirs {
		id := rng.Uint64()
		remote.Add(id)
		onlyRemote = append(onlyRemote, id)
	}
	for range 50 { // what came and went leaves nothing behind
		id := rng.Uint64()
		local.Add(id)
		local.Remove(id)
	}
	slices.Sort(onlyLocal)
	slices.Sort(onlyRemote)
	return local, remote, onlyRemote, onlyLocal
}

// exchange has the finder ask the view until it knows; it returns the bytes and round trips that
// took.
func exchange(f Finder, v View) (bytes, trips int, err error) {
	for q := f.Query(); q != nil; q = f.Query() {
		a, err := v.Answer(q)
		if err != nil {
			return bytes, trips, err
		}
		bytes, trips = bytes+len(q)+len(a), trips+1
		if err := f.Answered(a); err != nil {
			return bytes, trips, err
		}
		if trips > 10_000 {
			return bytes, trips, errors.New("no end")
		}
	}
	return bytes, trips, nil
}

// FuzzDifference: each method finds what brute force finds.
func FuzzDifference(f *testing.F) {
	f.Add(uint64(1), uint16(0), uint16(0), uint16(0))
	f.Add(uint64(2), uint16(500), uint16(3), uint16(9))
	f.Add(uint64(3), uint16(0), uint16(0), uint16(800))
	f.Add(uint64(4), uint16(3000), uint16(400), uint16(1))
	f.Fuzz(func(t *testing.T, seed uint64, common, mine, theirs uint16) {
		for _, method := range Methods {
			rng := rand.New(rand.NewPCG(seed, 1))
			l, r, onlyRemote, onlyLocal := pair(t, method, rng, int(common%4096), int(mine%1024), int(theirs%1024), 8192)
			finder := l.Find(int(seed % 64))
			if _, _, err := exchange(finder, r.View()); err != nil {
				t.Fatalf("%s: %v", method, err)
			}
			remote, local := finder.Difference()
			remote, local = slices.Clone(remote), slices.Clone(local)
			slices.Sort(remote)
			slices.Sort(local)
			if !slices.Equal(remote, onlyRemote) || !slices.Equal(local, onlyLocal) {
				t.Errorf("%s: found %d and %d, want %d and %d", method, len(remote), len(local), len(onlyRemote), len(onlyLocal))
			}
		}
	})
}

// FuzzGarbage: no query and no answer, whatever its bytes, makes a method crash.
func FuzzGarbage(f *testing.F) {
	f.Add([]byte{1, 0, 0}, []byte{2, 1})
	f.Fuzz(func(t *testing.T, query, answer []byte) {
		for _, method := range Methods {
			l, r, _, _ := pair(t, method, rand.New(rand.NewPCG(1, 1)), 100, 20, 20, 512)
			if a, err := r.View().Answer(query); err == nil && len(a) > 1<<21 {
				t.Errorf("%s: %d bytes of query got %d bytes", method, len(query), len(a))
			}
			finder := l.Find(0)
			finder.Query()
			_ = finder.Answered(answer) // an error, or taken for the truth; the root digests decide
			finder.Difference()
		}
	})
}

// TestViewsDoNotChange: what is answered is the set as it was, whatever happens meanwhile.
func TestViewsDoNotChange(t *testing.T) {
	for _, method := range Methods {
		rng := rand.New(rand.NewPCG(3, 3))
		l, r, onlyRemote, _ := pair(t, method, rng, 2000, 0, 60, 4096)
		finder, view := l.Find(0), r.View()
		for range 500 {
			l.Add(rng.Uint64())
			r.Add(rng.Uint64())
		}
		if _, _, err := exchange(finder, view); err != nil {
			t.Fatalf("%s: %v", method, err)
		}
		if remote, local := finder.Difference(); len(remote) != len(onlyRemote) || len(local) != 0 {
			t.Errorf("%s: found %d and %d, want %d and 0", method, len(remote), len(local), len(onlyRemote))
		}
	}
}

// TestTooLarge: a difference that the sketch cannot hold is an error, and the method full finds it.
func TestTooLarge(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	l, r, _, _ := pair(t, "riblt", rng, 100, 300, 300, 256)
	if _, _, err := exchange(l.Find(0), r.View()); !errors.Is(err, ErrTooLarge) {
		t.Errorf("600 ids apart with 256 symbols: %v", err)
	}
}

// TestBytesOfStaleKeys: a stale key, which is one id on each side, costs at most 50 bytes, whatever
// the size of the set and whether or not the difference was expected; the other methods cost ten
// times as much where the stale keys are scattered.
func TestBytesOfStaleKeys(t *testing.T) {
	const common = 100_000
	for _, stale := range []int{50, 300, 2000, 20_000} {
		cost := map[string]float64{}
		for _, method := range Methods {
			for _, expected := range []int{2 * stale, 0} {
				rng := rand.New(rand.NewPCG(6, uint64(stale)))
				l, r, _, _ := pair(t, method, rng, common, stale, stale, 65536)
				bytes, trips, err := exchange(l.Find(expected), r.View())
				if err != nil {
					t.Fatal(err)
				}
				cost[method] = max(cost[method], float64(bytes)/float64(stale))
				t.Logf("%6d stale, %6d expected: %-6s %8.1f B a stale key, %d round trips", stale, expected, method, float64(bytes)/float64(stale), trips)
			}
		}
		if cost["riblt"] > 50 {
			t.Errorf("%d stale: riblt takes %.1f B a stale key", stale, cost["riblt"])
		}
		for _, other := range []string{"range", "merkle"} {
			if stale <= 300 && cost[other] < 10*cost["riblt"] {
				t.Errorf("%d stale: %s takes %.0f B a stale key, riblt %.1f", stale, other, cost[other], cost["riblt"])
			}
		}
	}
}

func TestUnknownMethod(t *testing.T) {
	if _, err := New("gossip", 1, 1); err == nil {
		t.Error("a method that there is not was taken")
	}
}
