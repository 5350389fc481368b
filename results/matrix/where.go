package matrix

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A where is a partial cell: words and flags, each with the values that it may
// have. It matches every cell that has them; without any it matches all.
type where struct {
	what  string // in which list it stands, for errors
	line  int
	terms []term
}

type term struct {
	name string
	any  []string
}

func (w where) matches(c *Cell) bool {
	for _, t := range w.terms {
		if v, ok := c.value(t.name); !ok || !slices.Contains(t.any, v) {
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

// wheres reads a list of partial cells.
func (p *parser) wheres(n *yaml.Node, what string) (all []where) {
	for _, c := range p.list(n, what) {
		w := p.where(c, what)
		if len(w.terms) == 0 {
			p.fail(c, "%s: an entry needs words or flags: without any it would be every cell", what)
		}
		all = append(all, w)
	}
	return all
}

func (p *parser) where(n *yaml.Node, what string) where {
	w := where{what: what, line: n.Line}
	for _, e := range p.mapping(n, what, slices.Concat(kinds, everyFlag())) {
		w.terms = append(w.terms, term{e.key, p.texts(e.value, e.key)})
	}
	return w
}

// checkWheres refuses partial cells that speak of what the file does not have:
// an exclusion that excludes nothing is a slip of the pen.
func (f *File) checkWheres() error {
	all := slices.Concat(f.exclude, f.invalid)
	for _, t := range f.thresholds {
		all = append(all, t.where)
	}
	for _, w := range all {
		for _, t := range w.terms {
			if !slices.Contains(f.names(), t.name) {
				return fmt.Errorf("%s:%d: %s: this file sets no %s; it sets %s", f.Name, w.line, w.what, t.name, strings.Join(f.names(), ", "))
			}
			for _, v := range t.any {
				if known := f.values(t.name); !slices.Contains(known, v) {
					return fmt.Errorf("%s:%d: %s: %s is never %q in this file%s; it is %s", f.Name, w.line, w.what, t.name, v, didYouMean(v, known), strings.Join(known, ", "))
				}
			}
		}
	}
	return nil
}
