package matrix

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/reckon-bench/reckon/reckon/check"
	"github.com/reckon-bench/reckon/results"
)

// A Threshold is a limit on one number of a run. Of several for one metric the
// last that matches a cell counts, so that the rule comes first and exceptions after it.
type Threshold struct {
	Metric string
	Limit  float64
	where  where
}

// ThresholdCheck is the name of the check that thresholds are.
const ThresholdCheck = "threshold"

// metrics are what a threshold may be on. Each says what a run reached, and whether that is within the limit.
var metrics = map[string]func(s results.Summary, limit float64) (check.Verdict, string){
	"max_ttr_ms":            slowestRecovery,
	"max_unavailability_ms": longestOutage,
	"min_ok_ratio":          acknowledged,
}

// metricNames are the known metrics in order of name.
func metricNames() []string { return sortedKeys(metrics) }

// thresholds reads limits for all cells, or a list of such, each with an optional where.
func (p *parser) thresholds(n *yaml.Node) (all []Threshold) {
	if n.Kind == yaml.MappingNode {
		return p.limits(n)
	}
	for _, c := range p.list(n, "thresholds") {
		all = append(all, p.limits(c)...)
	}
	return all
}

func (p *parser) limits(n *yaml.Node) (all []Threshold) {
	w := where{what: "thresholds", line: n.Line}
	for _, e := range p.mapping(n, "thresholds", append(metricNames(), "where")) {
		if e.key == "where" {
			w = p.where(e.value, "thresholds")
			continue
		}
		x, err := strconv.ParseFloat(p.text(e.value, e.key), 64)
		switch {
		case err != nil || math.IsInf(x, 0) || !(x >= 0):
			p.fail(e.value, "thresholds: %s %s: want a number from 0 up", e.key, e.value.Value)
		case e.key == "min_ok_ratio" && x > 1:
			p.fail(e.value, "thresholds: %s %s: a ratio is from 0 to 1", e.key, e.value.Value)
		}
		all = append(all, Threshold{Metric: e.key, Limit: x})
	}
	if len(all) == 0 {
		p.fail(n, "thresholds: an entry needs a metric: %s", strings.Join(metricNames(), ", "))
	}
	for i := range all {
		all[i].where = w
	}
	return all
}

// limits are the thresholds that count for the cell, in order of metric.
func (f *File) limits(c *Cell) []Threshold {
	last := map[string]Threshold{}
	for _, t := range f.thresholds {
		if t.where.matches(c) {
			last[t.Metric] = t
		}
	}
	var out []Threshold
	for _, m := range sortedKeys(last) {
		out = append(out, last[m])
	}
	return out
}

// judgeThresholds is the check named threshold. A run that is no result has no numbers to hold to anything.
func judgeThresholds(limits []Threshold, s results.Summary) (r check.Result, any bool) {
	if len(limits) == 0 {
		return r, false
	}
	r = check.Result{Name: ThresholdCheck, Verdict: check.Valid}
	if v := s.Verdict; v != results.StatusValid && v != results.StatusInvalid {
		return check.Result{Name: ThresholdCheck, Detail: fmt.Sprintf("not judged: the run is %s, so its numbers are no result", v)}, true
	}
	type line struct {
		v    check.Verdict
		text string
	}
	var lines []line
	for _, t := range limits {
		v, detail := metrics[t.Metric](s, t.Limit)
		lines = append(lines, line{v, fmt.Sprintf("%s %s: %s", t.Metric, plain(t.Limit), detail)})
		r.Verdict = r.Verdict.Worst(v)
	}
	// What broke comes first.
	worstFirst := map[check.Verdict]int{check.Invalid: 0, check.Unknown: 1, check.Valid: 2}
	slices.SortStableFunc(lines, func(a, b line) int { return cmp.Compare(worstFirst[a.v], worstFirst[b.v]) })
	var texts []string
	for _, l := range lines {
		texts = append(texts, l.text)
	}
	r.Detail = strings.Join(texts, "; ")
	return r, true
}

// slowestRecovery holds every strike's time to recover to the limit. Where service never came back, no limit was kept;
// where nobody asked for service, it is not known whether it did.
func slowestRecovery(s results.Summary, limit float64) (check.Verdict, string) {
	of, slowest := s.Unavailability.Slowest()
	switch {
	case of < 0 && slices.ContainsFunc(s.Strikes, func(k results.Strike) bool { return k.Struck != nil }):
		return check.Unknown, "recovery was not measured"
	case of < 0:
		return check.Valid, "nothing struck"
	case math.IsInf(slowest, 1):
		return check.Invalid, fmt.Sprintf("service never came back from strike %d (%s)", of+1, s.Strikes[of].Fault)
	}
	return atMost(slowest, limit), fmt.Sprintf("%s ms to recover from strike %d (%s)", micro(slowest), of+1, s.Strikes[of].Fault)
}

func longestOutage(s results.Summary, limit float64) (check.Verdict, string) {
	if s.Ops.Offered == 0 {
		return check.Unknown, "no operation was offered"
	}
	u := s.Unavailability
	return atMost(u.LongestGap, limit), fmt.Sprintf("%s ms without an acknowledgement, from %.3f s on", micro(u.LongestGap), u.Gap[0])
}

func acknowledged(s results.Summary, limit float64) (check.Verdict, string) {
	if s.Ops.Offered == 0 {
		return check.Unknown, "no operation was offered"
	}
	ratio := float64(s.Ops.OK) / float64(s.Ops.Offered)
	v := check.Valid
	if ratio < limit {
		v = check.Invalid
	}
	return v, fmt.Sprintf("%d of %d operations were acknowledged, a ratio of %.4f", s.Ops.OK, s.Ops.Offered, ratio)
}

func atMost(x, limit float64) check.Verdict {
	if x > limit {
		return check.Invalid
	}
	return check.Valid
}

// plain prints a number without noise.
func plain(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }

// micro prints milliseconds to the microsecond: rounded further, a number just past its limit would look like it.
func micro(ms float64) string { return plain(math.Round(ms*1e3) / 1e3) }
