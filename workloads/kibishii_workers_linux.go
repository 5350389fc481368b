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

// duty is Kibishii's workers at work: they generate and verify, one pass after the other.
type duty struct {
	spec    kibishii.Spec
	lease   time.Duration
	timeout time.Duration // of one operation
	camp    reckon.Env
	caller  *fleet.Caller
	hands   []*hand

	number int32 // of the last pass
	whole  bool  // all trees are acknowledged to be of that pass
}

// passTime is how long a pass may take beside what a store may that is struck: twenty election timeouts.
const passTime = 30 * time.Second

func newDuty(ctx context.Context, k *kibishiis, c reckon.Env) (*duty, error) {
	d := &duty{spec: k.spec, lease: k.lease, camp: c}
	// As long as faults may last, and what comes after: a pass that waits for the end of an outage is late, and not lost.
	d.timeout = (c.Setting.Duration + passTime + 20*c.Setting.ElectionTimeout).Round(time.Second)
	for _, client := range c.Setting.Clients {
		d.hands = append(d.hands, newHand(d, client))
	}
	var err error
	d.caller, err = fleet.Call(ctx, fleet.Etcd{Endpoints: c.Setting.Endpoints, Dial: c.Dial(c.Setting.Clients[0])})
	return d, err
}

// muster starts the workers and waits until the store knows them.
func (d *duty) muster(ctx context.Context) error {
	for _, h := range d.hands {
		if err := h.start(); err != nil {
			return err
		}
	}
	return d.gather(ctx)
}

// gather waits, bounded, until all workers are there.
func (d *duty) gather(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, passTime+d.lease)
	defer cancel()
	_, err := d.caller.Await(ctx, len(d.hands))
	return err
}

// Run generates and verifies until ctx is done.
func (d *duty) Run(ctx context.Context) error {
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

// Finish verifies every tree; where one is not acknowledged to be whole, all are made anew first.
func (d *duty) Finish(ctx context.Context) error {
	if err := d.gather(ctx); err != nil {
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

// generate makes all trees anew, and lets those at them who wait for trees at rest.
func (d *duty) generate(ctx context.Context, stage history.Stage) error {
	d.number, d.whole = d.number+1, false
	op, err := d.do(ctx, kibishii.CmdGenerate, stage)
	if err != nil {
		return err
	}
	d.whole = op.Status == fleet.Success && len(op.Nodes) == len(d.hands) // one that was away has its tree of an earlier pass
	for _, n := range op.Nodes {
		if h := d.hand(n.Name); h != nil && n.State == fleet.Succeeded {
			h.rest()
		}
	}
	return nil
}

func (d *duty) hand(name string) *hand {
	for _, h := range d.hands {
		if h.name == name {
			return h
		}
	}
	return nil
}

// do carries out one pass and records it. When the load ends in its middle it goes on: by its time-out at the latest it ends.
func (d *duty) do(ctx context.Context, cmd kibishii.Command, stage history.Stage) (fleet.Operation, error) {
	// The workers' own deadline ends the operation; the caller waits for the news of that a little longer.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), d.timeout+passTime)
	defer cancel()
	spec := d.spec
	spec.Pass = d.number
	op, err := d.caller.Do(ctx, fleet.Command{Cmd: cmd, Spec: spec, Timeout: d.timeout})
	if err != nil && op.OpID == "" {
		return op, fmt.Errorf("%s %d: %w", cmd, d.number, err)
	}
	d.camp.Pass(d.record(op, err, stage))
	return op, nil
}

// record is the operation as the run records it.
func (d *duty) record(op fleet.Operation, err error, stage history.Stage) history.Pass {
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
		p.Return = d.camp.Clock.Now()
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

// number is a count of an operation's key; -1 where it is none.
func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return -1
	}
	return n
}

// names are those of a list of an operation's key.
func names(list string) []string {
	if list == "" {
		return nil
	}
	return strings.Split(list, ",")
}

func (d *duty) node(n fleet.NodeOutcome) history.PassNode {
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

// at is an instant of the wall clock on the run's.
func (d *duty) at(t time.Time) time.Duration { return d.camp.Clock.Now() - time.Since(t) }

// Workers are those of the duty, for faults.
func (d *duty) List() (all []reckon.Worker) {
	for _, h := range d.hands {
		all = append(all, h)
	}
	return all
}

// Stop ends the workers.
func (d *duty) Stop() {
	for _, h := range d.hands {
		h.end()
	}
	if d.caller != nil {
		d.caller.Close()
	}
}
