package compare

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// An Axis is something in which runs differ, with the values on each side.
type Axis struct {
	Name string   `json:"name"`
	A    []string `json:"a"`
	B    []string `json:"b"`
}

func (x Axis) String() string {
	return fmt.Sprintf("%s (%s; %s)", x.Name, strings.Join(x.A, ", "), strings.Join(x.B, ", "))
}

// A pairing is how runs of both sides belong together: those with the same values on the cells' axes.
type pairing struct {
	compared []Axis   // in which the sides differ
	mixed    []Axis   // of which a side has values that the other has not: its runs are of different plans
	cells    []string // names of axes on which the sides have values in common, and one has more than one: like is compared with like
}

// pair finds out in what the runs differ.
func pair(a, b []Run) pairing {
	var p pairing
	for _, name := range axisNames(a, b) {
		x := Axis{name, valuesOf(a, name), valuesOf(b, name)}
		switch {
		case slices.Equal(x.A, x.B):
			if len(x.A) > 1 {
				p.cells = append(p.cells, name)
			}
		case len(x.A) == 1 && len(x.B) == 1:
			p.compared = append(p.compared, x)
		default:
			p.mixed = append(p.mixed, x)
			if slices.ContainsFunc(x.A, func(v string) bool { return slices.Contains(x.B, v) }) {
				p.cells = append(p.cells, name)
			}
		}
	}
	p.withoutConsequences()
	return p
}

// withoutConsequences drops what mostly follows from another system: its version. Where it does not, noteVersions says so.
func (p *pairing) withoutConsequences() {
	all := slices.Concat(p.compared, p.mixed)
	other := slices.ContainsFunc(all, func(x Axis) bool { return x.Name == "system" || x.Name == "--etcd-binary" }) || slices.Contains(p.cells, "system")
	if !other {
		return
	}
	follows := func(x Axis) bool { return x.Name == versionAxis }
	p.compared, p.mixed = slices.DeleteFunc(p.compared, follows), slices.DeleteFunc(p.mixed, follows)
	p.cells = slices.DeleteFunc(p.cells, func(name string) bool { return name == versionAxis })
}

// axisNames are the words, and then the flags by name. A flag that not all runs understand, and
// nobody asked for, follows from the words.
func axisNames(a, b []Run) []string {
	count, asked := map[string]int{}, map[string]bool{}
	for _, r := range slices.Concat(a, b) {
		for name := range r.Axes {
			count[name]++
			asked[name] = asked[name] || r.given[name]
		}
	}
	words := []string{"system", "topology", "workload", "fault"}
	names := slices.Clone(words)
	for _, name := range slices.Sorted(maps.Keys(count)) {
		if !slices.Contains(words, name) && (count[name] == len(a)+len(b) || asked[name]) {
			names = append(names, name)
		}
	}
	return names
}

// valuesOf are the values of the runs on the axis, sorted as people sort: numbers by size.
func valuesOf(runs []Run, axis string) []string {
	seen := map[string]bool{}
	for _, r := range runs {
		v, ok := r.Axes[axis]
		if !ok {
			v = "not understood"
		}
		if v == "" {
			v = "none"
		}
		seen[v] = true
	}
	return slices.SortedFunc(maps.Keys(seen), natural)
}

// refuse says why the sides should not be compared: nil where they differ in one thing at most.
func (p pairing) refuse() error {
	var parts []string
	for _, x := range p.mixed {
		parts = append(parts, fmt.Sprintf("%s is %s in A and %s in B", x.Name, strings.Join(x.A, ", "), strings.Join(x.B, ", ")))
	}
	if len(p.compared) > 1 || len(p.mixed) > 0 {
		for _, x := range p.compared {
			parts = append(parts, fmt.Sprintf("%s is %s in A and %s in B", x.Name, x.A[0], x.B[0]))
		}
	}
	if len(parts) == 0 {
		return nil
	}
	return fmt.Errorf("compare: A and B are of different plans in more than the one thing that is compared: %s (--force compares them all the same)", strings.Join(parts, "; "))
}

// cellsOf puts the runs of each side into their cells, in order.
func (p *pairing) cellsOf(a, b []Run) (cells []*Cell, lone []string) {
	by := map[string]*Cell{}
	for side, runs := range [][]Run{a, b} {
		for _, r := range runs {
			key := make([]string, len(p.cells))
			for i, name := range p.cells {
				key[i] = r.Axes[name]
			}
			id := strings.Join(key, "\x00")
			if by[id] == nil {
				by[id] = &Cell{Values: key}
			}
			by[id].runs[side] = append(by[id].runs[side], r)
		}
	}
	all := slices.SortedFunc(maps.Values(by), func(x, y *Cell) int { return slices.CompareFunc(x.Values, y.Values, natural) })
	for _, c := range all {
		if len(c.runs[0]) == 0 || len(c.runs[1]) == 0 {
			lone = append(lone, c.name(p.cells))
			continue
		}
		cells = append(cells, c)
	}
	p.prune(cells)
	for _, c := range cells {
		c.Name = c.name(p.cells)
	}
	return cells, lone
}

// prune leaves out the axes on which all of the cells that are left have one value.
func (p *pairing) prune(cells []*Cell) {
	for i := len(p.cells) - 1; i >= 0; i-- {
		if slices.ContainsFunc(cells, func(c *Cell) bool { return c.Values[i] != cells[0].Values[i] }) {
			continue
		}
		p.cells = slices.Delete(p.cells, i, i+1)
		for _, c := range cells {
			c.Values = slices.Delete(c.Values, i, i+1)
		}
	}
}

// name leaves out flags that the cell's words do not understand, unless there is nothing else to say.
func (c *Cell) name(axes []string) string {
	var parts, none []string
	for i, a := range axes {
		flag, isFlag := strings.CutPrefix(a, "--")
		switch {
		case isFlag && c.Values[i] == "":
			none = append(none, "no "+flag)
		case isFlag:
			parts = append(parts, flag+" "+c.Values[i])
		default:
			parts = append(parts, c.Values[i])
		}
	}
	if len(parts) == 0 {
		parts = none
	}
	return strings.Join(parts, ", ")
}
