package summary

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/link"
	"github.com/reckon-bench/reckon/reckon/plan"
	"github.com/reckon-bench/reckon/results"
)

// Read reads the record of a run, and what its plan says.
func Read(dir *results.Dir) (*history.History, Info, error) {
	h, notes, err := dir.History()
	if err != nil {
		return nil, Info{}, err
	}
	p, file, err := dir.Plan()
	if err != nil {
		return nil, Info{}, err
	}
	return h, InfoOf(dir, p, file, notes), nil
}

// Again summarises a recorded run again, with the verdicts that the checks came to then. It is for
// summaries whose numbers mean something else than they do now; it writes nothing.
func Again(dir *results.Dir) (results.Summary, error) {
	then, err := dir.ReadSummary()
	if err != nil {
		return then, err
	}
	h, info, err := Read(dir)
	if err != nil {
		return then, fmt.Errorf("summarise %s again: %w", dir, err)
	}
	return Of(h, info, then.Checks), nil
}

// usedBy returns the members that any client uses.
func usedBy(s reckon.Setting) (used []string) {
	for _, c := range s.Clients {
		used = append(used, s.Used(c)...)
	}
	slices.SortFunc(used, link.CompareHosts)
	return slices.Compact(used)
}

// InfoOf returns what the summary and the report need to know of the plan of a run, of which reading
// the record noted something.
func InfoOf(dir *results.Dir, p *plan.Plan, f results.PlanFile, notes []string) Info {
	in := InfoOfPlan(p, f, notes)
	if end := dir.RunnerEnd(); end != "" {
		in.Defects = append(in.Defects, end)
	}
	return in
}

// InfoOfPlan is InfoOf for a record that lies in no directory.
func InfoOfPlan(p *plan.Plan, f results.PlanFile, notes []string) Info {
	in := Info{
		Words: p.Words.List(), Seed: p.Options.Seed, Duration: p.Options.Duration, ElectionTimeout: p.Options.FailureTimeout,
		Nodes: p.Setting.Nodes, Clients: p.Setting.Clients, Backend: f.Backend, Links: p.Links,
		LagBound: p.Bounds.Lag, LateBound: p.Bounds.Late, Command: f.Command, Notes: notes,
		SLO: p.Options.GoodWithin(), Used: usedBy(p.Setting), Regions: p.Setting.Regions,
	}
	for _, s := range p.Strikes {
		in.Planned = append(in.Planned, Planned{Fault: s.Fault, Name: s.Name, From: s.From, To: s.To})
	}
	in.Facts = append(in.Facts, Fact{Group: "Machine", Name: "started", Value: f.Started.Format(time.RFC3339)})
	for _, fl := range p.Effective() {
		in.Facts = append(in.Facts, Fact{Group: "Flags", Name: "--" + fl.Name, Value: fl.Value})
	}
	in.Facts = append(in.Facts, facts("Versions", f.Versions)...)
	in.Facts = append(in.Facts, facts("Machine", f.Machine)...)
	if f.Backend == results.Simulated {
		in.Notes = append(in.Notes, "simulated in virtual time: the raft of etcd and a model of its log, snapshots and client, on modelled disks and links; "+
			"nothing here says anything about mvcc, bbolt, gRPC, TCP or the time that a processor takes")
		return in
	}
	if f.Machine["file_system"] == "tmpfs" {
		in.Notes = append(in.Notes, "the data directories were on tmpfs, where fsync costs nothing: latencies are not those of a disk")
	}
	return in
}

func facts(group string, m map[string]string) (all []Fact) {
	for _, k := range slices.Sorted(maps.Keys(m)) {
		all = append(all, Fact{Group: group, Name: strings.ReplaceAll(k, "_", " "), Value: m[k]})
	}
	return all
}
