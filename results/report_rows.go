package results

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/reckon-bench/reckon/reckon/link"
)

type latencyRow struct {
	Name, Rate string
	Q          *Quantiles
}

func latencyRows(s Summary) []latencyRow {
	rate := func(r *float64) string {
		if r == nil {
			return "-"
		}
		return showNumber(*r)
	}
	rows := []latencyRow{{"all", rate(&s.Throughput.OK), s.Latency.All}}
	if s.FaultFrom != nil {
		rows = append(rows,
			latencyRow{"before", rate(s.Throughput.Before), s.Latency.Before},
			latencyRow{"during", rate(s.Throughput.During), s.Latency.During},
			latencyRow{"after", rate(s.Throughput.After), s.Latency.After})
	}
	for _, kind := range []latencyRow{{"reads", "", s.Latency.Reads}, {"writes", "", s.Latency.Writes}} {
		if kind.Q != nil {
			rows = append(rows, kind)
		}
	}
	return rows
}

type hostRow struct {
	Name string
	Level
}

// hostNames say what the keys of Noise events are.
var hostNames = map[string]string{
	"steal_pct": "taken by the hypervisor (steal)", "busy_pct": "processors busy",
	"psi_cpu_pct": "something waited for a processor", "psi_io_pct": "something waited for I/O", "psi_memory_pct": "something waited for memory",
}

func hostRows(s Summary) []hostRow {
	var rows []hostRow
	for _, k := range slices.Sorted(maps.Keys(s.Host)) {
		name := hostNames[k]
		if name == "" {
			name = k
		}
		rows = append(rows, hostRow{name, s.Host[k]})
	}
	return rows
}

type metricRow struct {
	Name  string
	Cells []string
}

type metricTable struct {
	Members []string
	Rows    []metricRow
}

// metricRows are the members' metrics: quantiles, which most readers want, apart from all others.
func metricRows(s Summary) (members []string, quantiles, others []metricRow) {
	members = slices.SortedFunc(maps.Keys(s.Members), link.CompareHosts)
	names := map[string]bool{}
	for _, of := range s.Members {
		for name := range of {
			names[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		r := metricRow{Name: name}
		for _, m := range members {
			r.Cells = append(r.Cells, showMetric(s.Members[m], name))
		}
		if strings.HasSuffix(name, "_p50") || strings.HasSuffix(name, "_p99") {
			quantiles = append(quantiles, r)
		} else {
			others = append(others, r)
		}
	}
	return members, quantiles, others
}

func showMetric(of map[string]Metric, name string) string {
	m, ok := of[name]
	if !ok {
		return "-"
	}
	if m.Max > m.Last {
		return fmt.Sprintf("%s (%s)", showMetricValue(m.Last), showMetricValue(m.Max))
	}
	return showMetricValue(m.Last)
}

func showMetricValue(x float64) string {
	if x >= 100 {
		return showNumber(round(x, 0))
	}
	return strconv.FormatFloat(x, 'g', 3, 64)
}

type factGroup struct {
	Group string
	Facts []Fact
}

// groups gathers facts of one group, groups in the order of their first fact.
func groups(facts []Fact) []factGroup {
	var all []factGroup
	for _, f := range facts {
		i := slices.IndexFunc(all, func(g factGroup) bool { return g.Group == f.Group })
		if i < 0 {
			i = len(all)
			all = append(all, factGroup{Group: f.Group})
		}
		all[i].Facts = append(all[i].Facts, f)
	}
	return all
}

func runFacts(s Summary, info Info) []Fact {
	facts := []Fact{
		{Name: "words", Value: strings.Join(s.Words, " ")},
		{Name: "seed", Value: strconv.FormatUint(s.Seed, 10)},
		{Name: "load", Value: info.Duration.String()},
		{Name: "election timeout", Value: info.ElectionTimeout.String()},
		{Name: "nodes", Value: strings.Join(info.Nodes, " ")},
		{Name: "clients", Value: strings.Join(info.Clients, " ")},
		{Name: "links", Value: s.Links.Backend},
	}
	if s.Settle != nil {
		facts = append(facts, Fact{Name: "settling took", Value: showSeconds(*s.Settle) + " s"})
	}
	return slices.DeleteFunc(facts, func(f Fact) bool { return f.Value == "" })
}

// showMillis prints three or more significant digits, as a person would compare them.
func showMillis(ms float64) string {
	switch {
	case ms < 10:
		return fmt.Sprintf("%.2f", ms)
	case ms < 1000:
		return fmt.Sprintf("%.1f", ms)
	}
	return showNumber(round(ms, 0))
}

func showSeconds(s float64) string { return fmt.Sprintf("%.3f", s) }

// showMicros takes microseconds and prints them in the unit that suits.
func showMicros(us float64) string {
	switch {
	case us < 1000:
		return showNumber(round(us, 0)) + " µs"
	case us < 1e6:
		return showNumber(us/1e3) + " ms"
	}
	return showNumber(us/1e6) + " s"
}

// showNumber sets thousands apart and keeps at most two decimals.
func showNumber(x float64) string {
	s := strconv.FormatFloat(round(x, 2), 'f', -1, 64)
	whole, rest, point := strings.Cut(s, ".")
	for i := len(whole) - 3; i > 0 && whole[i-1] != '-'; i -= 3 {
		whole = whole[:i] + "\u202f" + whole[i:]
	}
	if point {
		return whole + "." + rest
	}
	return whole
}
