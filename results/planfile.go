package results

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/plan"
)

// PlanName is the file of a run's directory that holds its plan. A directory without one is no run.
const PlanName = "plan.json"

// A PlanFile is plan.json: enough to run the plan again and to read the record. The plan is made
// anew of Words and Flags; Derived is what followed from them, for people and for comparison.
type PlanFile struct {
	Command  string            `json:"command"`
	Started  time.Time         `json:"started"`
	Words    plan.Words        `json:"words"`
	Flags    plan.Flags        `json:"flags"` // every flag with the value it had
	Given    []string          `json:"flags_given"`
	Seed     uint64            `json:"seed"`
	Versions map[string]string `json:"versions"`
	Machine  map[string]string `json:"machine"`
	Backend  string            `json:"link_backend"`
	// Prepared is the system's program, where it does not come with reckon.
	Prepared *reckon.Prepared `json:"prepared,omitempty"`
	Derived
}

// Simulated is the Backend of a run that was simulated in virtual time.
const Simulated = "simulated"

// Derived is the part of a PlanFile that follows from words and flags.
type Derived struct {
	Hosts   []plan.Host       `json:"hosts"`
	Links   map[string]string `json:"links"`
	Strikes []PlannedStrike   `json:"strikes"`
	Bounds  map[string]string `json:"bounds"`
}

// A PlannedStrike is one strike as plan.json has it; times are since the start of the load.
type PlannedStrike struct {
	Fault string  `json:"fault"`
	Name  string  `json:"name"`
	From  float64 `json:"from_s"`
	To    float64 `json:"to_s"`
}

// NewSimulatedFile returns the file of a plan that is about to be simulated.
func NewSimulatedFile(p *plan.Plan, dir string) PlanFile {
	f := NewPlanFile(p, dir)
	f.Backend = Simulated
	f.Command = strings.Replace(f.Command, "reckon ", "reckon simulate ", 1)
	f.Versions["system"] = "simulated"
	return f
}

// NewPlanFile returns the file of a plan that is about to run in dir, on this machine.
func NewPlanFile(p *plan.Plan, dir string) PlanFile {
	f := PlanFile{
		Command: CommandLine(p), Started: time.Now(), Words: p.Words, Flags: p.Flags, Given: p.Given,
		Seed: p.Options.Seed, Versions: Versions(), Machine: machine(dir), Backend: p.Options.Links,
		Prepared: p.Prepared, Derived: derive(p),
	}
	switch system, err := p.SystemVersion(); {
	case err != nil:
		f.Versions["system"] = err.Error() // if it does not run either, its last lines say why
	case system != "":
		f.Versions["system"] = system
	}
	return f
}

func derive(p *plan.Plan) Derived {
	d := Derived{Hosts: p.Hosts, Links: map[string]string{}, Bounds: map[string]string{}}
	for path, shape := range p.Links {
		d.Links[path.String()] = shape.String()
	}
	for _, s := range p.Strikes {
		d.Strikes = append(d.Strikes, PlannedStrike{s.Fault, s.Name, s.From.Seconds(), s.To.Seconds()})
	}
	for _, b := range BoundsOf(p) {
		d.Bounds[b.Name] = b.Value
	}
	return d
}

// A Bound is a bound of the plan, written for people.
type Bound struct{ Name, Value string }

// BoundsOf returns the bounds past which a run of the plan is inconclusive.
func BoundsOf(p *plan.Plan) []Bound {
	return []Bound{
		{"generator's lag", fmt.Sprintf("%v at p99", p.Bounds.Lag)},
		{"links' lateness", fmt.Sprintf("%v at p99", p.Bounds.Late)},
		{"operations under way", fmt.Sprintf("%d a client", p.Bounds.InFlight)},
		{"being ready", p.Bounds.Ready.String()},
		{"settling", p.Bounds.Settle.String()},
	}
}

// Plan makes the plan of a recorded run again. It returns an error if what follows from the words
// and flags is not what plan.json says: the record must not be judged by another plan's bounds,
// hosts or strikes.
func (d *Dir) Plan() (*plan.Plan, PlanFile, error) {
	f, err := d.ReadPlan()
	if err != nil {
		return nil, f, err
	}
	p, err := plan.New(f.Words, f.Flags)
	if err != nil {
		return nil, f, fmt.Errorf("make the plan of %s again: %w", d, err)
	}
	p.Given = f.Given
	p.Use(f.Prepared)
	return p, f, f.same(derive(p), d)
}

// same returns an error unless the plan comes out as it did when it was run.
func (f PlanFile) same(again Derived, dir *Dir) error {
	for _, part := range []struct {
		name      string
		then, now any
	}{
		{"hosts", f.Hosts, again.Hosts}, {"links", f.Links, again.Links},
		{"strikes", unnamed(f.Strikes), unnamed(again.Strikes)}, {"bounds", f.Bounds, again.Bounds},
	} {
		if !reflect.DeepEqual(part.then, part.now) {
			return fmt.Errorf("plan of %s: its %s do not follow from its words and flags: they were changed by hand, or by another version of reckon (%s)", dir, part.name, f.Versions["reckon"])
		}
	}
	if f.Backend == "" {
		return fmt.Errorf("plan of %s: it names no link backend", dir)
	}
	return nil
}

// unnamed returns the strikes without what they are called, which is for people.
func unnamed(strikes []PlannedStrike) []PlannedStrike {
	all := slices.Clone(strikes)
	for i := range all {
		all[i].Name = ""
	}
	return all
}

// CommandLine returns what to type to run the plan again.
func CommandLine(p *plan.Plan) string {
	parts := append([]string{"reckon"}, p.Words.List()...)
	var flags []string
	for _, f := range p.Effective() {
		if f.Given {
			flags = append(flags, "--"+f.Name+"="+quote(f.Value))
		}
	}
	if !slices.Contains(p.Given, "seed") {
		flags = append(flags, fmt.Sprintf("--seed=%d", p.Options.Seed))
	}
	return strings.Join(append(parts, flags...), " ")
}

// quote quotes a word for a POSIX shell where it needs it.
func quote(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:=,@%+", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
