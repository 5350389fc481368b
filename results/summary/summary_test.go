package summary

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/reckon-bench/reckon/reckon/check"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/link"
	"github.com/reckon-bench/reckon/results"
)

// TestSummary reads small histories and prints what they amount to.
//
// Example:
//
//	summarise show=(verdict,unavailability) duration=3s election=1s planned=leader:1s-2s
//	0s phase load                                  an event: when, kind, subject, key=number..., "detail"
//	ops c1 0s..1s every=100ms latency=2ms ok       operations of a client, due in [from, to)
//	lag=300ms on such a line delays the call; outcomes are ok, failed, unknown
//	check linearizable invalid "two values at once"
//	----
//	...
//
// Times are since the epoch; the load of these histories starts with it unless they say otherwise.
func TestSummary(t *testing.T) {
	datadriven.Walk(t, "testdata/summary", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			if d.Cmd != "summarise" {
				d.Fatalf(t, "unknown command %s", d.Cmd)
			}
			info := parseInfo(t, d)
			h, checks := parseHistory(t, d.Input)
			return show(t, d, Of(h, info, checks))
		})
	})
}

func parseInfo(t *testing.T, d *datadriven.TestData) Info {
	info := Info{Words: []string{"etcd", "simple", "uniform", "leader"}, Seed: 1, Clients: []string{"c1"}}
	for _, a := range d.CmdArgs {
		for i, v := range a.Vals {
			switch a.Key {
			case "duration":
				info.Duration = duration(t, v)
			case "election":
				info.ElectionTimeout = duration(t, v)
				// as plans have it
				info.LagBound, info.LateBound = info.ElectionTimeout/10, info.ElectionTimeout/10
			case "links":
				info.Backend = v
			case "clients":
				info.Clients = a.Vals
			case "plan":
				path, delay, _ := strings.Cut(v, ":")
				var of link.Path
				must(t, of.UnmarshalText([]byte(path)))
				if info.Links == nil {
					info.Links = link.Matrix{}
				}
				info.Links[of] = link.Shape{Delay: duration(t, delay)}
			case "planned":
				fault, window, _ := strings.Cut(v, ":")
				from, to, _ := strings.Cut(window, "-")
				info.Planned = append(info.Planned, Planned{Fault: fault, Name: "strike " + strconv.Itoa(i), From: duration(t, from), To: duration(t, to)})
			}
		}
	}
	return info
}

func duration(t *testing.T, s string) time.Duration {
	t.Helper()
	v, err := time.ParseDuration(s)
	must(t, err)
	return v
}

func parseHistory(t *testing.T, input string) (*history.History, []check.Result) {
	h := &history.History{}
	var checks []check.Result
	for line := range strings.Lines(input) {
		head, detail, _ := strings.Cut(strings.TrimSpace(line), ` "`)
		detail = strings.TrimSuffix(detail, `"`)
		f := strings.Fields(head)
		switch {
		case len(f) == 0:
		case f[0] == "ops":
			h.Ops = append(h.Ops, parseOps(t, f[1:])...)
		case f[0] == "check":
			c := check.Result{Name: f[1], Detail: detail}
			must(t, c.Verdict.UnmarshalText([]byte(f[2])))
			checks = append(checks, c)
		default:
			e := history.Event{At: duration(t, f[0]), Kind: history.EventKind(f[1]), Detail: detail}
			for _, w := range f[2:] {
				if k, v, ok := strings.Cut(w, "="); ok {
					if e.Data == nil {
						e.Data = map[string]float64{}
					}
					x, err := strconv.ParseFloat(v, 64)
					must(t, err)
					e.Data[k] = x
				} else {
					e.Subject = w
				}
			}
			if e.Kind == history.Verified {
				end, seen, _ := strings.Cut(detail, ": ")
				strike, _ := e.Strike()
				e = history.NewVerified(strike, history.End(end), e.Subject, seen).When(e.At)
			}
			h.Events = append(h.Events, e)
		}
	}
	return h, checks
}

func parseOps(t *testing.T, f []string) []history.Op {
	from, to, _ := strings.Cut(f[1], "..")
	o := history.Op{Client: f[0], Kind: history.Write, Key: "k"}
	var every, latency, lag time.Duration
	for _, w := range f[2:] {
		k, v, _ := strings.Cut(w, "=")
		switch k {
		case "every":
			every = duration(t, v)
		case "latency":
			latency = duration(t, v)
		case "lag":
			lag = duration(t, v)
		case "ok":
			o.Outcome = history.OK
		case "failed":
			o.Outcome = history.Failed
		case "unknown":
			o.Outcome = history.Unknown
		default:
			t.Fatalf("unknown word %q", w)
		}
	}
	var ops []history.Op
	for due := duration(t, from); due < duration(t, to); due += every {
		o.Due, o.Call, o.Return = due, due+lag, due+latency
		ops = append(ops, o)
	}
	return ops
}

// show prints the parts of the summary that the command names, one a line.
func show(t *testing.T, d *datadriven.TestData, s results.Summary) string {
	b, err := json.Marshal(s)
	must(t, err)
	var parts map[string]json.RawMessage
	must(t, json.Unmarshal(b, &parts))
	arg, ok := d.Arg("show")
	if !ok {
		b, err = json.MarshalIndent(s, "", "  ")
		must(t, err)
		return string(b) + "\n"
	}
	var out strings.Builder
	for _, k := range arg.Vals {
		if k == "harness" {
			for _, why := range s.Harness {
				fmt.Fprintf(&out, "harness: %s\n", why)
			}
			continue
		}
		if parts[k] == nil {
			d.Fatalf(t, "the summary has no %s", k)
		}
		fmt.Fprintf(&out, "%s: %s\n", k, parts[k])
	}
	return out.String()
}

func TestSummaryOfNothing(t *testing.T) {
	s := Of(&history.History{}, Info{}, nil)
	if s.Verdict.Exit() == 0 {
		t.Errorf("an empty record is %s", s.Verdict)
	}
	if _, err := json.Marshal(s); err != nil {
		t.Error(err)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
