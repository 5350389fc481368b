package driver

import (
	"context"
	"encoding/json"
	"net"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/internal/clusterstate"
	"github.com/reckon-bench/reckon/reckon/internal/serveprobe"
)

// proberConfig returns what the driver's prober needs. It asks from this client host, each member by
// a client of that member alone.
func (d *driver) proberConfig() serveprobe.Config {
	c := serveprobe.Config{
		Index: d.job.Client, Clients: len(d.job.Setting.Clients), Clock: d.clock, OpTimeout: d.job.Setting.OpTimeout,
		ElectionTimeout: d.job.Setting.ElectionTimeout, Serving: reckon.ServingOf(d.parts.System),
		Members: serveprobe.Responsible(d.job.Setting, d.job.Members, d.job.Client),
		Dial: func(ctx context.Context, m reckon.Member) (reckon.Client, error) {
			return d.parts.System.Dial(ctx, []reckon.Member{m}, new(net.Dialer).DialContext)
		},
		Record: d.out.op, Answer: d.answer,
	}
	if d.job.Client < len(d.job.Setting.Clients) {
		c.Client = d.job.name()
	}
	return c
}

// startProber has the prober ask until the driver is to rest.
func (d *driver) startProber(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		d.prober.Run(ctx)
	}()
	d.rest = func() { cancel(); <-done }
}

// answer reports what became of an operation through a member.
func (d *driver) answer(a clusterstate.Answer) {
	b, _ := json.Marshal(a) // a struct of plain values always marshals
	d.out.line("answer " + string(b))
}
