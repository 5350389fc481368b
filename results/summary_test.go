package results

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/reckon-bench/reckon/reckon/check"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/link"
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
			return show(t, d, Summarise(h, info, checks))
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
				info.Planned = append(info.Planned, Planned{fault, "strike " + strconv.Itoa(i), duration(t, from), duration(t, to)})
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
func show(t *testing.T, d *datadriven.TestData, s Summary) string {
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

func TestNearestRank(t *testing.T) {
	hundred := make([]time.Duration, 100)
	for i := range hundred {
		hundred[i] = time.Duration(i + 1)
	}
	for _, c := range []struct {
		samples []time.Duration
		p       float64
		want    time.Duration
	}{
		{hundred, 0.5, 50},
		{hundred, 0.99, 99},
		{hundred, 0.999, 100}, // 99.9 of 100 samples is all of them
		{hundred, 1, 100},
		{hundred[:1], 0.5, 1},
		{hundred[:3], 0.5, 2},
		{hundred[:2], 0.5, 1}, // half of them do not exceed the first
	} {
		if got := nearestRank(c.samples, c.p); got != c.want {
			t.Errorf("p%v of %d samples = %d; want %d", 100*c.p, len(c.samples), got, c.want)
		}
	}
}

func TestStatus(t *testing.T) {
	order := []Status{StatusValid, StatusUnknown, StatusHarness, StatusInvalid}
	for i, a := range order {
		for j, b := range order {
			if got := a.Worst(b); got != order[max(i, j)] {
				t.Errorf("worst of %s and %s = %s", a, b, got)
			}
		}
	}
	exits := map[Status]int{StatusValid: 0, StatusInvalid: 1, StatusHarness: 3, StatusUnknown: 4, "": 4}
	for s, want := range exits {
		if s.Exit() != want {
			t.Errorf("exit of %s = %d; want %d", s, s.Exit(), want)
		}
	}
}

func TestSummaryOfNothing(t *testing.T) {
	s := Summarise(&history.History{}, Info{}, nil)
	if s.Verdict.Exit() == 0 {
		t.Errorf("an empty record is %s", s.Verdict)
	}
	if _, err := json.Marshal(s); err != nil {
		t.Error(err)
	}
}

// A run recovers as slowly as from its slowest strike. Where nothing was asked of the store after a strike, it is not said never to have.
func TestSlowestRecovery(t *testing.T) {
	ms := func(v float64) *float64 { return &v }
	for _, c := range []struct {
		name   string
		u      Unavailability
		strike int
		ms     float64
		tile   string
	}{
		{"nothing struck", Unavailability{}, -1, 0, ""},
		{"nothing was asked afterwards", Unavailability{TTR: []*float64{nil}, Censored: []bool{false}}, -1, 0, ""},
		{"the second of three, of which one was not asked after", Unavailability{TTR: []*float64{ms(30), ms(550), nil}, Censored: make([]bool, 3)}, 1, 550, "550"},
		{"censored", Unavailability{TTR: []*float64{ms(30), nil, ms(9)}, Censored: []bool{false, true, false}}, 1, math.Inf(1), "never"},
	} {
		if strike, ms := c.u.Slowest(); strike != c.strike || ms != c.ms {
			t.Errorf("%s: strike %d, %v ms; want strike %d, %v ms", c.name, strike, ms, c.strike, c.ms)
		}
		s := Summary{Unavailability: c.u}
		for range c.u.TTR {
			s.Strikes = append(s.Strikes, Strike{Struck: ms(1)})
		}
		if tile, ok := recovery(s); ok != (c.tile != "") || !strings.HasPrefix(tile.Value, c.tile) {
			t.Errorf("%s: the page has %v %+v, want %q", c.name, ok, tile, c.tile)
		}
	}
}
