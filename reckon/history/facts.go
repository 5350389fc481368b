package history

import (
	"math"
	"time"
)

// data is shorthand for the numbers of an event.
type data map[string]float64

// When returns the event with the instant at which it happened; without it, the run gives it the
// instant at which it was recorded.
func (e Event) When(at time.Duration) Event {
	e.At = at
	return e
}

// NewPhase: the run entered a phase.
func NewPhase(name string) Event { return Event{Kind: Phase, Subject: name} }

// NewBuild: the run entered its first phase; epoch is the wall clock's time of its epoch.
func NewBuild(epoch time.Time) Event {
	return Event{Kind: Phase, Subject: "build", Data: data{"unix_s": float64(epoch.UnixMicro()) / 1e6}}
}

// Epoch returns the wall clock's time of the run's epoch, where the event holds it.
func (e Event) Epoch() (time.Time, bool) {
	s, ok := e.Data["unix_s"]
	if !ok || e.Kind != Phase {
		return time.Time{}, false
	}
	return time.UnixMicro(int64(math.Round(s * 1e6))), true
}

// Counts is how many of each were recorded; -1 where the record does not say.
type Counts struct{ Ops, Changes, Passes int }

// NewDone: the run came to its end, and recorded so much.
func NewDone(c Counts) Event {
	return Event{Kind: Phase, Subject: "done", Data: data{
		"ops": float64(c.Ops), "changes": float64(c.Changes), "passes": float64(c.Passes),
	}}
}

// Done returns what the run's last event says was recorded, and whether e is that event.
func (e Event) Done() (Counts, bool) {
	count := func(name string) int {
		if n, ok := e.Data[name]; ok {
			return int(n)
		}
		return -1
	}
	return Counts{count("ops"), count("changes"), count("passes")}, e.Kind == Phase && e.Subject == "done"
}

// An Injection is a strike that took effect.
type Injection struct {
	Strike                 int
	Fault                  string
	Target                 string        // for people: "killed n2"
	PlannedFrom, PlannedTo time.Duration // since the start of the load
	// from when it first did something to when it was in effect
	Took  time.Duration
	Tries int
}

// NewStruck: a strike took effect.
func NewStruck(i Injection) Event {
	return Event{Kind: Struck, Subject: i.Fault, Detail: i.Target, Data: data{
		"strike": float64(i.Strike), "planned_from": i.PlannedFrom.Seconds(),
		"planned_to": i.PlannedTo.Seconds(), "tries": float64(i.Tries), "took_s": i.Took.Seconds(),
	}}
}

// Injection returns what a Struck event says. Took is 0 in records of before it was measured.
func (e Event) Injection() Injection {
	n, _ := e.Strike()
	return Injection{
		Strike: n, Fault: e.Subject, Target: e.Detail, Tries: int(e.Data["tries"]),
		PlannedFrom: seconds(e.Data["planned_from"]), PlannedTo: seconds(e.Data["planned_to"]),
		Took: max(0, seconds(e.Data["took_s"])),
	}
}

func seconds(s float64) time.Duration { return time.Duration(math.Round(s * 1e9)) }

// maxStrike bounds the numbers of strikes: one beyond is no strike, but a broken record.
const maxStrike = 1 << 20

// Strike returns the number of the strike that the event belongs to, and whether it has one.
func (e Event) Strike() (int, bool) {
	n, ok := e.Data["strike"]
	if !ok || n < 0 || n >= maxStrike {
		return 0, false
	}
	return int(n), true
}

func strikeData(n int) data { return data{"strike": float64(n)} }

// NewHealed: the strike was healed.
func NewHealed(strike int, fault string) Event {
	return Event{Kind: Healed, Subject: fault, Data: strikeData(strike)}
}

// NewVerified: an end of the strike was observed, on the subject: a node, a worker, "links", or ""
// for links that the injector looked at. seen says for people what was observed.
func NewVerified(strike int, end End, subject, seen string) Event {
	return Event{Kind: Verified, Subject: subject, Detail: string(end) + ": " + seen, Data: strikeData(strike), End: end}
}

// NewMissed: the strike did not take effect, or its heal did not.
func NewMissed(strike int, fault, why string) Event {
	return Event{Kind: Missed, Subject: fault, Detail: why, Data: strikeData(strike)}
}

// NewUnseen: what the strike did to the subject took place, and was not observed to.
func NewUnseen(strike int, end End, subject string, why error) Event {
	e := NewMissed(strike, subject, string(end)+", but "+why.Error())
	e.End = end
	return e
}

// NewHeld: the strike put the node into the state.
func NewHeld(strike int, node string, s State) Event {
	return Event{Kind: Held, Subject: node, Detail: string(s), Data: strikeData(strike), State: s}
}

// NewReleased: the strike let the node go.
func NewReleased(strike int, node string, s State) Event {
	e := NewHeld(strike, node, s)
	e.Kind = Released
	return e
}

// NewDegraded: the strike laid an overlay over the links; text is the overlay for people.
func NewDegraded(strike int, overlay []Layer, text string) Event {
	return Event{Kind: Degraded, Detail: text, Data: strikeData(strike), Overlay: overlay}
}

// NewRestored: the strike took the overlay away.
func NewRestored(strike int, overlay []Layer, text string) Event {
	e := NewDegraded(strike, overlay, text)
	e.Kind = Restored
	return e
}

// NewSettled: the cluster was stable, led by the node.
func NewSettled(leader string) Event { return Event{Kind: Settled, Subject: leader} }

// NewUnsettled: the cluster did not become stable within the bound.
func NewUnsettled(bound time.Duration, missing string) Event {
	return Event{Kind: Unsettled, Detail: missing, Data: data{"bound_s": bound.Seconds()}}
}

// Bound returns the bound of an Unsettled event.
func (e Event) Bound() time.Duration { return seconds(e.Data["bound_s"]) }

// NewEnded: the node's process ended by itself.
func NewEnded(node, how string) Event { return Event{Kind: Ended, Subject: node, Detail: how} }

// NewLeads: the node was first seen leading the term.
func NewLeads(node string, term uint64) Event {
	return Event{Kind: Leads, Subject: node, Data: data{"term": float64(term)}}
}

// NewLeaderless: no node leads any more.
func NewLeaderless() Event { return Event{Kind: Leads} }

// Term returns the term of a Leads event; 0 where no node leads.
func (e Event) Term() uint64 { return uint64(e.Data["term"]) }

// NewUp: the node began to answer.
func NewUp(node string) Event { return Event{Kind: Up, Subject: node} }

// NewDown: the node ceased to answer.
func NewDown(node string, why error) Event {
	return Event{Kind: Down, Subject: node, Detail: why.Error()}
}

// NewNoise: a sample of what the host machine did, in percent by name.
func NewNoise(sample map[string]float64) Event { return Event{Kind: Noise, Data: sample} }

// NewMetrics: a sample of the member's own metrics by name.
func NewMetrics(member string, sample map[string]float64) Event {
	return Event{Kind: Metrics, Subject: member, Data: sample}
}

// Sample returns the numbers of a Noise or Metrics event by name.
func (e Event) Sample() map[string]float64 { return e.Data }

// NewHash: the member answered the hash for the state at the revision.
func NewHash(member string, revision int64, hash uint32) Event {
	return Event{Kind: Hash, Subject: member, Data: data{"revision": float64(revision), "hash": float64(hash)}}
}

// Hash returns what a Hash event says, and whether it is one that says both.
func (e Event) Hash() (revision int64, hash uint32, ok bool) {
	r, okR := e.Data["revision"]
	h, okH := e.Data["hash"]
	return int64(r), uint32(h), e.Kind == Hash && okR && okH
}

// NewCollected: the member's own account of its past is on record, all of it.
func NewCollected(member string, changes int, newest int64) Event {
	return Event{Kind: Collected, Subject: member, Data: data{"changes": float64(changes), "revision": float64(newest)}}
}

// Changes returns how many changes a Collected event says are on record.
func (e Event) Changes() int { return int(e.Data["changes"]) }

// NewWorked: the worker reported a step of its part in a pass.
func NewWorked(worker string, step Step, pass string) Event {
	return Event{Kind: Worked, Subject: worker, Detail: string(step) + " " + pass, Step: step, Pass: pass}
}

// NewViolated: at that step of a simulation the invariant was broken.
func NewViolated(invariant string, step uint64, how string) Event {
	return Event{Kind: Violated, Subject: invariant, Detail: how, Data: data{"step": float64(step)}}
}

// ViolatedAt returns the step of a Violated event.
func (e Event) ViolatedAt() uint64 { return uint64(e.Data["step"]) }

// NewHarness: something makes the run inconclusive.
func NewHarness(why string) Event { return Event{Kind: Harness, Detail: why} }

// NewInterrupted: the run was cut short.
func NewInterrupted(how string) Event { return Event{Kind: Interrupted, Detail: how} }
