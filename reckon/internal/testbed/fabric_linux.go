package testbed

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/reckon-bench/reckon/reckon/capture"
	"github.com/reckon-bench/reckon/reckon/host"
	"github.com/reckon-bench/reckon/reckon/link"
	"github.com/reckon-bench/reckon/reckon/link/netem"
	"github.com/reckon-bench/reckon/reckon/link/userspace"
)

// A backend is a fabric that hosts can be attached to. One that measures how late it delivers has
// link.Fabric's optional method Lateness; one that is a process of its own, Done and Err.
type backend interface {
	link.Fabric
	Attach(ctx context.Context, ports []host.Port) error
}

// A Fabric is a Fabric backend with what is recorded of it.
type Fabric struct {
	backend
	Name, Details string // "userspace", and how it runs
}

// startLinks starts what --links names. "auto" is the kernel's netem where there is one.
func startLinks(word string, hub *host.Host, seed uint64, log io.Writer) (Fabric, error) {
	if word == "auto" {
		word = "netem"
		if err := netem.Available(); err != nil {
			word = "userspace"
			_, _ = fmt.Fprintln(log, err) // for whoever wonders; it is no failure
		}
	}
	if word == "netem" {
		f, err := netem.Start(hub, seed)
		if err != nil {
			return Fabric{}, err
		}
		return Fabric{f, word, f.Describe().String()}, nil
	}
	f, err := userspace.Start(hub, seed, log)
	if err != nil {
		return Fabric{}, err
	}
	return Fabric{f, word, fmt.Sprint(f.Describe())}, nil
}

// lateness returns how late the fabric delivers, and whether it measures that. The kernel's does
// not.
func (f Fabric) lateness(ctx context.Context) (link.Lateness, bool, error) {
	l, ok := f.backend.(interface {
		Lateness(context.Context) (link.Lateness, error)
	})
	if !ok {
		return link.Lateness{}, false, nil
	}
	late, err := l.Lateness(ctx)
	return late, true, err
}

// drops returns the fabric as one that reports the packets it drops, nil where it does not.
func (f Fabric) drops() capture.DropReporter {
	r, _ := f.backend.(capture.DropReporter)
	return r
}

// ended is closed when the fabric's process ends, never where it has none.
func (f Fabric) ended() <-chan struct{} {
	if p, ok := f.backend.(interface{ Done() <-chan struct{} }); ok {
		return p.Done()
	}
	return nil
}

// why returns how the fabric's process ended.
func (f Fabric) why() error {
	if p, ok := f.backend.(interface{ Err() error }); ok {
		return p.Err()
	}
	return errors.New("no reason is known")
}
