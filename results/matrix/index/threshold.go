package index

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/reckon-bench/reckon/reckon/check"
	"github.com/reckon-bench/reckon/results"
	"github.com/reckon-bench/reckon/results/matrix"
)

// ThresholdCheck is the name of the check that holds a run to its thresholds.
const ThresholdCheck = "threshold"

// metrics compares a run with the limit on each metric, and says what the run reached.
var metrics = map[matrix.Metric]func(s results.Summary, limit float64) (check.Verdict, string){
	matrix.MaxTTR:            slowestRecovery,
	matrix.MaxUnavailability: longestOutage,
	matrix.MinOKRatio:        acknowledged,
}

// judgeThresholds returns the result of ThresholdCheck; any is false where the run has no limits.
// The measurements of an inconclusive run do not count, so its result is unknown.
func judgeThresholds(limits []matrix.Threshold, s results.Summary) (r check.Result, any bool) {
	if len(limits) == 0 {
		return r, false
	}
	r = check.Result{Name: ThresholdCheck, Verdict: check.Valid}
	if v := s.Verdict; v != results.StatusValid && v != results.StatusInvalid {
		return check.Result{Name: ThresholdCheck, Detail: fmt.Sprintf("not checked: the run's verdict is %s, so its measurements do not count", v)}, true
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
	worstFirst := map[check.Verdict]int{check.Invalid: 0, check.Unknown: 1, check.Valid: 2}
	slices.SortStableFunc(lines, func(a, b line) int { return cmp.Compare(worstFirst[a.v], worstFirst[b.v]) })
	var texts []string
	for _, l := range lines {
		texts = append(texts, l.text)
	}
	r.Detail = strings.Join(texts, "; ")
	return r, true
}

// slowestRecovery compares the slowest recovery from a fault with the limit. A fault from which
// service did not recover exceeds any limit. Where no operation was offered, it is not known
// whether service recovered.
func slowestRecovery(s results.Summary, limit float64) (check.Verdict, string) {
	of, slowest := s.Unavailability.Slowest()
	switch {
	case of < 0 && slices.ContainsFunc(s.Strikes, func(k results.Strike) bool { return k.Struck != nil }):
		return check.Unknown, "recovery was not measured"
	case of < 0:
		return check.Valid, "no fault was injected"
	case math.IsInf(slowest, 1):
		return check.Invalid, fmt.Sprintf("service did not recover from fault %d (%s)", of+1, s.Strikes[of].Fault)
	}
	return atMost(slowest, limit), fmt.Sprintf("%s ms to recover from fault %d (%s)", micro(slowest), of+1, s.Strikes[of].Fault)
}

// longestOutage compares the longest time between acknowledged operations with the limit.
func longestOutage(s results.Summary, limit float64) (check.Verdict, string) {
	if s.Ops.Offered == 0 {
		return check.Unknown, "no operation was offered"
	}
	u := s.Unavailability
	return atMost(u.LongestGap, limit), fmt.Sprintf("the longest outage lasted %s ms, from %.3f s on", micro(u.LongestGap), u.Gap[0])
}

// acknowledged compares the share of operations that were acknowledged with the limit.
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

// plain formats a number with as many digits as it needs.
func plain(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }

// micro formats milliseconds to the microsecond. Rounded further, a number just above its limit
// would look equal to it.
func micro(ms float64) string { return plain(math.Round(ms*1e3) / 1e3) }
