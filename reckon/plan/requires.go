package plan

import "github.com/reckon-bench/reckon/reckon"

// Requires returns what the plan requires of a machine, beyond what every run does.
func (p *Plan) Requires() (all []reckon.Requirement) {
	if p.Options.Links == "netem" {
		all = append(all, reckon.Requirement{Name: reckon.KernelLinks, By: "--links netem"})
	}
	asked := []any{p.System, p.Topology}
	for _, f := range p.Faults {
		asked = append(asked, f.Value)
	}
	for _, x := range asked {
		if r, ok := x.(reckon.Requirer); ok {
			all = append(all, r.Requires()...)
		}
	}
	return all
}
