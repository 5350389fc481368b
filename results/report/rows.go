package report

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/reckon-bench/reckon/reckon/link"
	"github.com/reckon-bench/reckon/reckon/stats"
	"github.com/reckon-bench/reckon/results"
	"github.com/reckon-bench/reckon/results/summary"
)

type latencyRow struct {
	Name, Rate string
	Q          *results.Quantiles
}

func latencyRows(s results.Summary) []latencyRow {
	rate := func(r *float64) string {
		if r == nil {
			return "-"
		}
		return showFixed(*r, 1)
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
	results.Level
}

// hostNames say what the keys of Noise events are.
var hostNames = map[string]string{
	"steal_pct": "taken by the hypervisor (steal)", "busy_pct": "CPU busy",
	"psi_cpu_pct": "CPU pressure (PSI some)", "psi_io_pct": "I/O pressure (PSI some)", "psi_memory_pct": "memory pressure (PSI some)",
}

func hostRows(s results.Summary) []hostRow {
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

// metricRows returns the members' metrics: quantiles, which most readers want, apart from all
// others.
func metricRows(s results.Summary) (members []string, quantiles, others []metricRow) {
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

func showMetric(of map[string]results.Metric, name string) string {
	m, ok := of[name]
	if !ok {
		return "-"
	}
	if m.Max > m.Last {
		return fmt.Sprintf("%s (%s)", showMetricValue(name, m.Last), showMetricValue(name, m.Max))
	}
	return showMetricValue(name, m.Last)
}

// showMetricValue prints a quantile of seconds in a unit that suits, all else to three digits.
func showMetricValue(name string, x float64) string {
	if strings.HasSuffix(name, "_seconds_p50") || strings.HasSuffix(name, "_seconds_p99") {
		return showMillis(x*1e3) + " ms"
	}
	if x >= 100 {
		return showNumber(stats.Round(x, 0))
	}
	return strconv.FormatFloat(x, 'g', 3, 64)
}

type factGroup struct {
	Group string
	Facts []summary.Fact
}

// groups gathers facts of one group, groups in the order of their first fact.
func groups(facts []summary.Fact) []factGroup {
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

func runFacts(s results.Summary, info summary.Info) []summary.Fact {
	facts := []summary.Fact{
		{Name: "words", Value: strings.Join(s.Words, " ")},
		{Name: "seed", Value: strconv.FormatUint(s.Seed, 10)},
		{Name: "load", Value: info.Duration.String()},
		{Name: "election timeout", Value: info.ElectionTimeout.String()},
		{Name: "nodes", Value: strings.Join(info.Nodes, " ")},
		{Name: "clients", Value: strings.Join(info.Clients, " ")},
		{Name: "links", Value: s.Links.Backend},
	}
	if s.Settle != nil {
		facts = append(facts, summary.Fact{Name: "time to settle", Value: showSeconds(*s.Settle) + " s"})
	}
	return slices.DeleteFunc(facts, func(f summary.Fact) bool { return f.Value == "" })
}
