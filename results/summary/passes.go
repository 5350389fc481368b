package summary

import (
	"slices"
	"time"

	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/stats"
	"github.com/reckon-bench/reckon/results"
)

// damagedUpTo is how many damaged paths a summary names.
const damagedUpTo = 100

func (r *Reading) kibishii() *results.Kibishii {
	if len(r.H.Passes) == 0 {
		return nil
	}
	k := &results.Kibishii{Damaged: []results.DamagedPath{}}
	for i := range r.H.Passes {
		p := &r.H.Passes[i]
		k.Retries += p.Retries
		if p.Command == "verify" {
			count(&k.Verify, p.Outcome)
			r.damage(k, p)
		} else {
			count(&k.Generate, p.Outcome)
		}
	}
	r.passTimes(k)
	return k
}

func count(c *results.PassCount, o history.Outcome) {
	switch o {
	case history.OK:
		c.OK++
	case history.Failed:
		c.Failed++
	default:
		c.Unknown++
	}
}

func (r *Reading) damage(k *results.Kibishii, p *history.Pass) {
	for _, n := range p.Nodes {
		if n.State == "success" {
			k.Files, k.Bytes = k.Files+n.Files, k.Bytes+n.Bytes
		}
		k.Missing, k.Corrupted, k.Extra = k.Missing+n.Missing, k.Corrupted+n.Corrupted, k.Extra+n.Extra
		k.DamagedMore += n.More
		for _, d := range n.Damage {
			switch {
			case slices.ContainsFunc(k.Damaged, func(x results.DamagedPath) bool { return x.Node == n.Node && x.Path == d.Path }):
			case len(k.Damaged) < damagedUpTo:
				k.Damaged = append(k.Damaged, results.DamagedPath{Node: n.Node, Path: d.Path, What: d.What, At: r.Since(p.Return)})
			default:
				k.DamagedMore++
			}
		}
	}
}

// passPhase returns the part of the load that the pass belongs to.
func (r *Reading) passPhase(p *history.Pass) phase {
	switch {
	case r.FaultFrom < 0 || p.Return < r.FaultFrom:
		return Before
	case p.Call <= r.faultTo:
		return During
	}
	return After
}

func (r *Reading) passTimes(k *results.Kibishii) {
	var took [3][]time.Duration
	var stood [3]*float64
	for i := range r.H.Passes {
		p := &r.H.Passes[i]
		if p.Stage != history.Load.String() {
			continue
		}
		in := r.passPhase(p)
		if s := Millis(p.Stood); stood[in] == nil || s > *stood[in] {
			stood[in] = &s
		}
		if p.Outcome == history.OK {
			took[in] = append(took[in], p.LastCompletion()-p.Call)
		}
	}
	k.Time = results.PassTimes{All: passTime(slices.Concat(took[:]...)), Before: passTime(took[Before]), During: passTime(took[During]), After: passTime(took[After])}
	k.Standstill = results.ByPhase[*float64]{All: nil, Before: stood[Before], During: stood[During], After: stood[After]}
	for _, s := range stood {
		if s != nil && (k.Standstill.All == nil || *s > *k.Standstill.All) {
			k.Standstill.All = s
		}
	}
}

func passTime(took []time.Duration) *results.PassTime {
	if len(took) == 0 {
		return nil
	}
	slices.Sort(took)
	return &results.PassTime{N: len(took), P50: Millis(stats.Quantile(took, 0.5)), Max: Millis(stats.Quantile(took, 1))}
}
