package stream

import (
	"sync"

	"github.com/reckon-bench/reckon/workloads/data/draw"
)

// What text is made of: words of which the r-th most frequent is used as often
// as 1/(r+20) (Zipf and Mandelbrot). With these numbers the ratios of lz4 -1,
// gzip -6 and zstd -3 are about as 1 to 1.5 to 1.75, as those of source code and
// logs are; of six kinds of text tried, this came nearest.
const (
	corpusSize = 16 << 20
	words      = 60_000
	shift      = 20
	tableBits  = 20
	corpusKey  = draw.Key(0x7265636b6f6e2031)
)

// corpus returns the text, which is the same for every seed.
var corpus = sync.OnceValue(func() []byte {
	vocabulary := make([][]byte, words)
	for i := range vocabulary {
		k := corpusKey.Sub(uint64(i))
		w := make([]byte, 2+draw.Below(k.At(0), 9), 12)
		for j := range w {
			u := k.At(uint64(j) + 1)
			w[j] = 'a' + byte(min(draw.Below(u, 26), draw.Below(u<<32, 26))) // letters are not equally frequent
		}
		vocabulary[i] = append(w, ' ')
	}
	table := zipf()
	text := make([]byte, 0, corpusSize+16)
	for i := uint64(0); len(text) < corpusSize; i++ {
		text = append(text, vocabulary[table[corpusKey.At(i)>>(64-tableBits)]]...)
	}
	return text[:corpusSize]
})

// zipf maps tableBits uniform bits to a word.
func zipf() []uint16 {
	var sum uint64
	weight := func(r uint64) uint64 { return 1 << 40 / (r + shift) }
	for r := range uint64(words) {
		sum += weight(r)
	}
	table := make([]uint16, 1<<tableBits)
	r, until := uint64(0), weight(0)
	for i := range table {
		for uint64(i) >= draw.MulDiv(until, 1<<tableBits, sum) && r < words-1 {
			r++
			until += weight(r)
		}
		table[i] = uint16(r)
	}
	return table
}
