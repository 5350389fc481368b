package kibishii

import (
	"slices"
	"sync"
)

// Progress is how a generate or a verify goes, for whoever watches it; the zero value is ready. Its methods may be called at any time, from any goroutine.
type Progress struct {
	mu    sync.Mutex
	total Size
	done  Size
	so    Result
}

// Total is how much there is to do; zero until it has begun.
func (p *Progress) Total() Size {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.total
}

// Done is how much is done. What is missing counts as done, once that is known.
func (p *Progress) Done() Size {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.done
}

// Result is what has come of it so far.
func (p *Progress) Result() Result {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.so
	r.Damage = slices.Clone(r.Damage)
	return r
}
