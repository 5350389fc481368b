package matrix

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A Metric is a number of a run that a threshold may limit.
type Metric string

// The metrics of thresholds.
const (
	MaxTTR            Metric = "max_ttr_ms"            // the slowest recovery from a fault, in milliseconds
	MaxUnavailability Metric = "max_unavailability_ms" // the longest outage, in milliseconds
	MinOKRatio        Metric = "min_ok_ratio"          // acknowledged operations per operation offered, from 0 to 1
)

// metrics are the known metrics, in order of name.
var metrics = []string{string(MaxTTR), string(MaxUnavailability), string(MinOKRatio)}

// A Threshold is a limit on one number of a run. Of several for one metric the last that matches a
// cell applies, so that a rule comes first and its exceptions after it.
type Threshold struct {
	Metric Metric
	Limit  float64
	where  where
}

// thresholds reads limits for all cells, or a list of limits, each with an optional where.
func (p *parser) thresholds(n *yaml.Node) (all []Threshold) {
	if n.Kind == yaml.MappingNode {
		return p.limits(n)
	}
	for _, c := range p.list(n, "thresholds") {
		all = append(all, p.limits(c)...)
	}
	return all
}

// limits reads one entry of thresholds.
func (p *parser) limits(n *yaml.Node) (all []Threshold) {
	w := where{what: "thresholds", line: n.Line}
	for _, e := range p.mapping(n, "thresholds", append(slices.Clone(metrics), "where")) {
		if e.key == "where" {
			w = p.where(e.value, "thresholds")
			continue
		}
		x, err := strconv.ParseFloat(p.text(e.value, e.key), 64)
		switch {
		case err != nil || math.IsInf(x, 0) || !(x >= 0):
			p.fail(e.value, "thresholds: %s %s: want a number of at least 0", e.key, e.value.Value)
		case e.key == string(MinOKRatio) && x > 1:
			p.fail(e.value, "thresholds: %s %s: a ratio is from 0 to 1", e.key, e.value.Value)
		}
		all = append(all, Threshold{Metric: Metric(e.key), Limit: x})
	}
	if len(all) == 0 {
		p.fail(n, "thresholds: an entry needs a metric: %s", strings.Join(metrics, ", "))
	}
	for i := range all {
		all[i].where = w
	}
	return all
}

// limits returns the thresholds that apply to the cell, in order of metric.
func (f *File) limits(c *Cell) []Threshold {
	last := map[Metric]Threshold{}
	for _, t := range f.thresholds {
		if t.where.matches(c) {
			last[t.Metric] = t
		}
	}
	var out []Threshold
	for _, m := range slices.Sorted(maps.Keys(last)) {
		out = append(out, last[m])
	}
	return out
}
