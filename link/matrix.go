package link

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A Matrix gives paths their shapes. A path that it does not name is a perfect
// wire in a baseline, and left alone by an overlay.
type Matrix map[Path]Shape

// Then lays the overlay over m, path by path; neither is changed.
func (m Matrix) Then(overlay Matrix) (Matrix, error) {
	out := make(Matrix, len(m)+len(overlay))
	for p, s := range m {
		out[p] = s
	}
	for p, t := range overlay {
		s, err := out[p].Then(t)
		if err != nil {
			return nil, fmt.Errorf("path %s: %w", p, err)
		}
		out[p] = s
	}
	return out, nil
}

// Cut is the matrix that cuts both ways between every host of a and every host of b.
func Cut(a, b []string) Matrix {
	m := Matrix{}
	for _, x := range a {
		for _, y := range b {
			if x != y {
				m[Path{x, y}] = Shape{Cut: true}
				m[Path{y, x}] = Shape{Cut: true}
			}
		}
	}
	return m
}

// Validate says which path has an impossible shape, if any.
func (m Matrix) Validate() error {
	for _, p := range m.Paths() {
		if p.From == p.To {
			return fmt.Errorf("path %s: a host has no path to itself", p)
		}
		if err := m[p].Validate(); err != nil {
			return fmt.Errorf("path %s: %w", p, err)
		}
	}
	return nil
}

// Paths lists the matrix's paths in order, n2 before n10.
func (m Matrix) Paths() []Path {
	ps := make([]Path, 0, len(m))
	for p := range m {
		ps = append(ps, p)
	}
	slices.SortFunc(ps, func(a, b Path) int {
		return cmp.Or(CompareHosts(a.From, b.From), CompareHosts(a.To, b.To))
	})
	return ps
}

// CompareHosts orders host names as people do: c1, c2, c10, n1.
func CompareHosts(a, b string) int {
	pa, na := splitNumber(a)
	pb, nb := splitNumber(b)
	return cmp.Or(strings.Compare(pa, pb), cmp.Compare(len(na), len(nb)), strings.Compare(na, nb))
}

func splitNumber(s string) (prefix, number string) {
	i := len(s)
	for i > 0 && s[i-1] >= '0' && s[i-1] <= '9' {
		i--
	}
	return s[:i], s[i:]
}

// String prints a line for each shape: "10ms: n1>n2 n2>n1".
func (m Matrix) String() string {
	var order []Shape
	by := map[Shape][]string{}
	for _, p := range m.Paths() {
		s := m[p]
		if _, ok := by[s]; !ok {
			order = append(order, s)
		}
		by[s] = append(by[s], p.String())
	}
	lines := make([]string, len(order))
	for i, s := range order {
		lines[i] = s.String() + ": " + strings.Join(by[s], " ")
	}
	return strings.Join(lines, "\n")
}

// A matrix in JSON is an object from "from>to" to shape.

func (p Path) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

func (p *Path) UnmarshalText(b []byte) error {
	from, to, ok := strings.Cut(string(b), ">")
	if !ok || from == "" || to == "" {
		return fmt.Errorf("path %q: want FROM>TO", b)
	}
	*p = Path{from, to}
	return nil
}
