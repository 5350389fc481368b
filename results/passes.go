package results

import (
	"cmp"
	"slices"
	"time"

	"github.com/reckon-bench/reckon/reckon/history"
)

// Kibishii is what the passes of Kibishii's workers amount to; a run without them has none.
type Kibishii struct {
	Generate PassCount `json:"generate"`
	Verify   PassCount `json:"verify"`

	Files int64 `json:"verified_files"` // found right, over all passes
	Bytes int64 `json:"verified_bytes"`

	// What verifying found wrong, over all passes; a pass that failed for another reason may have left its tree half written.
	Missing     int64         `json:"missing"`
	Corrupted   int64         `json:"corrupted"`
	Extra       int64         `json:"extra"`
	Damaged     []DamagedPath `json:"damaged"`      // the first hundred, each once
	DamagedMore int64         `json:"damaged_more"` // how many more there are; a worker names a hundred a pass

	// Time is from a command to the last worker's completion, of passes of the load that succeeded.
	Time PassTimes `json:"time_ms"`
	// Standstill is the longest time in which work was left of a pass of the load, and no key of it changed; null where there was no pass.
	Standstill ByPhase[*float64] `json:"longest_standstill_ms"`
	Retries    int               `json:"retries"` // of requests to the store
}

// PassCount is how the passes of one command ended.
type PassCount struct {
	OK      int `json:"ok"`
	Failed  int `json:"failed"`
	Unknown int `json:"unknown"` // not seen to end
}

// DamagedPath is what was first wrong with a path.
type DamagedPath struct {
	Node string  `json:"node"`
	Path string  `json:"path"`
	What string  `json:"what"`
	At   float64 `json:"at_s"` // when the pass ended that found it
}

// ByPhase has a value for each part of the load. A pass is one of "during" if any of it
// overlaps the time from the first strike to the last heal: passes wait for each other, so what a fault delays is the pass under way.
type ByPhase[T any] struct {
	All    T `json:"all"`
	Before T `json:"before"`
	During T `json:"during"`
	After  T `json:"after"`
}

// PassTimes are in milliseconds; null where no pass counts.
type PassTimes = ByPhase[*PassTime]

// PassTime is exact, by nearest rank.
type PassTime struct {
	N   int     `json:"n"`
	P50 float64 `json:"p50"`
	Max float64 `json:"max"`
}

// damagedUpTo is how many damaged paths a summary names.
const damagedUpTo = 100

func (r *reading) kibishii() *Kibishii {
	if len(r.h.Passes) == 0 {
		return nil
	}
	k := &Kibishii{Damaged: []DamagedPath{}}
	for i := range r.h.Passes {
		p := &r.h.Passes[i]
		k.Retries += p.Retries
		if p.Command == "verify" {
			k.Verify.add(p.Outcome)
			r.damage(k, p)
		} else {
			k.Generate.add(p.Outcome)
		}
	}
	r.passTimes(k)
	return k
}

func (c *PassCount) add(o history.Outcome) {
	switch o {
	case history.OK:
		c.OK++
	case history.Failed:
		c.Failed++
	default:
		c.Unknown++
	}
}

func (r *reading) damage(k *Kibishii, p *history.Pass) {
	for _, n := range p.Nodes {
		if n.State == "success" {
			k.Files, k.Bytes = k.Files+n.Files, k.Bytes+n.Bytes
		}
		k.Missing, k.Corrupted, k.Extra = k.Missing+n.Missing, k.Corrupted+n.Corrupted, k.Extra+n.Extra
		k.DamagedMore += n.More
		for _, d := range n.Damage {
			switch {
			case slices.ContainsFunc(k.Damaged, func(x DamagedPath) bool { return x.Node == n.Node && x.Path == d.Path }):
			case len(k.Damaged) < damagedUpTo:
				k.Damaged = append(k.Damaged, DamagedPath{n.Node, d.Path, d.What, r.since(p.Return)})
			default:
				k.DamagedMore++
			}
		}
	}
}

// passPhase is the part of the load that the pass belongs to.
func (r *reading) passPhase(p *history.Pass) phase {
	switch {
	case r.faultFrom < 0 || p.Return < r.faultFrom:
		return before
	case p.Call <= r.faultTo:
		return during
	}
	return after
}

func (r *reading) passTimes(k *Kibishii) {
	var took [3][]time.Duration
	var stood [3]*float64
	for i := range r.h.Passes {
		p := &r.h.Passes[i]
		if p.Stage != history.Load.String() {
			continue
		}
		in := r.passPhase(p)
		if s := millis(p.Stood); stood[in] == nil || s > *stood[in] {
			stood[in] = &s
		}
		if p.Outcome == history.OK {
			took[in] = append(took[in], p.LastCompletion()-p.Call)
		}
	}
	k.Time = PassTimes{passTime(slices.Concat(took[:]...)), passTime(took[before]), passTime(took[during]), passTime(took[after])}
	k.Standstill = ByPhase[*float64]{nil, stood[before], stood[during], stood[after]}
	for _, s := range stood {
		if s != nil && (k.Standstill.All == nil || *s > *k.Standstill.All) {
			k.Standstill.All = s
		}
	}
}

func passTime(took []time.Duration) *PassTime {
	if len(took) == 0 {
		return nil
	}
	slices.Sort(took)
	return &PassTime{len(took), millis(nearestRank(took, 0.5)), millis(nearestRank(took, 1))}
}

// idleCrew finds runs of nothing but workers that prove nothing, because no pass succeeded before anything was broken.
func (r *reading) idleCrew() []defect {
	until, what := r.loadEnd, "no pass succeeded"
	if r.faultFrom >= 0 {
		until, what = r.faultFrom, "no pass succeeded before the first strike"
	}
	if slices.ContainsFunc(r.h.Passes, func(p history.Pass) bool { return p.Outcome == history.OK && p.Call < until }) {
		return nil
	}
	return []defect{{why: what}}
}

// passRow is a command's passes on the page.
type passRow struct {
	Command string
	PassCount
}

// passTimeRow is a part of the load on the page.
type passTimeRow struct {
	Name       string
	Time       *PassTime
	Standstill *float64
}

func (k *Kibishii) rows() []passRow {
	return []passRow{{"generate", k.Generate}, {"verify", k.Verify}}
}

func (k *Kibishii) timeRows(struck bool) []passTimeRow {
	rows := []passTimeRow{{"all", k.Time.All, k.Standstill.All}}
	if struck {
		rows = append(rows, passTimeRow{"before", k.Time.Before, k.Standstill.Before},
			passTimeRow{"during", k.Time.During, k.Standstill.During}, passTimeRow{"after", k.Time.After, k.Standstill.After})
	}
	return rows
}

// tile is the passes in a word.
func (k *Kibishii) tile() tile {
	ok, failed := k.Generate.OK+k.Verify.OK, k.Generate.Failed+k.Verify.Failed
	t := tile{"passes of the workers", showNumber(float64(ok + failed + k.Generate.Unknown + k.Verify.Unknown)),
		showNumber(float64(ok)) + " ok, " + showNumber(float64(failed)) + " failed"}
	if wrong := k.Missing + k.Corrupted + k.Extra; wrong > 0 {
		t.More += ", " + showNumber(float64(wrong)) + " paths wrong"
	}
	return t
}

// passNodes are the workers, in the order in which people count.
func passNodes(passes []history.Pass) (nodes []string) {
	for _, p := range passes {
		for _, n := range p.Nodes {
			if !slices.Contains(nodes, n.Node) {
				nodes = append(nodes, n.Node)
			}
		}
	}
	slices.SortFunc(nodes, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) })
	return nodes
}
