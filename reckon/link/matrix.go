package link

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/reckon-bench/reckon/reckon/history"
)

// A Matrix gives paths their shapes. A path that it does not name is a perfect wire in a baseline,
// and unchanged by an overlay.
type Matrix map[Path]Shape

// Then returns the composition of m and the overlay, path by path. Neither is changed.
func (m Matrix) Then(overlay Matrix) (Matrix, error) {
	out := make(Matrix, len(m)+len(overlay))
	for p, s := range m {
		out[p] = s
	}
	for _, p := range overlay.Paths() { // in order, so that an error always names the same path
		s, err := out[p].Then(overlay[p])
		if err != nil {
			return nil, fmt.Errorf("path %s: %w", p, err)
		}
		out[p] = s
	}
	return out, nil
}

// Cut returns the matrix that cuts both directions between every host of a and every host of b.
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

// CutPaths returns the matrix that cuts the paths.
func CutPaths(paths ...Path) Matrix {
	m := make(Matrix, len(paths))
	for _, p := range paths {
		m[p] = Shape{Cut: true}
	}
	return m
}

// Validate returns an error that names a path with an impossible shape, if there is one.
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

// Paths returns the matrix's paths in order, n2 before n10.
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

// CompareHosts orders host names by prefix and then by number: c1, c2, c10, n1.
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

// String returns a line for each shape: "10ms: n1>n2 n2>n1".
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

// Layers returns what the matrix does as an overlay, path by path, for the record.
func (m Matrix) Layers() []history.Layer {
	layers := make([]history.Layer, 0, len(m))
	for _, p := range m.Paths() {
		l := history.Layer{From: p.From, To: p.To, Cut: m[p].Cut}
		if !l.Cut {
			l.Shape = m[p].String()
		}
		layers = append(layers, l)
	}
	return layers
}

// tableHosts is how many hosts a table still shows well one by one.
const tableHosts = 12

// Table returns the matrix as text, with a row for each source host and a column for each
// destination. In a matrix that is too wide for that, equivalent hosts (those of a data centre,
// say) share a row, whose own column has the shape between them.
func (m Matrix) Table() string {
	groups := m.groups()
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	fmt.Fprint(w, "from\\to")
	for _, g := range groups {
		fmt.Fprint(w, "\t", hostRange(g))
	}
	fmt.Fprintln(w)
	for _, from := range groups {
		fmt.Fprint(w, hostRange(from))
		for _, to := range groups {
			cell := "-"
			if a, b := from[0], to[len(to)-1]; a != b { // within a group: from its first host to its last
				cell = m[Path{a, b}].String()
			}
			fmt.Fprint(w, "\t", cell)
		}
		fmt.Fprintln(w)
	}
	w.Flush() // to a strings.Builder
	return b.String()
}

// groups returns the matrix's hosts in order: one by one, or grouped by equivalence if there are
// too many.
func (m Matrix) groups() (groups [][]string) {
	seen := map[string]bool{}
	for p := range m {
		seen[p.From], seen[p.To] = true, true
	}
	hosts := slices.SortedFunc(maps.Keys(seen), CompareHosts)
next:
	for _, h := range hosts {
		if len(hosts) > tableHosts {
			for i, g := range groups {
				if m.equivalent(h, g[0], hosts) {
					groups[i] = append(g, h)
					continue next
				}
			}
		}
		groups = append(groups, []string{h})
	}
	return groups
}

// equivalent reports whether exchanging a and b would leave the matrix unchanged.
func (m Matrix) equivalent(a, b string, hosts []string) bool {
	if m[Path{a, b}] != m[Path{b, a}] {
		return false
	}
	for _, c := range hosts {
		if c != a && c != b && (m[Path{a, c}] != m[Path{b, c}] || m[Path{c, a}] != m[Path{c, b}]) {
			return false
		}
	}
	return true
}

// hostRange abbreviates a list of hosts: "c1-c7,n1".
func hostRange(hosts []string) string {
	var parts []string
	for i := 0; i < len(hosts); {
		j := i
		for j+1 < len(hosts) && follows(hosts[j], hosts[j+1]) {
			j++
		}
		switch {
		case j > i+1:
			parts = append(parts, hosts[i]+"-"+hosts[j])
		default:
			parts = append(parts, hosts[i:j+1]...)
		}
		i = j + 1
	}
	return strings.Join(parts, ",")
}

// follows reports whether b is a's name with the next number.
func follows(a, b string) bool {
	pa, na := splitNumber(a)
	pb, nb := splitNumber(b)
	x, errA := strconv.Atoi(na)
	y, errB := strconv.Atoi(nb)
	return pa == pb && errA == nil && errB == nil && y == x+1
}

// In JSON a matrix is an object from "from>to" to shape.

func (p Path) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

func (p *Path) UnmarshalText(b []byte) error {
	from, to, ok := strings.Cut(string(b), ">")
	if !ok || from == "" || to == "" {
		return fmt.Errorf("path %q: want FROM>TO", b)
	}
	*p = Path{from, to}
	return nil
}
