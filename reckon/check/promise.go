package check

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/reckon-bench/reckon/reckon/history"
)

// The checks of stores that are not linearizable share these notions. A write of the empty value is
// a deletion. Values are unique, so that a read names its write. One write is certainly before
// another where it was acknowledged before that was called; nothing else is known of their order,
// and no check here relies on the store's own stamps.

// past is a history of unique values, indexed by key and by value.
type past struct {
	h      *history.History
	keys   []string          // in order of name
	writes map[string][]int  // of each key, by Call
	reads  map[string][]int  // answered ones of each key, by Call
	wrote  map[[2]string]int // key and value -> its write
}

func newPast(h *history.History) *past {
	p := &past{h: h, writes: map[string][]int{}, reads: map[string][]int{}, wrote: map[[2]string]int{}}
	for i := range h.Ops {
		o := &h.Ops[i]
		switch {
		case o.Kind == history.Write:
			p.writes[o.Key] = append(p.writes[o.Key], i)
			if o.Value != "" {
				p.wrote[[2]string{o.Key, o.Value}] = i
			}
		case o.Outcome == history.OK && !o.Unobserved:
			p.reads[o.Key] = append(p.reads[o.Key], i)
		}
	}
	seen := map[string]bool{}
	for _, by := range []map[string][]int{p.writes, p.reads} {
		for key, ops := range by {
			slices.SortFunc(ops, func(a, b int) int {
				return cmp.Or(cmp.Compare(h.Ops[a].Call, h.Ops[b].Call), cmp.Compare(a, b))
			})
			if !seen[key] {
				seen[key] = true
				p.keys = append(p.keys, key)
			}
		}
	}
	slices.Sort(p.keys)
	return p
}

// repeated returns a result that names two writes of one value to one key, nil where there are
// none.
func (p *past) repeated() *Result {
	for _, key := range p.keys {
		for _, i := range p.writes[key] {
			o := &p.h.Ops[i]
			if j := p.wrote[[2]string{key, o.Value}]; o.Value != "" && j != i {
				return broken("one value was written twice", *o, p.h.Ops[j])
			}
		}
	}
	return nil
}

// author returns the write that a read answered, nil where there is none.
func (p *past) author(o *history.Op) *history.Op {
	if i, ok := p.wrote[[2]string{o.Key, o.Value}]; ok && o.Value != "" {
		return &p.h.Ops[i]
	}
	return nil
}

// precedes reports whether write a was certainly before write b.
func precedes(a, b *history.Op) bool { return a.Outcome == history.OK && a.Return < b.Call }

// finals returns the answered final reads of the key, the last of each member (a final read's
// client is on the member that it asks).
func (p *past) finals(key string) (ops []*history.Op) {
	by := map[string]*history.Op{}
	for _, i := range p.reads[key] {
		if o := &p.h.Ops[i]; o.Stage == history.Final {
			by[o.Client] = o
		}
	}
	for _, o := range by {
		ops = append(ops, o)
	}
	slices.SortFunc(ops, func(a, b *history.Op) int { return cmp.Compare(a.Client, b.Client) })
	return ops
}

// later returns an acknowledged write of the key that was called after the operation returned, the
// last of them; nil where there is none.
func (p *past) later(o *history.Op) *history.Op {
	for _, i := range slices.Backward(p.writes[o.Key]) {
		if w := &p.h.Ops[i]; w.Outcome == history.OK && precedes(o, w) {
			return w
		}
	}
	return nil
}

// unseen says that a check had nothing to judge by.
func unseen(what string) Result { return Result{Detail: what + ", so there is nothing to judge by"} }

// some lists a few of many.
func some(all []string) string {
	const shown = 5
	s := strings.Join(all[:min(len(all), shown)], ", ")
	if more := len(all) - shown; more > 0 {
		s += fmt.Sprintf(", and %d more", more)
	}
	return s
}

// milliseconds prints a time as a reader wants it.
func milliseconds(d time.Duration) string {
	if d < 10*time.Millisecond {
		return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
	}
	if d < 10*time.Second {
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}
