package codec

import (
	"bytes"
	"fmt"
	"math"
	"os/exec"
	"testing"

	"github.com/reckon-bench/reckon/workloads/data/draw"
	"github.com/reckon-bench/reckon/workloads/data/stream"
)

// The ratio that was asked for is reached on bytes of another seed than it was calibrated on.
func TestCalibratedBytesReachTheRatio(t *testing.T) {
	for _, c := range []struct {
		codec Codec
		ratio float64
	}{{Codec{"zstd", 3}, 2}, {Codec{"gzip", 6}, 1.5}, {Codec{"gzip", 1}, 4}, {Codec{"zstd", 3}, 10}, {Entropy, 1.25}} {
		redundancy, err := c.codec.Calibrate(c.ratio)
		if err != nil {
			t.Fatal(err)
		}
		content, err := stream.New(stream.Options{Seed: 99, Redundancy: redundancy})
		if err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 6<<20)
		if _, err := content.Stream(5, 6<<20).At(0).ReadAt(b, 0); err != nil {
			t.Fatal(err)
		}
		got, err := c.codec.Ratio(b)
		if err != nil || math.Abs(got/c.ratio-1) > 0.05 {
			t.Errorf("%v: ratio %.3f, want %v (redundancy %v), %v", c.codec, got, c.ratio, redundancy.Float(), err)
		}
		all := ""
		for _, r := range Reported {
			ratio, _ := r.Ratio(b)
			all += fmt.Sprintf(" %v %.2f", r, ratio)
		}
		t.Logf("%v %v:%s", c.codec, c.ratio, all)
	}
}

// Codecs must spread as they do on real data, which zero-filling does not: a
// stronger codec finds more.
func TestStrongerCodecsFindMore(t *testing.T) {
	b, err := sample(draw.RateOf(0.7))
	if err != nil {
		t.Fatal(err)
	}
	last := 1.0
	for _, c := range Reported {
		r, err := c.Ratio(b)
		if err != nil || r < last*1.05 {
			t.Errorf("%v: %v after %v, %v", c, r, last, err)
		}
		last = r
	}
}

// The libraries' ratio is that of the program users have, where there is one.
func TestGzipAgreesWithTheProgram(t *testing.T) {
	b, err := sample(draw.RateOf(0.7))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("gzip", "-6")
	cmd.Stdin = bytes.NewReader(b)
	out, err := cmd.Output()
	if err != nil {
		t.Skipf("no gzip here: %v", err)
	}
	ratio, err := Codec{"gzip", 6}.Ratio(b)
	if err != nil {
		t.Fatal(err)
	}
	if program := float64(len(b)) / float64(len(out)); math.Abs(ratio/program-1) > 0.02 {
		t.Errorf("ratio %v, gzip's is %v", ratio, program)
	}
}

func TestRatioOfKnownBytes(t *testing.T) {
	for _, c := range []struct {
		b    []byte
		want float64
	}{{bytes.Repeat([]byte{0, 1}, 1000), 8}, {bytes.Repeat([]byte{0, 1, 2, 3}, 1000), 4}, {[]byte{}, 1}} {
		if got, err := Entropy.Ratio(c.b); err != nil || math.Abs(got-c.want) > 1e-9 {
			t.Errorf("entropy ratio %v, want %v, %v", got, c.want, err)
		}
	}
	random, _ := sample(0)
	for _, c := range append(Reported, Entropy) {
		if got, err := c.Ratio(random); err != nil || got > 1.001 || got < 0.99 {
			t.Errorf("%v: random bytes have ratio %v, %v", c, got, err)
		}
	}
}

func TestRefuses(t *testing.T) {
	for _, s := range []string{"rar", "zstd-99", "gzip-0", "zstd-x", ""} {
		if c, err := Parse(s); err == nil {
			t.Errorf("%q is %v", s, c)
		}
	}
	for s, want := range map[string]Codec{"zstd": {"zstd", 3}, "gzip-9": {"gzip", 9}, "entropy": Entropy} {
		if c, err := Parse(s); err != nil || c != want {
			t.Errorf("%q is %v, %v", s, c, err)
		}
	}
	for _, ratio := range []float64{0.5, math.NaN(), 1e6} {
		if _, err := (Codec{"zstd", 3}).Calibrate(ratio); err == nil {
			t.Errorf("ratio %v is accepted", ratio)
		}
	}
}
