package launch

import (
	"fmt"

	"github.com/reckon-bench/reckon/cmd/reckon/doctor"
	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/plan"
)

// Allowed returns an error if this machine lacks something that the plan requires.
func Allowed(p *plan.Plan) error {
	wanted := p.Requires()
	if len(wanted) == 0 {
		return nil
	}
	return lacking(wanted, doctor.Examine())
}

// lacking returns an error if something that is required, or that every run needs, was not found.
func lacking(wanted []reckon.Requirement, found []doctor.Finding) error {
	for _, f := range found {
		if f.OK {
			continue
		}
		for _, w := range wanted {
			if w.Name == f.What {
				return fmt.Errorf("%s: %s", w.By, f.Detail)
			}
		}
		if f.Needed {
			return fmt.Errorf("%s: %s", f.What, f.Detail)
		}
	}
	return nil
}

// Possible returns an error, an [ErrLacking], if this machine lacks something that every run needs.
func Possible() error {
	for _, f := range doctor.Examine() {
		if f.Needed && !f.OK {
			return fmt.Errorf("%w: %s: %s", ErrLacking, f.What, f.Detail)
		}
	}
	return nil
}
