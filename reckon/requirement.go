package reckon

// A Requirement is something that a machine must be able to do for a run.
type Requirement struct {
	Name string // as `reckon doctor` lists it
	By   string // what asks for it, as it leads an error message: "--cut reset"
}

// Names of requirements, the same for those who ask and for `reckon doctor`.
const (
	ConnectionResets = "connection resets"
	KernelLinks      = "netem"
)

// Requirer is an optional power of a Fault that not every machine can carry out. A run is refused,
// before anything is started, on a machine that lacks one of its requirements.
type Requirer interface {
	Requires() []Requirement
}

// SelfHealing is an optional power of a Fault: it says whether everything the fault does to the
// store has been healed before the load ends, so that other faults may follow it in the same run.
// churn draws among the faults of which that is true.
type SelfHealing interface {
	HealsItself() bool
}

// Requires returns what the plan requires of a machine, beyond what every run does.
func (p *Plan) Requires() (all []Requirement) {
	if p.Options.Links == "netem" {
		all = append(all, Requirement{KernelLinks, "--links netem"})
	}
	for _, f := range p.faults {
		if r, ok := f.value.(Requirer); ok {
			all = append(all, r.Requires()...)
		}
	}
	return all
}
