package compare

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// An Axis is a word, flag or version in which runs differ, with its values on each side.
type Axis struct {
	Name string   `json:"name"`
	A    []string `json:"a"`
	B    []string `json:"b"`
}

func (x Axis) String() string {
	return fmt.Sprintf("%s (%s; %s)", x.Name, strings.Join(x.A, ", "), strings.Join(x.B, ", "))
}

// A pairing is how the runs of both sides are compared: those with the same values on the axes of
// cells, one side with the other.
type pairing struct {
	compared []Axis // each side has one value, and they differ
	mixed    []Axis // the sides have different values, and one has several: its runs have different plans
	// cells are the axes on which the sides have values in common, and one has several.
	cells []string
}

// pair finds the axes on which the runs differ.
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

// withoutConsequences drops the axis that usually follows from a difference of the system: its
// version. noteVersions notes it where it does not follow.
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

// axisNames returns the words, then the flags by name. It leaves out flags that not all runs have
// and that were not given, because they follow from the words.
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

// valuesOf returns the values of the runs on the axis; numbers are ordered by size.
func valuesOf(runs []Run, axis string) []string {
	seen := map[string]bool{}
	for _, r := range runs {
		v, ok := r.Axes[axis]
		if !ok {
			v = "not applicable"
		}
		if v == "" {
			v = "none"
		}
		seen[v] = true
	}
	return slices.SortedFunc(maps.Keys(seen), natural)
}

// refuse returns why the sides should not be compared; nil where they differ in one thing at most.
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
	return fmt.Errorf("compare: the plans of A and B may differ in one thing, with one value on each side: %s (--force compares them anyway)", strings.Join(parts, "; "))
}

// cellsOf returns the runs of both sides in their cells, in order, and the names of cells that only
// one side has.
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
			by[id].Runs[side] = append(by[id].Runs[side], r)
		}
	}
	all := slices.SortedFunc(maps.Values(by), func(x, y *Cell) int { return slices.CompareFunc(x.Values, y.Values, natural) })
	for _, c := range all {
		if len(c.Runs[0]) == 0 || len(c.Runs[1]) == 0 {
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

// prune drops the axes on which all remaining cells have the same value.
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

// name returns the cell's values on the axes. It leaves out flags that the cell's words do not
// have, unless the name would be empty.
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

// natural orders numbers, with or without a unit, by size, and other values as text.
func natural(a, b string) int {
	x, xok := leading(a)
	y, yok := leading(b)
	if xok && yok {
		return cmp.Or(cmp.Compare(x, y), strings.Compare(a, b))
	}
	return strings.Compare(a, b)
}

// leading returns the size of a value: a duration in seconds, or a number.
func leading(s string) (float64, bool) {
	if d, err := time.ParseDuration(s); err == nil {
		return d.Seconds(), true
	}
	x, err := strconv.ParseFloat(strings.TrimRight(s, "%"), 64)
	return x, err == nil
}
