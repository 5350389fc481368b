package matrix

import (
	"fmt"
	"strings"

	"github.com/reckon-bench/reckon/reckon/plan"
)

// refusalsShown is how many different refusals a person is shown at once.
const refusalsShown = 10

// makePlan plans the cell.
func (c *Cell) makePlan() (err error) {
	flags := plan.Flags{"seed": {fmt.Sprint(c.Seed)}}
	for n, v := range c.Flags {
		flags[n] = v
	}
	c.plan, err = plan.New(c.exact(), flags)
	return err
}

// Hold has every run of the cell be of the system that the word names exactly.
func (c *Cell) Hold(system string) error {
	if system == c.exact().System {
		return nil
	}
	c.System = system
	return c.makePlan()
}

// Plan plans every cell, so that none is refused after others have run. The
// error names, for each thing that the planner says, the first cell it says it of.
func (f *File) Plan(cells []*Cell) error {
	type refusal struct {
		first *Cell
		why   string
		more  int
	}
	var all []*refusal
	by := map[string]*refusal{}
	dims := varied(cells)
	for _, c := range cells {
		err := c.makePlan()
		if err == nil {
			continue
		}
		if r := by[err.Error()]; r != nil {
			r.more++
			continue
		}
		r := &refusal{first: c, why: err.Error()}
		by[r.why], all = r, append(all, r)
	}
	if len(all) == 0 {
		return nil
	}
	var lines []string
	for _, r := range all[:min(len(all), refusalsShown)] {
		line := fmt.Sprintf("%s: cell %d (%s): %s", f.Name, r.first.Number, r.first.configuration(dims), r.why)
		if r.more > 0 {
			line += fmt.Sprintf(" (and %d more cells)", r.more)
		}
		lines = append(lines, line)
	}
	if more := len(all) - refusalsShown; more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", more))
	}
	return fmt.Errorf("%s", strings.Join(lines, "\n"))
}
