package plan

import (
	"fmt"
	"time"

	"github.com/reckon-bench/reckon/reckon"
)

// Bounds are what the harness itself must keep to; a run past one of them is inconclusive.
type Bounds struct {
	// Lag bounds how long after its due time the generator dispatches an operation, at the 99th
	// percentile.
	Lag time.Duration
	// Late bounds how long after its due time the fabric delivers a packet, at the 99th percentile.
	Late time.Duration
	// InFlight bounds how many operations of one client are under way at once. Each ends by its
	// time-out, so only a client that does not return in time gets there.
	InFlight int
	// Settle bounds how long the cluster takes to settle after the load.
	Settle time.Duration
	// Ready bounds how long it takes to be ready after its start.
	Ready time.Duration
	// Preload bounds how long it takes to write every key before the load, and Final to read every
	// key through every member at the end and to collect the store's own account of its past.
	Preload, Final time.Duration
}

// LatenessShare is the share of an election timeout by which the generator and the links may be
// late at the 99th percentile: a harness that is later could itself unseat a leader.
const LatenessShare = 10 // a tenth

// CollectBound bounds how long collecting takes, and the work that workers have left to do.
const CollectBound = 2 * time.Minute

// AtOnce is how many operations of one client are under way at once before and after the load.
const AtOnce = 64

// MaxInFlight is generous: 100,000 operations a second that all hang until a time-out of five
// seconds. Each costs some 10 KiB.
const MaxInFlight = 500_000

// bounded checks that the strikes lie within the run, and sets the bounds.
func (p *Plan) bounded() error {
	for _, s := range p.Strikes {
		if s.From < 0 || s.To < s.From || s.To > p.Options.Duration {
			return fmt.Errorf("fault %s: a strike from %v to %v lies outside the run, which lasts %v; --fault-at moves it and --fault-for sets its length", s.Fault, s.From, s.To, p.Options.Duration)
		}
	}
	et := p.Options.FailureTimeout
	p.Bounds = Bounds{
		Lag: et / LatenessShare, Late: et / LatenessShare,
		InFlight: MaxInFlight,
		Settle:   30*time.Second + 20*et,
		Ready:    60*time.Second + 10*et,
	}
	keys, clients := p.keys(), max(len(p.Setting.Clients), 1)
	p.Bounds.Preload = p.Bounds.Ready + p.inTurn((keys+clients-1)/clients)
	if p.Options.ClientCmd != "" {
		p.Bounds.Preload += p.Options.ClientReady
	}
	p.Bounds.Final = p.Bounds.Settle + CollectBound + p.inTurn(keys)
	return nil
}

// inTurn bounds how long n operations of one client take before or after the load: a second, or a
// fifth of the time-out, for each AtOnce of them is many times what they take, even where the
// quorum is far.
func (p *Plan) inTurn(n int) time.Duration {
	return time.Duration((n+AtOnce-1)/AtOnce) * max(time.Second, p.Options.OpTimeout/5)
}

// keys counts the keys of all workloads that read theirs at the end.
func (p *Plan) keys() (n int) {
	for _, w := range p.Workloads {
		if f, ok := w.Value.(reckon.FinalReader); ok {
			for range f.Final(p.Setting) {
				n++
			}
		}
	}
	return n
}
