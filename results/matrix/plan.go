package matrix

import (
	"fmt"
	"strings"

	"github.com/reckon-bench/reckon/reckon/plan"
)

// refusalsShown is how many different refusals one error lists.
const refusalsShown = 10

// makePlan plans the cell with its exact system.
func (c *Cell) makePlan() (err error) {
	flags := plan.Flags{"seed": {fmt.Sprint(c.Seed)}}
	for n, v := range c.Flags {
		flags[n] = v
	}
	c.plan, err = plan.New(c.exact(), flags)
	return err
}

// Pin fixes the exact version of the cell's system (etcd@v3.5.35 for etcd@v3.5) for every run of
// the cell, and plans the cell again where that changes it.
func (c *Cell) Pin(system string) error {
	if system == c.exact().System {
		return nil
	}
	c.System = system
	return c.makePlan()
}

// Plan plans every cell, so that none is refused after others have run. For each distinct error of
// the planner, the returned error names the first cell that has it.
func (f *File) Plan(cells []*Cell) error {
	type refusal struct {
		first *Cell
		why   string
		more  int
	}
	var all []*refusal
	by := map[string]*refusal{}
	dims := Dimensions(cells)
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
		line := fmt.Sprintf("%s: cell %d (%s): %s", f.Name, r.first.Number, r.first.Configuration(dims), r.why)
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
