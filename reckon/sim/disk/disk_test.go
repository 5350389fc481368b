package disk

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/reckon-bench/reckon/reckon/sim/loop"
)

// bench is a loop with one disk.
type bench struct {
	*testing.T
	loop *loop.Loop
	*Disk
}

func newBench(t *testing.T, seed uint64) *bench {
	l := loop.New(seed)
	return &bench{t, l, New(l, 1, "n1", NVMe)}
}

func (b *bench) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// settle runs until the disk has nothing to do, and returns the error of the request that begin made.
func (b *bench) settle(begin func(done func(error))) error {
	b.Helper()
	got := errors.New("never answered")
	begin(func(err error) { got = err })
	b.must(b.loop.Run(loop.Stop{}))
	return got
}

func (b *bench) sync(name string)   { b.must(b.settle(func(d func(error)) { b.Sync(name, d) })) }
func (b *bench) syncDir(dir string) { b.must(b.settle(func(d func(error)) { b.SyncDir(dir, d) })) }

func (b *bench) content(name string) string {
	c, err := b.ReadFile(name)
	if err != nil {
		return err.Error()
	}
	return string(c)
}

func TestAPowerCutLeavesWhatWasSynced(t *testing.T) {
	b := newBench(t, 1)
	b.must(b.Write("d/a", 0, []byte("synced"), nil))
	b.sync("d/a")
	b.syncDir("d")
	b.must(b.Write("d/a", 6, []byte(" and not"), nil))
	b.must(b.Write("d/b", 0, []byte("without a name"), nil))
	b.sync("d/b")
	if got := b.content("d/a"); got != "synced and not" {
		t.Errorf("a read sees %q, not what the cache holds", got)
	}
	if bytes, names := b.Unsynced(); bytes != 8 || names != 1 {
		t.Errorf("%d bytes, %d names unsynced; want 8 and 1", bytes, names)
	}
	b.PowerCut(Lose)
	if got := b.content("d/a"); got != "synced" {
		t.Errorf("the cut left %q", got)
	}
	if got := b.List("d"); !slices.Equal(got, []string{"d/a"}) {
		t.Errorf("the cut left %v: d/b was synced, but its directory was not", got)
	}
}

func TestRenameIsDurableWithItsDirectory(t *testing.T) {
	for _, synced := range []bool{false, true} {
		b := newBench(t, 1)
		b.must(b.Write("d/old", 0, []byte("x"), nil))
		b.sync("d/old")
		b.syncDir("d")
		b.must(b.settle(func(done func(error)) { b.Rename("d/old", "d/new", done) }))
		want := "d/old"
		if synced {
			b.syncDir("d")
			want = "d/new"
		}
		b.PowerCut(Lose)
		if got := b.List("d"); !slices.Equal(got, []string{want}) || b.content(want) != "x" {
			t.Errorf("directory synced %v: the cut left %v", synced, got)
		}
	}
}

func TestWritesAfterASyncBeganAreNotCovered(t *testing.T) {
	b := newBench(t, 1)
	b.must(b.Write("d/a", 0, []byte("one"), nil))
	b.syncDir("d")
	err := b.settle(func(done func(error)) {
		b.Sync("d/a", done)
		b.must(b.Write("d/a", 3, []byte("two"), nil))
	})
	b.must(err)
	b.PowerCut(Lose)
	if got := b.content("d/a"); got != "one" {
		t.Errorf("the cut left %q", got)
	}
}

func TestASyncUnderWayIsNotAnsweredAfterTheCut(t *testing.T) {
	b := newBench(t, 1)
	b.must(b.Write("d/a", 0, []byte("one"), nil))
	b.syncDir("d")
	b.Sync("d/a", func(error) { t.Error("answered after the power cut") })
	b.PowerCut(Lose)
	b.must(b.loop.Run(loop.Stop{}))
	if got := b.content("d/a"); got != "" {
		t.Errorf("the cut left %q", got)
	}
}

// After any cut each sector of a file is what it was before or what was written last, in no other state; a Prefix
// cut leaves a prefix, and over many seeds an Any cut leaves what no Prefix cut can.
func TestCutsLeaveWholeSectors(t *testing.T) {
	reordered := 0
	for seed := range uint64(200) {
		for _, c := range []Cut{Lose, Prefix, Any, Keep} {
			b := newBench(t, seed)
			rng := rand.New(rand.NewPCG(seed, uint64(c)))
			const sectors = 6
			before := bytes.Repeat([]byte{'o'}, sectors*Sector)
			b.must(b.Write("d/a", 0, before, nil))
			b.sync("d/a")
			b.syncDir("d")
			after := slices.Clone(before)
			for i := range sectors {
				b.must(b.Write("d/a", i*Sector, bytes.Repeat([]byte{byte('0' + i)}, Sector), nil))
				copy(after[i*Sector:], bytes.Repeat([]byte{byte('0' + i)}, Sector))
				if rng.IntN(3) == 0 { // a sector is written twice
					b.must(b.Write("d/a", i*Sector, after[i*Sector:(i+1)*Sector], nil))
				}
			}
			b.PowerCut(c)
			got := []byte(b.content("d/a"))
			var news []bool
			for i := range sectors {
				s := got[i*Sector : (i+1)*Sector]
				isNew := bytes.Equal(s, after[i*Sector:(i+1)*Sector])
				if !isNew && !bytes.Equal(s, before[:Sector]) {
					t.Fatalf("seed %d, %v: sector %d is torn within", seed, c, i)
				}
				news = append(news, isNew)
			}
			prefix := !slices.Contains(news[min(kept(news), sectors):], true)
			switch {
			case c == Lose && kept(news) != 0, c == Keep && kept(news) != sectors, c == Prefix && !prefix:
				t.Errorf("seed %d: a cut that leaves %v left %v", seed, c, news)
			case c == Any && !prefix:
				reordered++
			}
		}
	}
	if reordered < 100 {
		t.Errorf("%d of 200 cuts reordered writes", reordered)
	}
}

func kept(all []bool) (n int) {
	for _, b := range all {
		if b {
			n++
		}
	}
	return n
}

// The medium is what a model says that keeps a full copy at each sync.
func TestMediumAgreesWithAModel(t *testing.T) {
	for seed := range uint64(50) {
		b := newBench(t, seed)
		rng := rand.New(rand.NewPCG(seed, 0))
		var cache, medium []byte
		b.must(b.Write("d/a", 0, nil, nil))
		b.syncDir("d")
		for range 200 {
			switch rng.IntN(5) {
			case 0:
				b.sync("d/a")
				medium = slices.Clone(cache)
			case 1:
				size := rng.IntN(len(cache) + 1)
				b.must(b.Truncate("d/a", size))
				cache = cache[:size]
			case 2:
				b.PowerCut(Lose)
				cache = slices.Clone(medium)
			default:
				at := rng.IntN(len(cache) + 1)
				chunk := make([]byte, 1+rng.IntN(1500))
				for i := range chunk {
					chunk[i] = byte(rng.Uint32())
				}
				b.must(b.Write("d/a", at, chunk, nil))
				cache = append(cache[:at:at], append(chunk, cache[min(len(cache), at+len(chunk)):]...)...)
			}
			if got := b.content("d/a"); got != string(cache) {
				t.Fatalf("seed %d: the file has %d bytes, the model %d", seed, len(got), len(cache))
			}
		}
	}
}

func TestFaultsOfTheTestFace(t *testing.T) {
	for _, tt := range []struct {
		name   string
		break_ func(*bench) (mend func())
		want   error
	}{
		{"bad sector", func(b *bench) func() { m, err := b.BadSector("d/a", 600); b.must(err); return m }, ErrBadSector},
		{"detached", func(b *bench) func() { return b.Detach() }, ErrDetached},
		{"random failures", func(b *bench) func() { return b.FailRandomly(1) }, ErrFailed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, 1)
			b.must(b.Write("d/a", 0, make([]byte, 2000), nil))
			mend := tt.break_(b)
			if _, err := b.ReadFile("d/a"); !errors.Is(err, tt.want) {
				t.Errorf("read: %v, want %v", err, tt.want)
			}
			var got error
			b.Read("d/a", 512, make([]byte, 512), func(_ int, err error) { got = err })
			b.must(b.loop.Run(loop.Stop{}))
			if !errors.Is(got, tt.want) {
				t.Errorf("read of a part: %v, want %v", got, tt.want)
			}
			mend()
			if _, err := b.ReadFile("d/a"); err != nil {
				t.Errorf("mended: %v", err)
			}
		})
	}
}

func TestABadSectorHurtsOnlyWhoReadsIt(t *testing.T) {
	b := newBench(t, 1)
	b.must(b.Write("d/a", 0, make([]byte, 2000), nil))
	_, err := b.BadSector("d/a", 600)
	b.must(err)
	b.Read("d/a", 0, make([]byte, 512), func(n int, err error) {
		if n != 512 || err != nil {
			t.Errorf("the good sector: %d, %v", n, err)
		}
	})
	b.must(b.loop.Run(loop.Stop{}))
}

func TestFullDisk(t *testing.T) {
	b := newBench(t, 1)
	b.must(b.Write("d/a", 0, make([]byte, 1000), nil))
	mend := b.Fill()
	if err := b.Write("d/a", 1000, []byte("x"), nil); !errors.Is(err, ErrFull) {
		t.Errorf("grew a full disk: %v", err)
	}
	if err := b.Write("d/b", 0, []byte("x"), nil); !errors.Is(err, ErrFull) || len(b.List("d")) != 1 {
		t.Errorf("created on a full disk: %v", err)
	}
	b.must(b.Write("d/a", 500, make([]byte, 500), nil)) // within what there is
	again := b.Fill()
	mend() // the first that was laid, while the second is in effect
	if err := b.Write("d/a", 1000, []byte("x"), nil); !errors.Is(err, ErrFull) {
		t.Errorf("grew a disk that is still full: %v", err)
	}
	again()
	b.must(b.Write("d/a", 1000, []byte("x"), nil))
}

func TestTornWriteAndIgnoredSyncShowOnlyAfterTheCut(t *testing.T) {
	whole := bytes.Repeat([]byte{'x'}, 4*Sector)
	for _, tt := range []struct {
		name   string
		break_ func(*bench)
		most   int
	}{
		{"torn", func(b *bench) { b.TearNextWrite() }, 3 * Sector},
		{"ignored", func(b *bench) { b.IgnoreSyncs() }, 0},
	} {
		b := newBench(t, 1)
		b.must(b.Write("d/a", 0, nil, nil))
		b.syncDir("d")
		tt.break_(b)
		b.must(b.Write("d/a", 0, whole, nil))
		b.sync("d/a")
		if got := b.content("d/a"); got != string(whole) {
			t.Errorf("%s: shows before the cut", tt.name)
		}
		b.PowerCut(Keep)
		if tt.name == "ignored" {
			continue // what is kept was never synced: Keep is the luck of a cache that was written back
		}
		if got := len(b.content("d/a")); got > tt.most || got == 0 {
			t.Errorf("%s: the cut left %d bytes", tt.name, got)
		}
	}
	b := newBench(t, 1)
	b.must(b.Write("d/a", 0, nil, nil))
	b.syncDir("d")
	b.IgnoreSyncs()
	b.must(b.Write("d/a", 0, whole, nil))
	b.sync("d/a")
	b.PowerCut(Lose)
	if got := b.content("d/a"); got != "" {
		t.Errorf("a sync that was ignored left %d bytes", len(got))
	}
}

func TestRotFlipsABitOnTheMedium(t *testing.T) {
	b := newBench(t, 1)
	b.must(b.Write("d/a", 0, []byte{0, 0}, nil))
	b.sync("d/a")
	b.syncDir("d")
	b.must(b.Rot("d/a", 1, 3))
	if got := b.content("d/a"); got != "\x00\x08" {
		t.Errorf("read %q", got)
	}
	b.PowerCut(Lose)
	if got := b.content("d/a"); got != "\x00\x08" {
		t.Errorf("after the cut %q", got)
	}
}

func TestRequestsTakeTheirTimeOneAfterTheOther(t *testing.T) {
	l := loop.New(1)
	d := New(l, 1, "n1", Timing{Sync: Latency{Base: time.Millisecond}})
	var at []time.Duration
	for i := range 3 {
		name := fmt.Sprint("d/", i)
		if err := d.Write(name, 0, []byte("x"), nil); err != nil {
			t.Fatal(err)
		}
		d.Sync(name, func(error) { at = append(at, l.Now()) })
	}
	mend := d.Slow(10)
	d.Sync("d/0", func(error) { at = append(at, l.Now()) })
	mend()
	d.Sync("d/0", func(error) { at = append(at, l.Now()) })
	_ = l.Run(loop.Stop{})
	ms := time.Millisecond
	if want := []time.Duration{ms, 2 * ms, 3 * ms, 13 * ms, 14 * ms}; !slices.Equal(at, want) {
		t.Errorf("done at %v, want %v", at, want)
	}
}

func TestACloneIsADiskOfItsOwn(t *testing.T) {
	b := newBench(t, 1)
	b.must(b.Write("d/a", 0, []byte("one"), nil))
	b.sync("d/a")
	b.syncDir("d")
	c := b.Clone(2, "n2")
	b.must(b.Write("d/a", 0, []byte("two"), nil))
	if got, _ := c.ReadFile("d/a"); string(got) != "one" {
		t.Errorf("the clone has %q", got)
	}
	c.PowerCut(Lose)
	if got, _ := c.ReadFile("d/a"); string(got) != "one" {
		t.Errorf("the clone lost its medium: %q", got)
	}
}
