package stream

import (
	"crypto/sha256"
	"fmt"
	"io"
	"testing"

	"github.com/reckon-bench/reckon/workloads/data/draw"
)

// Golden vectors of format version 1: SHA-256 of a file of 1,000,000 bytes of
// seed 12, stream 7, of which generation g changes g per cent. Whoever changes one
// of these has made another format, and must give it another Version.
func TestGoldenVectors(t *testing.T) {
	for _, c := range []struct {
		name       string
		o          Options
		pool       bool
		spread     Spread
		generation uint16
		want       string
	}{
		{"raw", Options{}, false, Usual, 0, "bb87a23823e2874ce498fa3cea187581865a23c8466cea3a638118fb9efee980"},
		{"raw", Options{}, false, Usual, 10, "deec67d3a8f224eb3d4e378fe674640c1f196a78261b50d074a3ee1b0ae8348e"},
		{"small edits", Options{}, false, Spread{100, 1}, 10, "0e712c53756d2fa9423f39d4e7cf2f5374cc0052cafdb714da8fdf30681f500d"},
		{"aligned", Options{}, false, Spread{4096, 4096}, 10, "9f9ed188865c461d9e611b41596f6354176113900bff2d970c6cdfb94a50293b"},
		{"holes", Options{Holes: draw.RateOf(0.4)}, false, Usual, 10, "c7bde7376d1a5d013bfd6729d622d4d9ab23f72cf44a9284b23d3c2aef5d0d36"},
		{"text", Options{Redundancy: draw.RateOf(0.6)}, false, Usual, 10, "288cf574eb9ec50a88c765ec35f1f67401f3fcfac638f581bae4a58b09200dec"},
		{"flat", Options{Redundancy: draw.One + draw.RateOf(0.6)}, false, Usual, 10, "d042bcc7123d4888fadad15396c4e1fb53d70c65352cd0af781328722921486a"},
		{"pool", Options{}, true, Usual, 10, "fff09389bad59c535ea074e37e5463535d399b9a639dbadc6ceec791e0420f88"},
		{"all", Options{Holes: draw.RateOf(0.4), Redundancy: draw.RateOf(0.6)}, true, Spread{100, 1}, 10, "e938cf544e9403f22aeb511642f1cc7cbbdee3c1d53b113724e72230719af308"},
	} {
		c.o.Seed = 12
		content, err := New(c.o)
		if err != nil {
			t.Fatal(err)
		}
		f := content.Stream(7, 1_000_000)
		if c.pool {
			if f.Pool, err = content.NewPool(0, 8<<10, 1000, 50); err != nil {
				t.Fatal(err)
			}
			f.First = 100
		}
		for g := uint16(1); g <= c.generation; g++ {
			n := f.History.SizeAt(g) / 100 * int64(g)
			if err := f.Advance(g, Change{n, n / 2}, c.spread); err != nil {
				t.Fatal(err)
			}
		}
		v := f.At(c.generation)
		sum := sha256.New()
		if _, err := io.Copy(sum, io.NewSectionReader(v, 0, v.Size())); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("%x", sum.Sum(nil)); got != c.want {
			t.Errorf("%s, generation %d, %d bytes: %s", c.name, c.generation, v.Size(), got)
		}
	}
}
