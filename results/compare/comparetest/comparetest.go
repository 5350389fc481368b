// Package comparetest records runs for tests of comparisons.
package comparetest

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/reckon-bench/reckon/results"
)

// A Run is a run that a test records. Zero fields have values of a plain run of etcd.
type Run struct {
	System, Fault string
	Flags         map[string]string // those that were given
	Verdict       results.Status
	Interrupted   bool
	TTR           []float64 // milliseconds; NaN for a fault from which service did not recover
	Gap           float64   // the longest, in milliseconds
	P50           float64   // milliseconds before the fault; 3 times that during it
	Rate          float64   // acknowledged operations a second
	Changes       int       // of the leader
	Kernel        string
	Version       string                 // "none" for a system that has none
	Edit          func(*results.Summary) // changes the summary before it is written
}

// Write records the run in the directory, as far as a comparison reads it.
func (m Run) Write(t testing.TB, dir string) {
	t.Helper()
	flags, given := map[string][]string{"seed": {"7"}, "duration": {"3s"}}, []string{}
	for k, v := range m.Flags {
		flags[k] = []string{v}
		given = append(given, k)
	}
	plan := map[string]any{
		"words": map[string]string{"system": or(m.System, "etcd"), "topology": "simple", "workload": "uniform", "fault": or(m.Fault, "leader")},
		"flags": flags, "flags_given": given, "seed": 7, "versions": map[string]string{"kernel": or(m.Kernel, "6.1"), "reckon": "v1", "system": or(m.Version, "etcd 3.7.3, built in")},
	}
	if m.Version == "none" {
		delete(plan["versions"].(map[string]string), "system")
	}
	s := results.Summary{Verdict: results.Status(or(string(m.Verdict), "valid")), Interrupted: m.Interrupted}
	if m.Verdict == results.StatusHarness {
		s.Harness = []string{"the generator lagged"}
	}
	for _, v := range m.TTR {
		s.Unavailability.Censored = append(s.Unavailability.Censored, math.IsNaN(v))
		if math.IsNaN(v) {
			s.Unavailability.TTR = append(s.Unavailability.TTR, nil)
		} else {
			s.Unavailability.TTR = append(s.Unavailability.TTR, &v)
		}
	}
	s.Unavailability.LongestGap = m.Gap
	q := func(x float64) *results.Quantiles {
		return &results.Quantiles{N: 1000, P50: x, P90: 1.1 * x, P99: 1.5 * x, P999: 2 * x}
	}
	s.Latency.Before, s.Latency.During, s.Latency.After = q(m.P50), q(3*m.P50), q(1.1*m.P50)
	s.Ops.Offered, s.Throughput.Offered, s.Throughput.OK = 3000, 1000, m.Rate
	from, to := 1.0, 2.0
	s.FaultFrom, s.FaultTo, s.LoadEnd = &from, &to, 3
	s.Leaders.Changes = m.Changes
	if m.Edit != nil {
		m.Edit(&s)
	}
	put(t, filepath.Join(dir, "plan.json"), plan)
	put(t, filepath.Join(dir, "summary.json"), s)
}

func or(s, def string) string {
	if s == "" {
		return def
	}
	return s
}

func put(t testing.TB, path string, v any) {
	t.Helper()
	b, err := json.Marshal(v)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), 0o777)
	}
	if err == nil {
		err = os.WriteFile(path, b, 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// LikeEtcd returns a run such as etcd has when its leader is killed: recovery takes one election
// timeout or two, and a tail, and slower milliseconds more.
func LikeEtcd(rng *rand.Rand, system string, slower float64) Run {
	ttr := slower + 1000*(1+rng.Float64()) + 60*rng.ExpFloat64()
	if rng.IntN(5) == 0 {
		ttr += 1000
	}
	return Run{
		System: system, TTR: []float64{math.Round(ttr*1000) / 1000}, Gap: ttr, P50: 40 + rng.NormFloat64(), Rate: 97 - ttr/1000 + 0.2*rng.NormFloat64(),
		Changes: 1 + rng.IntN(6)/5,
	}
}

// Side records n runs below root/name, each as run says, and returns that directory.
func Side(t testing.TB, root, name string, n int, run func(i int) Run) string {
	t.Helper()
	dir := filepath.Join(root, name)
	for i := range n {
		run(i).Write(t, filepath.Join(dir, fmt.Sprintf("%03d", i)))
	}
	return dir
}

// Matrix records runs over two axes, fifteen in each of nine cells, and returns their directories.
// In the cells of partial-partition, recovery takes slower milliseconds more.
func Matrix(t testing.TB, root, name, system string, slower float64) (dirs []string) {
	rng := rand.New(rand.NewPCG(5, uint64(len(system))))
	for _, fault := range []string{"leader", "partial-partition", "slow-link"} {
		for _, latency := range []string{"1ms", "20ms", "100ms"} {
			dirs = append(dirs, Side(t, root, name+"/"+fault+"-"+latency, 15, func(int) Run {
				more := 0.0
				if fault == "partial-partition" {
					more = slower
				}
				m := LikeEtcd(rng, system, more)
				m.Fault, m.Flags = fault, map[string]string{"link-latency": latency}
				return m
			}))
		}
	}
	return dirs
}
