package report

import (
	"bytes"
	"encoding/csv"
	"maps"
	"slices"
	"strconv"

	"github.com/reckon-bench/reckon/results"
	"github.com/reckon-bench/reckon/results/matrix"
	"github.com/reckon-bench/reckon/results/matrix/index"
)

// CSV returns matrix.csv: a row for each cell, finished or not, in the order of the file, and a
// column for each word and for each flag that the file sets. A field is empty where nothing was
// measured.
func CSV(x *index.Index) ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	flags := flagsSet(x.Cells)
	head := slices.Concat([]string{"number", "name"}, matrix.Kinds(), flags, []string{"repeat", "seed", "order", "state", "verdict", "run_verdict", "must_fail",
		"ttr_ms", "ttr_censored", "unavailability_ms"})
	for _, p := range index.Phases() {
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

// flagsSet returns the flags that any of the cells sets, in order of name.
func flagsSet(cells []*index.Cell) []string {
	set := map[string]bool{}
	for _, c := range cells {
		for f := range c.Flags {
			set[f] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// row returns the fields of a cell.
func row(c *index.Cell, flags []string) []string {
	r := append([]string{strconv.Itoa(c.Number), c.Name}, c.Words.List()...)
	for _, f := range flags {
		v, _ := c.Value(f)
		r = append(r, v)
	}
	r = append(r, strconv.Itoa(c.Repeat), strconv.FormatUint(c.Seed, 10), strconv.Itoa(c.Order), string(c.State))
	o := c.Outcome
	if o == nil {
		o = &index.Outcome{}
	}
	r = append(r, string(o.Verdict), string(o.Run), strconv.FormatBool(c.MustFail))
	r = append(r, measured(o.Metrics)...)
	if c.Outcome == nil {
		return append(r, make([]string, 4+2*3)...)
	}
	r = append(r, strconv.Itoa(1+len(o.Attempts)), plain(o.Took), index.CellsDir+"/"+c.Name, o.Reason)
	if o.Metrics == nil {
		return append(r, make([]string, 2*3)...)
	}
	return slices.Concat(r, part(o.Metrics.InFault), part(o.Metrics.AtHeal))
}

// part returns the columns for a part of the run.
func part(s *results.Stretch) []string {
	if s == nil {
		return make([]string, 3)
	}
	return []string{plain(s.LongestGap), strconv.FormatBool(s.Lasted), strconv.Itoa(s.Changes)}
}

// measured returns the columns from ttr_ms to leader_changes.
func measured(m *index.Metrics) []string {
	if m == nil {
		return make([]string, 3+3*len(index.Phases())+7)
	}
	r := []string{optional(m.TTR), strconv.FormatBool(m.Censored), optional(m.Unavailability)}
	for _, p := range index.Phases() {
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

// plain formats a number with as many digits as it needs.
func plain(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }
