package reckon

import (
	"context"

	"github.com/reckon-bench/reckon/host"
	"github.com/reckon-bench/reckon/link"
	"github.com/reckon-bench/reckon/link/netem"
	"github.com/reckon-bench/reckon/link/userspace"
)

// A fabric is what a run needs of its links. One that can tell how late it delivers is a punctual, too.
type fabric interface {
	link.Fabric
	Attach(ctx context.Context, ports []host.Port) error
}

type punctual interface {
	Lateness(ctx context.Context) (link.Lateness, error)
}

// startFabric starts the links that --links asks for, and says what they are called. "auto" is netem where the kernel has it.
func (r *run) startFabric() (f fabric, backend string, err error) {
	o := r.plan.Options
	if o.Links == "netem" || o.Links == "auto" && netem.Available() == nil {
		f, err := netem.Start(r.hub, o.Seed)
		if err != nil {
			return nil, "", err
		}
		return f, f.Describe().Backend, nil
	}
	log, err := r.recorder.Log("switch")
	if err != nil {
		return nil, "", err
	}
	s, err := userspace.Start(r.hub, o.Seed, log)
	if err != nil {
		return nil, "", err
	}
	return s, s.Describe().Backend, nil
}
