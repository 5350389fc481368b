package matrix

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/reckon-bench/reckon/reckon/flags"
)

// A where is a partial cell: words and flags, each with the values that it may have. It matches
// every cell that has them; without terms it matches every cell.
type where struct {
	what  string // the list that holds it, for errors
	line  int
	terms []term
}

type term struct {
	name string
	any  []string
}

func (w where) matches(c *Cell) bool {
	for _, t := range w.terms {
		if v, ok := c.Value(t.name); !ok || !slices.Contains(t.any, v) {
			return false
		}
	}
	return true
}

func (w where) String() string {
	var parts []string
	for _, t := range w.terms {
		parts = append(parts, t.name+"="+strings.Join(t.any, "|"))
	}
	return strings.Join(parts, " ")
}

// wheres reads a list of partial cells, none of which may be empty.
func (p *parser) wheres(n *yaml.Node, what string) (all []where) {
	for _, c := range p.list(n, what) {
		w := p.where(c, what)
		if len(w.terms) == 0 {
			p.fail(c, "%s: an entry needs words or flags; without any it would match every cell", what)
		}
		all = append(all, w)
	}
	return all
}

// where reads a partial cell; what names the list that holds it.
func (p *parser) where(n *yaml.Node, what string) where {
	w := where{what: what, line: n.Line}
	for _, e := range p.mapping(n, what, slices.Concat(kinds, knownFlags())) {
		w.terms = append(w.terms, term{e.key, p.texts(e.value, e.key)})
	}
	return w
}

// wheres returns the partial cells of expectations and thresholds, which must match some cell.
func (f *File) wheres() []where {
	all := slices.Clone(f.invalid)
	for _, t := range f.thresholds {
		all = append(all, t.where)
	}
	return all
}

// checkWheres refuses partial cells that name words, flags or values that the file does not have.
func (f *File) checkWheres() error {
	names := f.names()
	for _, w := range slices.Concat(f.exclude, f.wheres()) {
		for _, t := range w.terms {
			if !slices.Contains(names, t.name) {
				return fmt.Errorf("%s:%d: %s: this file sets no %s; it sets %s", f.Name, w.line, w.what, t.name, strings.Join(names, ", "))
			}
			for _, v := range t.any {
				if known := f.values(t.name); !slices.Contains(known, v) {
					return fmt.Errorf("%s:%d: %s: in this file: %w", f.Name, w.line, w.what, flags.Suggest("value of "+t.name, v, known))
				}
			}
		}
	}
	return nil
}
