package riblt

// Sketch is a prefix of the coded symbols of a set. It is not safe for concurrent use.
type Sketch struct {
	code  Code
	cells []Symbol
}

// NewSketch is the sketch of the empty set, of that many symbols. It decodes differences of up
// to some two thirds as many ids.
func NewSketch(code Code, cells int) *Sketch {
	return &Sketch{code: code, cells: make([]Symbol, max(cells, 1))}
}

// Add puts an id into the set. It must not be there already: the sketch cannot tell.
func (s *Sketch) Add(id uint64) { s.apply(id, 1) }

// Remove takes an id out of the set, in which it must be.
func (s *Sketch) Remove(id uint64) { s.apply(id, -1) }

func (s *Sketch) apply(id uint64, sign int64) {
	check := s.code.Check(id)
	for w := s.code.start(id); w.index < uint64(len(s.cells)); w.next() {
		s.cells[w.index].add(id, check, sign)
	}
}

// Len is how many symbols there are.
func (s *Sketch) Len() int { return len(s.cells) }

// Prefix is a copy of the first n symbols, of all where there are fewer.
func (s *Sketch) Prefix(n int) []Symbol {
	return append([]Symbol(nil), s.cells[:min(max(n, 0), len(s.cells))]...)
}
