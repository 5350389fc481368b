package workloads

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/workloads/kibishii"
	"github.com/reckon-bench/reckon/workloads/kibishii/fleet"
)

// workers are Kibishii's workers in a run: they generate and verify, one pass after the other.
type workers struct {
	spec    kibishii.Spec
	lease   time.Duration
	timeout time.Duration // of one operation
	env     reckon.Env
	caller  *fleet.Caller
	members []*member

	number int32 // of the last pass
	whole  bool  // all trees of that pass are acknowledged
}

// passTime is how long a pass may take beyond what a faulty store may: twenty election timeouts.
const passTime = 30 * time.Second

func newWorkers(ctx context.Context, k *kibishiis, c reckon.Env) (*workers, error) {
	d := &workers{spec: k.spec, lease: k.lease, env: c}
	// As long as faults may last, and more: a pass that waits for the end of an outage is late, not
	// lost.
	d.timeout = (c.Setting.Duration + passTime + 20*c.Setting.ElectionTimeout).Round(time.Second)
	for _, client := range c.Setting.Clients {
		d.members = append(d.members, newMember(d, client))
	}
	var err error
	d.caller, err = fleet.Call(ctx, fleet.Etcd{Endpoints: c.Setting.Endpoints, Dial: c.Dial(c.Setting.Clients[0])})
	return d, err
}

// launch starts the workers and waits until they are registered in the store.
func (d *workers) launch(ctx context.Context) error {
	for _, h := range d.members {
		if err := h.start(); err != nil {
			return err
		}
	}
	return d.awaitAll(ctx)
}

// awaitAll waits, for a bounded time, until all workers are registered.
func (d *workers) awaitAll(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, passTime+d.lease)
	defer cancel()
	_, err := d.caller.Await(ctx, len(d.members))
	return err
}

// Run generates and verifies until ctx is done.
func (d *workers) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := d.generate(ctx, history.Load); err != nil {
			return err
		}
		if ctx.Err() != nil {
			break // what is left is verified after settling
		}
		if _, err := d.do(ctx, kibishii.CmdVerify, history.Load); err != nil {
			return err
		}
	}
	return nil
}

// Finish verifies every tree. If one is not acknowledged as complete, all are generated anew first.
func (d *workers) Finish(ctx context.Context) error {
	if err := d.awaitAll(ctx); err != nil {
		return err
	}
	if !d.whole {
		if err := d.generate(ctx, history.Final); err != nil {
			return err
		}
	}
	_, err := d.do(ctx, kibishii.CmdVerify, history.Final)
	return err
}

// generate generates all trees anew, and runs the accesses that wait for trees at rest.
func (d *workers) generate(ctx context.Context, stage history.Stage) error {
	d.number, d.whole = d.number+1, false
	op, err := d.do(ctx, kibishii.CmdGenerate, stage)
	if err != nil {
		return err
	}
	d.whole = op.Status == fleet.Success && len(op.Nodes) == len(d.members) // one that was away has its tree of an earlier pass
	for _, n := range op.Nodes {
		if h := d.member(n.Name); h != nil && n.State == fleet.Succeeded {
			h.rest()
		}
	}
	return nil
}

func (d *workers) member(name string) *member {
	for _, h := range d.members {
		if h.name == name {
			return h
		}
	}
	return nil
}

// do carries out one pass and records it. It goes on when the load ends in its middle; its time-out
// bounds it.
func (d *workers) do(ctx context.Context, cmd kibishii.Command, stage history.Stage) (fleet.Operation, error) {
	// The workers' own deadline ends the operation; the caller waits a little longer to see that.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), d.timeout+passTime)
	defer cancel()
	spec := d.spec
	spec.Pass = d.number
	op, err := d.caller.Do(ctx, fleet.Command{Cmd: cmd, Spec: spec, Timeout: d.timeout})
	if err != nil && op.OpID == "" {
		return op, fmt.Errorf("%s %d: %w", cmd, d.number, err)
	}
	d.env.Pass(d.record(op, err, stage))
	return op, nil
}

// record returns the operation as the run records it.
func (d *workers) record(op fleet.Operation, err error, stage history.Stage) history.Pass {
	p := history.Pass{
		ID: op.OpID, Command: string(op.Cmd), Number: op.Spec.Pass, Stage: stage.String(),
		Call: d.at(op.Put), Return: d.at(op.Ended), Error: op.Error, Retries: int(op.Retries), Stood: op.StoodStill,
		Starting: op.Starting, Successful: names(op.Standing.NodesSuccessful), Failing: names(op.Standing.NodesFailed),
	}
	switch op.Status {
	case fleet.Success:
		p.Outcome = history.OK
	case fleet.Failed:
		p.Outcome = history.Failed
	default:
		p.Return = d.env.Clock.Now()
		p.Error = errors.Join(errors.New(p.Error), err).Error()
	}
	if p.Outcome != history.Unknown {
		p.Counts = &history.PassCounts{Starting: number(op.Standing.NodesStarting), Completed: number(op.Standing.NodesCompleted)}
	}
	for _, n := range op.Nodes {
		if op.Starting == nil { // the list was gone before it could be read
			p.Starting = append(p.Starting, n.Name)
		}
		if !n.Completed.IsZero() {
			p.Completed = append(p.Completed, n.Name)
		}
		p.Nodes = append(p.Nodes, d.node(n))
		p.Retries += int(n.Retries)
	}
	return p
}

// number returns a count in an operation's key, -1 if it is none.
func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return -1
	}
	return n
}

// names returns the names in a list of an operation's key.
func names(list string) []string {
	if list == "" {
		return nil
	}
	return strings.Split(list, ",")
}

func (d *workers) node(n fleet.NodeOutcome) history.PassNode {
	p := history.PassNode{Node: n.Name, Host: n.Name, State: string(n.State)}
	if !n.Started.IsZero() {
		p.Started = d.at(n.Started)
	}
	if !n.Completed.IsZero() {
		p.Completed = d.at(n.Completed)
	}
	r := n.Result
	if r == nil {
		return p
	}
	p.Files, p.Dirs, p.Bytes, p.Error = r.GeneratedFiles+r.VerifiedFiles, r.GeneratedDirs+r.VerifiedDirs, r.Bytes, r.Error
	p.Missing, p.Corrupted, p.Extra, p.More = r.MissingFiles+r.MissingDirs, r.CorruptedFiles, r.ExtraFiles, r.MoreDamage
	for _, x := range r.Damage {
		p.Damage = append(p.Damage, history.Damage{Path: x.Path, What: x.What})
	}
	return p
}

// at converts a time of the wall clock to the run's clock.
func (d *workers) at(t time.Time) time.Duration { return d.env.Clock.Now() - time.Since(t) }

// List returns the workers, for faults.
func (d *workers) List() (all []reckon.Worker) {
	for _, h := range d.members {
		all = append(all, h)
	}
	return all
}

// Stop ends the workers.
func (d *workers) Stop() {
	for _, h := range d.members {
		h.end()
	}
	if d.caller != nil {
		d.caller.Close()
	}
}
