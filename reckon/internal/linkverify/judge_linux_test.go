package linkverify

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/reckon-bench/reckon/reckon/internal/probe"
	"github.com/reckon-bench/reckon/reckon/link"
)

const (
	ms    = time.Millisecond
	slack = 500 * ms
)

// stopped is a clock that stands still.
type stopped struct{}

func (stopped) Now() time.Duration { return 0 }

func path(from, to string) link.Path { return link.Path{From: from, To: to} }

// A probe that came after the links were told to heal says nothing of the cut; one that came before
// says that it lets packets through.
func TestProbesAfterTheHeal(t *testing.T) {
	arrived := func(came ...time.Duration) *probe.Train {
		return probe.NewTrain(path("n1", "n2"), cutProbes, came...)
	}
	for _, c := range []struct {
		b          *probe.Train
		said, want string
	}{
		{arrived(), "5 probes on n1>n2 were cut and none arrived", ""},
		{arrived(11*ms, 12*ms), "3 probes on n1>n2 were cut and none arrived", ""},
		{arrived(10*ms, 10*ms, 11*ms, 11*ms, 12*ms), "the links counted 5 packets or more as cut on n1>n2, whose probes met the heal", ""},
		{arrived(9*ms, 11*ms), "", "1 of 5 probes came through n1>n2, which is cut"},
	} {
		v := New(Config{Prober: probe.NewProber(stopped{}, nil)})
		said, err := v.nothing([]*probe.Train{c.b}, nil, 10*ms)
		if got := fmt.Sprint(err); said != c.said || c.want == "" && err != nil || c.want != "" && got != c.want {
			t.Errorf("%s: said %q, %v", c.said+c.want, said, err)
		}
	}
}

// What a cut may have taken of the probes of a degraded link says nothing against it, and what
// arrived must be as late as it was to be.
func TestJudgeUnderALaterCut(t *testing.T) {
	p := path("n1", "n2")
	slow, lossy, now := link.Shape{Delay: 20 * ms}, link.Shape{Delay: 20 * ms, Loss: 0.5}, slices.Repeat[[]time.Duration]
	rated, bursty := link.Shape{Delay: 20 * ms, Rate: 1_000_000}, link.Shape{Delay: 20 * ms, Burst: link.Burst{P: 0.1, R: 0.5, Bad: 1}}
	for _, c := range []struct {
		unmet      bool // the links changed before the probes had met them
		s          link.Shape
		sent       int
		delays     []time.Duration
		said, want string
	}{
		{false, slow, 20, now([]time.Duration{21 * ms}, 12), "probes were sent on n1>n2 while it was 20ms, and 8 of them may have been taken by a later cut", ""},
		{false, slow, 20, nil, "probes were sent on n1>n2 while it was 20ms, and 20 of them may have been taken by a later cut", ""},
		{false, slow, 20, now([]time.Duration{2 * ms}, 12), "", errTooSoon.Error()}, // perhaps they met the links late
		{false, lossy, 200, now([]time.Duration{21 * ms}, 15), "probes were sent on n1>n2 while it was 20ms, loss 50%, and 185 of them may have been taken by a later cut", ""},
		{false, lossy, 200, now([]time.Duration{21 * ms}, 199), "", errTooSoon.Error()},
		{true, rated, 20, nil, "", errTooSoon.Error()}, // a queue may lose any number
		{true, bursty, 200, nil, "", errTooSoon.Error()},
		{true, bursty, 200, now([]time.Duration{21 * ms}, 12), "", errTooSoon.Error()},
		{true, rated, 20, now([]time.Duration{21 * ms}, 20), "probes on n1>n2 met " + rated.String(), ""},
	} {
		net, err := link.NewNet(t.Context(), still{}, link.Matrix{p: c.s})
		if err != nil {
			t.Fatal(err)
		}
		v := New(Config{Prober: probe.NewProber(stopped{}, nil), Net: net, Slack: slack})
		m, b := v.now(), probe.NewTrain(p, c.sent, c.delays...)
		if _, err := net.Degrade(t.Context(), link.Matrix{p: {Cut: true}}); err != nil {
			t.Fatal(err)
		}
		said, err := v.judge(m, []*probe.Train{b}, map[*probe.Train]bool{b: !c.unmet})
		if got := fmt.Sprint(err); said != c.said || c.want == "" && err != nil || c.want != "" && got != c.want {
			t.Errorf("%d of %d came through %s: said %q, %v", len(c.delays), c.sent, c.s, said, err)
		}
	}
}

// still is a fabric that does nothing.
type still struct{ link.Fabric }

func (still) Apply(context.Context, link.Matrix) error { return nil }
