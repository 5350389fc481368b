package matrix

import (
	"bytes"
	"encoding/csv"
	"slices"
	"strconv"

	"github.com/reckon-bench/reckon/results"
)

// table is matrix.csv: a row a cell in the order of the file, a cell that is not
// finished too, and a column for every word and for every flag that the file sets.
// What was not measured is empty.
func table(x *Index) ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	flags := flagsSet(x.Cells)
	head := slices.Concat([]string{"number", "name"}, kinds, flags, []string{"repeat", "seed", "order", "state", "verdict", "run_verdict", "must_fail",
		"ttr_ms", "ttr_censored", "unavailability_ms"})
	for _, p := range phases {
		for _, q := range []string{"p50", "p99", "p999"} {
			head = append(head, p+"_"+q+"_ms")
		}
	}
	head = append(head, "offered", "ok", "failed", "unknown", "ok_ratio", "ok_per_s", "leader_changes", "attempts", "took_s", "dir", "reason")
	for _, part := range []string{"in_fault", "at_heal"} {
		head = append(head, part+"_gap_ms", part+"_lasted", part+"_leader_changes")
	}
	_ = w.Write(head) // errors stay with the writer
	for _, c := range x.Cells {
		_ = w.Write(row(c, flags))
	}
	w.Flush()
	return b.Bytes(), w.Error()
}

// flagsSet are the flags that any of the cells sets.
func flagsSet(cells []*Cell) []string {
	set := map[string]bool{}
	for _, c := range cells {
		for f := range c.Flags {
			set[f] = true
		}
	}
	return sortedKeys(set)
}

func row(c *Cell, flags []string) []string {
	r := append([]string{strconv.Itoa(c.Number), c.Name}, c.Words.List()...)
	for _, f := range flags {
		v, _ := c.value(f)
		r = append(r, v)
	}
	r = append(r, strconv.Itoa(c.Repeat), strconv.FormatUint(c.Seed, 10), strconv.Itoa(c.Order), string(c.State))
	o := c.Outcome
	if o == nil {
		o = &Outcome{}
	}
	r = append(r, string(o.Verdict), string(o.Run), strconv.FormatBool(c.MustFail))
	r = append(r, measured(o.Metrics)...)
	if c.Outcome == nil {
		return append(r, make([]string, 4+2*3)...)
	}
	r = append(r, strconv.Itoa(1+len(o.Attempts)), plain(o.Took), cellsDir+"/"+c.Name, o.Reason)
	if o.Metrics == nil {
		return append(r, make([]string, 2*3)...)
	}
	return slices.Concat(r, part(o.Metrics.InFault), part(o.Metrics.AtHeal))
}

// part are the columns of a part of the run.
func part(s *results.Stretch) []string {
	if s == nil {
		return make([]string, 3)
	}
	return []string{plain(s.LongestGap), strconv.FormatBool(s.Lasted), strconv.Itoa(s.Changes)}
}

// measured are the columns from ttr_ms to leader_changes.
func measured(m *Metrics) []string {
	if m == nil {
		return make([]string, 3+3*len(phases)+7)
	}
	r := []string{optional(m.TTR), strconv.FormatBool(m.Censored), optional(m.Unavailability)}
	for _, p := range phases {
		if t := m.Latency[p]; t != nil {
			r = append(r, plain(t.P50), plain(t.P99), plain(t.P999))
		} else {
			r = append(r, "", "", "")
		}
	}
	for _, n := range []int{m.Ops.Offered, m.Ops.OK, m.Ops.Failed, m.Ops.Unknown} {
		r = append(r, strconv.Itoa(n))
	}
	return append(r, optional(m.OKRatio), plain(m.Throughput), strconv.Itoa(m.LeaderChanges))
}

func optional(x *float64) string {
	if x == nil {
		return ""
	}
	return plain(*x)
}
