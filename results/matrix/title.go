package matrix

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// A Dimension is a word or flag of which not all cells have the same value.
type Dimension struct {
	Name   string   `json:"name"`
	Values []string `json:"values"` // in the order of the cells; "" where the flag is not set
	// Usual is the value that nearly all cells have of a flag that all cells set; titles leave it
	// out. "" for none.
	Usual string `json:"usual"`
}

// usually is how many of four cells must have a value, at least, for titles to leave it out.
const usually = 3

// Dimensions returns what tells the cells apart, repeats aside: the words in order, then flags by
// name.
func Dimensions(all []*Cell) (dims []Dimension) {
	set := map[string]bool{}
	for _, c := range all {
		for n := range c.Flags {
			set[n] = true
		}
	}
	for _, name := range slices.Concat(kinds, sortedKeys(set)) {
		d, have := Dimension{Name: name}, map[string]int{}
		for _, c := range all {
			v, _ := c.Value(name)
			if have[v]++; have[v] == 1 {
				d.Values = append(d.Values, v)
			}
		}
		for _, v := range d.Values {
			if 4*have[v] > usually*len(all) && have[""] == 0 && !isWord(name) {
				d.Usual = v
			}
		}
		if len(d.Values) > 1 {
			dims = append(dims, d)
		}
	}
	return dims
}

// Label returns how a title shows the cell's value on the dimension; "" where it leaves it out.
func (d Dimension) Label(c *Cell) string {
	v, ok := c.Value(d.Name)
	switch {
	case !ok || v == d.Usual:
		return ""
	case isWord(d.Name):
		return v
	}
	return d.Name + "=" + v
}

// Title names the cell for people: its words, the flags that vary, and its repeat.
func (c *Cell) Title(dims []Dimension) string {
	return fmt.Sprintf("%s #%d", c.Configuration(dims), c.Repeat)
}

// Configuration returns the title without the repeat.
func (c *Cell) Configuration(dims []Dimension) string {
	parts := c.Words.List()
	for _, d := range dims {
		if l := d.Label(c); l != "" && !isWord(d.Name) {
			parts = append(parts, l)
		}
	}
	return strings.Join(parts, " ")
}

var unfit = regexp.MustCompile(`[^A-Za-z0-9._+=@-]+`)

// directoryName turns a title into a file name of at most 150 bytes. The cell's number before it
// makes it unique.
func directoryName(title string) string {
	s := strings.NewReplacer(",", "+", " #", "-r", " ", "-", "/", "_").Replace(title)
	s = unfit.ReplaceAllString(s, "_")
	return s[:min(len(s), 150)]
}
