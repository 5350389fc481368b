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
		{"raw", Options{}, false, Usual, 10, "bdf0f5b5ff208dbd529a9e2fea2f2a9933989be3234f1dc0d7855a0e58e808e4"},
		{"small edits", Options{}, false, Spread{100, 1}, 10, "39fa508667319cd49e98474db40d58ec86021fa1fd9cd14ab65307d00443c26b"},
		{"aligned", Options{}, false, Spread{4096, 4096}, 10, "071ce5ec4ae7689bee956956909b5378069a8aabbbe7ff350f57d03cbf969e88"},
		{"holes", Options{Holes: draw.RateOf(0.4)}, false, Usual, 10, "b15a3d53231177b850b6118f1e09a8c7c1ab8af30aa86286cd279fe14e336d44"},
		{"text", Options{Redundancy: draw.RateOf(0.6)}, false, Usual, 10, "19811952d055d88ab7333d082e81b85b9f42c0dfb54e27b984dc2439d6f14013"},
		{"flat", Options{Redundancy: draw.One + draw.RateOf(0.6)}, false, Usual, 10, "b5fee0b679912e7df575aae7adf640b393ef14562893ebc4ab7e5c76a586e6b2"},
		{"pool", Options{}, true, Usual, 10, "0d2aa3d197d6e85ae8032f94a3b9d7a66b16cca3899aa988772ba06c8fb3aed4"},
		{"all", Options{Holes: draw.RateOf(0.4), Redundancy: draw.RateOf(0.6)}, true, Spread{100, 1}, 10, "91e1b4c39f36798bd5bca476883f85d281e3c0c7c68695770107ba75fdf15132"},
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
