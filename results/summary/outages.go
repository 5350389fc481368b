package summary

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/link"
	"github.com/reckon-bench/reckon/reckon/stats"
	"github.com/reckon-bench/reckon/results"
)

// A share of the load is the operations that belong to one part: of one client, through one member,
// in one region.
type share struct {
	ops  results.Ops
	acks [2][]time.Duration // returns of reads and of writes before the load's end
	asks [2]int             // reads and writes offered
	good [3]results.Share   // by phase
}

func (s *share) add(r *Reading, o *history.Op, limit time.Duration) {
	s.ops.Offered++
	s.asks[o.Kind]++
	switch o.Outcome {
	case history.OK:
		s.ops.OK++
	case history.Failed:
		s.ops.Failed++
	default:
		s.ops.Unknown++
	}
	if o.Outcome == history.OK && o.Return < r.LoadEnd {
		s.acks[o.Kind] = append(s.acks[o.Kind], o.Return)
	}
	in := &s.good[r.phaseOf(o.Due, o.Return)]
	in.Offered++
	if isGood(o, limit) {
		in.Good++
	}
}

// outages works out the outages of parts, by the limit within which an operation is good.
func (r *Reading) outages(limit time.Duration) results.Outages {
	out := results.Outages{Clients: []results.Part{}, Members: []results.Part{}, Regions: []results.Part{}}
	if !r.Loaded {
		return out
	}
	var all share
	clients, members, regions := map[string]*share{}, map[string]*share{}, map[string]*share{}
	for _, c := range r.Info.ClientsIn(r.H) {
		clients[c] = &share{}
	}
	for i := range r.H.Ops {
		o := &r.H.Ops[i]
		if o.Stage != history.Load {
			continue
		}
		all.add(r, o, limit)
		at(clients, o.Client).add(r, o, limit)
		if o.Via != "" {
			at(members, o.Via).add(r, o, limit)
		}
		if region := r.Info.Regions[o.Client]; region != "" {
			at(regions, region).add(r, o, limit)
		}
	}
	if all.ops.Offered == 0 {
		return out
	}
	if len(members) > 0 {
		for _, m := range r.Info.Used {
			at(members, m)
		}
	}
	out.Reads, out.Writes = r.kindGap(&all, history.Read), r.kindGap(&all, history.Write)
	out.Clients, out.Members, out.Regions = r.parts(clients), r.parts(members), r.parts(regions)
	return out
}

func at(of map[string]*share, name string) *share {
	if of[name] == nil {
		of[name] = &share{}
	}
	return of[name]
}

func (r *Reading) parts(of map[string]*share) []results.Part {
	parts := []results.Part{}
	for _, name := range slices.SortedFunc(maps.Keys(of), link.CompareHosts) {
		s := of[name]
		parts = append(parts, results.Part{
			Name: name, Region: r.Info.Regions[name], Ops: s.ops,
			Gap:   *r.gapOf(slices.Concat(s.acks[history.Read], s.acks[history.Write])),
			Reads: r.kindGap(s, history.Read), Writes: r.kindGap(s, history.Write),
			Good: r.byPhase(s.good),
		})
	}
	return parts
}

// kindGap returns the longest gap of reads or of writes; nil where none was offered.
func (r *Reading) kindGap(s *share, kind history.Kind) *results.Gap {
	if s.asks[kind] == 0 {
		return nil
	}
	return r.gapOf(s.acks[kind])
}

// gapOf returns the longest gap between the acknowledgements.
func (r *Reading) gapOf(acks []time.Duration) *results.Gap {
	gaps := r.between(acks)
	g := longest(gaps, 0, forever)
	out := &results.Gap{Length: Millis(g.length()), At: *r.span(g), Lasted: g.open}
	if usual, known := r.usual(gaps); known {
		out.Usual = new(Millis(usual))
	}
	return out
}

// byPhase returns the shares of the phases that have operations, and that of all.
func (r *Reading) byPhase(by [3]results.Share) (out results.ByPhase[*results.Share]) {
	ratio := func(s results.Share) *results.Share {
		if s.Offered == 0 {
			return nil
		}
		s.Ratio = stats.Round(float64(s.Good)/float64(s.Offered), 6)
		return &s
	}
	var all results.Share
	for _, s := range by {
		all.Good, all.Offered = all.Good+s.Good, all.Offered+s.Offered
	}
	out.All, out.Before, out.During, out.After = ratio(all), ratio(by[Before]), ratio(by[During]), ratio(by[After])
	return out
}

// stages counts what every stage offered.
func (r *Reading) stages() (s results.Stages) {
	for i := range r.H.Ops {
		o := &r.H.Ops[i]
		to := &s.Load
		switch o.Stage {
		case history.Load:
		case history.Preload:
			to = &s.Preload
		case history.Final:
			to = &s.Final
		default:
			continue
		}
		to.Offered++
		switch o.Outcome {
		case history.OK:
			to.OK++
			if o.Kind == history.Write {
				to.Writes++
			}
		case history.Failed:
			to.Failed++
		default:
			to.Unknown++
		}
	}
	return s
}

// errorsUpTo is how many errors a summary tells apart; ops.jsonl has all.
const errorsUpTo = 50

// errors counts the errors of the load by their text and outcome, without the member that the
// operation was sent through, which would make one error three.
func (r *Reading) errors() []results.ErrorCount {
	type kind struct{ text, outcome string }
	counts := map[kind]*results.ErrorCount{}
	for i := range r.H.Ops {
		o := &r.H.Ops[i]
		if o.Stage != history.Load || o.Outcome == history.OK {
			continue
		}
		k := kind{cmp.Or(strings.TrimPrefix(o.Error, "through "+o.Via+": "), "no reason given"), o.Outcome.String()}
		if counts[k] == nil {
			counts[k] = &results.ErrorCount{Text: k.text, Outcome: k.outcome, Via: map[string]int{}}
		}
		counts[k].N++
		counts[k].Via[o.Via]++
	}
	all := []results.ErrorCount{}
	for _, c := range counts {
		all = append(all, *c)
	}
	slices.SortFunc(all, results.ErrorCount.Compare)
	if len(all) > errorsUpTo {
		rest := results.ErrorCount{Text: "other errors, each rarer than those above", Via: map[string]int{}}
		for _, c := range all[errorsUpTo:] {
			rest.N += c.N
			for m, n := range c.Via {
				rest.Via[m] += n
			}
		}
		all = append(all[:errorsUpTo:errorsUpTo], rest)
	}
	return all
}
