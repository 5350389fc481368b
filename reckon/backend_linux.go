package reckon

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/reckon-bench/reckon/reckon/host"
	"github.com/reckon-bench/reckon/reckon/link"
	"github.com/reckon-bench/reckon/reckon/link/netem"
	"github.com/reckon-bench/reckon/reckon/link/userspace"
)

// A backend is a fabric that hosts can be attached to. One that can tell how late
// it delivers has link.Fabric's optional method Lateness; one that is a process of its own, Done and Err.
type backend interface {
	link.Fabric
	Attach(ctx context.Context, ports []host.Port) error
}

// running is a backend with what a run records of it.
type running struct {
	backend
	name, details string
}

// startLinks starts what --links names. "auto" is the kernel's netem where there is one.
func startLinks(word string, hub *host.Host, seed uint64, log io.Writer) (running, error) {
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
			return running{}, err
		}
		return running{f, word, f.Describe().String()}, nil
	}
	f, err := userspace.Start(hub, seed, log)
	if err != nil {
		return running{}, err
	}
	return running{f, word, fmt.Sprint(f.Describe())}, nil
}

// lateness is how late the fabric delivers, and whether it can tell. The kernel's cannot.
func (b running) lateness(ctx context.Context) (link.Lateness, bool, error) {
	l, ok := b.backend.(interface {
		Lateness(context.Context) (link.Lateness, error)
	})
	if !ok {
		return link.Lateness{}, false, nil
	}
	late, err := l.Lateness(ctx)
	return late, true, err
}

// A dropTeller is a fabric that says which packets it drops; see link.Drop. The kernel's does not.
type dropTeller interface {
	Drops(ctx context.Context) (drops []link.Drop, untold uint64, err error)
}

func (b running) tellsDrops() bool {
	_, ok := b.backend.(dropTeller)
	return ok
}

// drops are the packets that the fabric dropped since it was last asked, none where it cannot tell.
func (b running) drops(ctx context.Context) (drops []link.Drop, untold uint64, err error) {
	if t, ok := b.backend.(dropTeller); ok {
		return t.Drops(ctx)
	}
	return nil, 0, nil
}

// ended is closed when the fabric's process ends, never where it has none.
func (b running) ended() <-chan struct{} {
	if p, ok := b.backend.(interface{ Done() <-chan struct{} }); ok {
		return p.Done()
	}
	return nil
}

// why is how the fabric's process ended.
func (b running) why() error {
	if p, ok := b.backend.(interface{ Err() error }); ok {
		return p.Err()
	}
	return errors.New("no reason is known")
}
