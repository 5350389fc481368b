package recon

import (
	"github.com/reckon-bench/reckon/systems/gossip/codec"
	"github.com/reckon-bench/reckon/systems/gossip/riblt"
)

// sketched is the Index of riblt. The first answer has as many symbols as the expected difference
// takes on average, at least firstSymbols; later ones what the symbols so far say of its size.
type sketched struct {
	code   riblt.Code
	sketch *riblt.Sketch
	count  int64
}

const (
	firstSymbols = 32
	// answerSymbols bounds one answer: some 110 kB.
	answerSymbols = 8192
)

func newSketched(salt uint64, symbols int) *sketched {
	code := riblt.NewCode(salt)
	return &sketched{code: code, sketch: riblt.NewSketch(code, symbols)}
}

func (s *sketched) Add(id uint64) {
	s.sketch.Add(id)
	s.count++
}

func (s *sketched) Remove(id uint64) {
	s.sketch.Remove(id)
	s.count--
}

// View copies the sketch: later symbols of an exchange must be those of the same set.
func (s *sketched) View() View {
	return &symbolView{symbols: s.sketch.Prefix(s.sketch.Len()), count: s.count}
}

func (s *sketched) Opening(expected int) []byte {
	ask := min(firstAsk(expected), answerSymbols, s.sketch.Len())
	return codec.AppendUint(codec.AppendUint(nil, 0), uint64(ask))
}

// firstAsk is how many symbols are asked for first.
func firstAsk(expected int) int { return max(firstSymbols, int(perID*float64(expected))) }

func (s *sketched) Find(expected int) Finder {
	return &symbolFinder{
		decoder: riblt.NewDecoder(s.code, s.sketch.Len()),
		local:   s.sketch.Prefix(s.sketch.Len()),
		ask:     firstAsk(expected),
	}
}

type symbolView struct {
	symbols []riblt.Symbol
	count   int64
}

// Answer sends the symbols that are asked for by the first and their number, with the number of
// ids.
func (v *symbolView) Answer(query []byte) ([]byte, error) {
	r := codec.NewReader(query)
	first, n := r.Uint(), r.Uint()
	if r.End() != nil {
		return nil, ErrMalformed
	}
	first = min(first, uint64(len(v.symbols)))
	last := min(first+min(n, answerSymbols), uint64(len(v.symbols)))
	b := codec.AppendUint(nil, uint64(v.count))
	return riblt.Append(b, v.symbols[first:last], int(first), v.count), nil
}

type symbolFinder struct {
	decoder *riblt.Decoder
	local   []riblt.Symbol
	ask     int

	net           float64 // how many more ids the other set has, by symbol 0
	spread, scale float64 // sums over the symbols: squared deviations of their counts, and those that one id causes
}

// perID is how many symbols an id of a difference takes on average, where it is not small.
const perID = 1.4

func (f *symbolFinder) Query() []byte {
	if f.decoder.Done() {
		return nil
	}
	b := codec.AppendUint(nil, uint64(f.decoder.Len()))
	return codec.AppendUint(b, uint64(min(f.ask, answerSymbols, len(f.local)-f.decoder.Len())))
}

func (f *symbolFinder) Answered(answer []byte) error {
	r := codec.NewReader(answer)
	count := r.Uint()
	symbols, err := riblt.Parse(r.Rest(), f.decoder.Len(), int64(count))
	if r.Err() != nil || err != nil || len(symbols) == 0 {
		return ErrMalformed
	}
	for _, s := range symbols {
		if f.decoder.Done() {
			return nil
		}
		if f.decoder.Len() == len(f.local) || f.decoder.Failed() {
			return ErrTooLarge
		}
		f.weigh(s)
		f.decoder.Add(s, f.local[f.decoder.Len()])
	}
	if !f.decoder.Done() && f.decoder.Len() >= len(f.local) {
		return ErrTooLarge
	}
	f.plan()
	return nil
}

// weigh takes the symbol into the estimate of the difference: each of its d ids is part of symbol i
// with probability p, so the difference of the counts has the variance d p (1-p) around p times its
// mean.
func (f *symbolFinder) weigh(s riblt.Symbol) {
	i := f.decoder.Len()
	off := float64(s.Count - f.local[i].Count)
	if i == 0 {
		f.net = off
		return
	}
	p := 1 / (1 + float64(i)/2)
	off -= f.net * p
	f.spread += off * off
	f.scale += p * (1 - p)
}

// plan decides how many symbols to ask for next. The estimate is rough while there are few symbols,
// so a large difference is approached in two steps; near its end the steps are small.
func (f *symbolFinder) plan() {
	have := f.decoder.Len()
	want := have + max(firstSymbols/2, have/12)
	if f.scale > 0 {
		target := int(perID * f.spread / f.scale)
		if have < target*3/5 {
			target = target * 4 / 5
		}
		want = max(want, min(target, 64*have))
	}
	f.ask = want - have
}

func (f *symbolFinder) Difference() (remote, local []uint64) { return f.decoder.Difference() }
