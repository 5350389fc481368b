package link_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reckon-bench/reckon/reckon/link"
)

const ms = time.Millisecond

func TestMatrixString(t *testing.T) {
	m := link.Matrix{
		{From: "n10", To: "n2"}: {Cut: true},
		{From: "n2", To: "n1"}:  {Delay: 10 * ms, Jitter: 2 * ms, Loss: 0.01},
		{From: "n1", To: "n2"}:  {Delay: 10 * ms, Jitter: 2 * ms, Loss: 0.01},
		{From: "c1", To: "n2"}:  {},
	}
	const want = "wire: c1>n2\n10ms ±2ms, loss 1%: n1>n2 n2>n1\ncut: n10>n2"
	if got := m.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestMatrixJSON(t *testing.T) {
	m := link.Matrix{{From: "n1", To: "n2"}: {Delay: 10 * ms, Loss: 0.01}, {From: "n2", To: "n1"}: {Cut: true}}
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var got link.Matrix
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(m, got); d != "" {
		t.Error(d)
	}
	for _, bad := range []string{`{"n1":{}}`, `{">n2":{}}`, `{"n1>":{}}`} {
		if json.Unmarshal([]byte(bad), &got) == nil {
			t.Errorf("%s is a matrix", bad)
		}
	}
}

func TestCut(t *testing.T) {
	cut := link.Shape{Cut: true}
	want := link.Matrix{{From: "a", To: "c"}: cut, {From: "c", To: "a"}: cut, {From: "b", To: "c"}: cut, {From: "c", To: "b"}: cut}
	if d := cmp.Diff(want, link.Cut([]string{"a", "b", "c"}, []string{"c"})); d != "" {
		t.Error(d)
	}
}

// A recorder is a fabric that only remembers.
type recorder struct {
	now link.Matrix
	err error
}

func (r *recorder) Apply(ctx context.Context, m link.Matrix) error {
	maps.Copy(r.now, m) // a fabric that fails may have done it all the same
	return r.err
}

func (r *recorder) Counters(context.Context) (map[link.Path]link.Counters, error) { return nil, nil }
func (r *recorder) Close() error                                                  { return nil }

var (
	ab = link.Path{From: "a", To: "b"}
	ac = link.Path{From: "a", To: "c"}
)

func newNet(t *testing.T, baseline link.Matrix) (*recorder, *link.Net) {
	t.Helper()
	r := &recorder{now: link.Matrix{}}
	n, err := link.NewNet(t.Context(), r, baseline)
	if err != nil {
		t.Fatal(err)
	}
	return r, n
}

// Whatever overlaps heals in any order.
func TestOverlaysHealInAnyOrder(t *testing.T) {
	baseline := link.Matrix{ab: {Delay: 10 * ms, Loss: 0.01}}
	overlays := []link.Matrix{{ab: {Cut: true}}, {ab: {Delay: 5 * ms}, ac: {Loss: 0.1}}, {ab: {Cut: true}, ac: {Cut: true}}}
	for _, order := range [][]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}} {
		r, n := newNet(t, baseline)
		heals := make([]func(context.Context) error, len(overlays))
		for i, o := range overlays {
			var err error
			if heals[i], err = n.Degrade(t.Context(), o); err != nil {
				t.Fatal(err)
			}
		}
		want := link.Matrix{ab: {Delay: 15 * ms, Loss: 0.01, Cut: true}, ac: {Loss: 0.1, Cut: true}}
		if d := cmp.Diff(want, r.now); d != "" {
			t.Fatal(d)
		}
		left := map[int]bool{0: true, 1: true, 2: true}
		for _, i := range order {
			for range 2 { // the second time does nothing
				if err := heals[i](t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			delete(left, i)
			if want := left[0] || left[2]; r.now[ab].Cut != want {
				t.Errorf("healed up to %d of %v: cut is %v", i, order, r.now[ab].Cut)
			}
		}
		if d := cmp.Diff(link.Matrix{ab: baseline[ab], ac: {}}, r.now); d != "" {
			t.Errorf("healed in order %v: %s", order, d)
		}
		if d := cmp.Diff(baseline, n.Links()); d != "" {
			t.Errorf("links: %s", d)
		}
	}
}

func TestDegradeRefuses(t *testing.T) {
	r, n := newNet(t, link.Matrix{ab: {Delay: ms, Jitter: ms}})
	before := maps.Clone(r.now)
	for _, m := range []link.Matrix{{ab: {Loss: 2}}, {ab: {Delay: ms, Jitter: ms}}} {
		if _, err := n.Degrade(t.Context(), m); err == nil {
			t.Errorf("applied %v", m)
		}
	}
	if d := cmp.Diff(before, r.now); d != "" {
		t.Error(d)
	}
}

// A change that the fabric did not confirm is not assumed: an overlay that could not be applied is
// undone, and a heal can be retried.
func TestFabricFails(t *testing.T) {
	r, n := newNet(t, link.Matrix{})
	r.err = errors.New("too slow")
	if _, err := n.Degrade(t.Context(), link.Matrix{ab: {Cut: true}}); err == nil {
		t.Fatal("applied")
	}
	if r.now[ab].Cut || n.Links()[ab].Cut {
		t.Error("the overlay that failed is in effect")
	}
	r.err = nil
	heal, err := n.Degrade(t.Context(), link.Matrix{ab: {Cut: true}})
	if err != nil {
		t.Fatal(err)
	}
	r.err = errors.New("too slow")
	if heal(t.Context()) == nil {
		t.Fatal("healed")
	}
	r.now[ab] = link.Shape{Cut: true} // it was not done
	r.err = nil
	if err := heal(t.Context()); err != nil || r.now[ab].Cut {
		t.Errorf("healed again: %v, %v", r.now[ab], err)
	}
}

// A Net keeps copies: changing a matrix afterwards has no effect on it.
func TestNetKeepsItsOwn(t *testing.T) {
	baseline := link.Matrix{ab: {Delay: ms}}
	_, n := newNet(t, baseline)
	baseline[ab] = link.Shape{Cut: true}
	n.Links()[ab] = link.Shape{Cut: true}
	if got := n.Links()[ab]; got != (link.Shape{Delay: ms}) {
		t.Errorf("the baseline became %v", got)
	}
}
