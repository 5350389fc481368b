package check

import (
	"context"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/reckon-bench/reckon/reckon/history"
)

const histories = 20_000 // small random ones that a property is tried on; half of them are mutated

// each calls f with small histories, fixed by their seeds, and says how many of them porcupine
// finds legal unreduced.
func each(t *testing.T, f func(t *testing.T, seed uint64, h *history.History, legal bool)) {
	var ok int
	for seed := range uint64(histories) {
		h := small(seed)
		if seed%2 == 1 {
			mutate(h, rand.New(rand.NewPCG(seed, 2)))
		}
		right := legal(h.Ops)
		if right {
			ok++
		} else if seed%2 == 0 {
			t.Fatalf("seed %d: the generator made an illegal history:\n%s", seed, lines(h.Ops))
		}
		f(t, seed, h, right)
		if t.Failed() {
			t.Fatalf("seed %d:\n%s", seed, lines(h.Ops))
		}
	}
	if ok < histories/4 || histories-ok < histories/8 {
		t.Errorf("of %d histories %d are legal: too one-sided to prove anything", histories, ok)
	}
}

func lines(ops []history.Op) string {
	var b strings.Builder
	for _, o := range ops {
		b.WriteString("\t" + o.String() + "\n")
	}
	return b.String()
}

func plenty() *budget {
	return newBudget(context.Background(), time.Now().Add(time.Hour), 1<<30)
}

// TestAgainstPorcupine: both judges say what unreduced porcupine says, and the evidence is minimal.
func TestAgainstPorcupine(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, seed uint64, h *history.History, legal bool) {
		r := newRecord(h)
		j := r.judge(r.keys[0], plenty())
		if (j.verdict == Valid) != legal || j.verdict == Unknown {
			t.Errorf("judged %s (%s), but legal is %v", j.verdict, j.why, legal)
		}
		if j.finding == nil != legal {
			t.Errorf("finding %v, but legal is %v", j.finding, legal)
		} else if !legal {
			minimal(t, h, j.finding)
		}
	})
}

// minimal: the evidence is some of the history, illegal, and legal without any one read, or any one
// write and its reads.
func minimal(t *testing.T, h *history.History, f *finding) {
	if legal(f.evidence) {
		t.Errorf("%s: the evidence is legal:\n%s", f.detail, lines(f.evidence))
	}
	for i, o := range f.evidence {
		if !slices.Contains(h.Ops, o) {
			t.Errorf("the evidence %s is none of the history", o)
		}
		var rest []history.Op
		for n, p := range f.evidence {
			if n != i && (o.Kind == history.Read || p.Value != o.Value) {
				rest = append(rest, p)
			}
		}
		if !legal(rest) {
			t.Errorf("%s: the evidence without %s is still illegal:\n%s", f.detail, o, lines(f.evidence))
		}
	}
}

// TestReductions: each reduction by itself, and all together, change no answer.
func TestReductions(t *testing.T) {
	t.Parallel()
	tried, cut := 0, 0
	each(t, func(t *testing.T, seed uint64, h *history.History, legal bool) {
		r := newRecord(h)
		g, f := r.register(r.keys[0])
		if f != nil {
			if legal {
				t.Errorf("%s, but legal", f.detail)
			}
			return
		}
		tried++
		want := Invalid
		if legal {
			want = Valid
		}
		check := func(name string, ops []operation) {
			ops = timely(ops)
			if v := whole(g, ops); v != want {
				t.Errorf("%s: %s, want %s", name, v, want)
			}
			v, n := pieces(g, ops)
			cut += n - 1
			if v != want {
				t.Errorf("%s and split: %s, want %s", name, v, want)
			}
		}
		check("left out", slices.Clone(g.ops))
		check("narrow", g.narrow())
		check("narrow, thin", g.thin(g.narrow()))
		check("merge", g.merge(slices.Clone(g.ops)))
		check("merge, separate", g.separate(g.merge(slices.Clone(g.ops))))
		check("narrow, thin, merge, separate", g.separate(g.merge(g.thin(g.narrow()))))
	})
	if tried < histories/2 || cut < histories {
		t.Errorf("only %d registers were tried and %d cuts made", tried, cut)
	}
}

func values(g *register) []int32 {
	all := make([]int32, len(g.clusters))
	for i := range all {
		all[i] = int32(i)
	}
	return all
}

func whole(g *register, ops []operation) Verdict {
	p := stretch{ops: ops}
	return p.search(g, values(g), plenty())
}

// pieces returns the verdict of the operations split wherever that is allowed, and into how many.
func pieces(g *register, ops []operation) (Verdict, int) {
	parts := g.split(ops, 1)
	worst := Valid
	for _, p := range parts {
		worst = worst.Worst(p.search(g, values(g), plenty()))
	}
	return worst, len(parts)
}

// TestLarge: what a simulated store did is valid, whatever overlaps; with one
// stale answer planted, or one write lost, it is not.
func TestLarge(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		l := load{ops: 4000, keys: 20, zipf: seed%2 == 0, rate: 1000, latency: 30 * time.Millisecond, outage: 500 * time.Millisecond, unknown: 30}
		h := l.history(seed)
		if r := Linearizable(t.Context(), h, Bounds{}); r.Verdict != Valid {
			t.Errorf("seed %d: %s\n%s", seed, r, lines(r.Evidence))
		}
		if r := Durable(h); r.Verdict != Valid {
			t.Errorf("seed %d: %s", seed, r)
		}
		lost := *h
		gone := rand.New(rand.NewPCG(seed, 3)).IntN(len(h.Changes))
		lost.Changes = slices.Delete(slices.Clone(h.Changes), gone, gone+1)
		if r := Durable(&lost); r.Verdict != Invalid {
			t.Errorf("seed %d: without %+v: %s", seed, h.Changes[gone], r)
		}
		stale := plantStale(h)
		if r := Linearizable(t.Context(), h, Bounds{}); r.Verdict != Invalid || !slices.Contains(r.Evidence, stale) || len(r.Evidence) > 4 {
			t.Errorf("seed %d: planted %s, but %s\n%s", seed, stale, r, lines(r.Evidence))
		}
	}
}

// plantStale lets the last read of some key answer what had been overwritten, and acknowledged,
// before it was called.
func plantStale(h *history.History) history.Op {
	for i := len(h.Ops) - 1; ; i-- {
		o := &h.Ops[i]
		if o.Kind != history.Read || o.Outcome != history.OK {
			continue
		}
		var past []history.Op // acknowledged writes of the key, one after the other
		for _, w := range h.Ops[:i] {
			if w.Kind == history.Write && w.Key == o.Key && w.Outcome == history.OK && w.Return < o.Call && (len(past) == 0 || past[len(past)-1].Return < w.Call) {
				past = append(past, w)
			}
		}
		if len(past) >= 2 {
			o.Value, o.Revision = past[0].Value, past[0].Revision
			return *o
		}
	}
}

// TestBounds: where porcupine runs out, the certificate decides, and the detail says so.
func TestBounds(t *testing.T) {
	t.Parallel()
	h := load{ops: 2000, keys: 5, rate: 1000, latency: 30 * time.Millisecond}.history(1)
	for _, b := range []Bounds{{Memory: 1}, {Key: 1}, {Total: 1}} {
		r := Linearizable(t.Context(), h, b)
		if r.Verdict != Valid || !strings.Contains(r.Detail, "0 of them by porcupine as well") {
			t.Errorf("%+v: %s", b, r)
		}
	}
	plantStale(h)
	if r := Linearizable(t.Context(), h, Bounds{Memory: 1}); r.Verdict != Invalid {
		t.Errorf("out of bounds: %s", r)
	}
}

// TestCutShort: a check that was stopped did not pass.
func TestCutShort(t *testing.T) {
	t.Parallel()
	h := load{ops: 2000, keys: 5, rate: 1000, latency: 30 * time.Millisecond}.history(1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := Linearizable(ctx, h, Bounds{})
	if r.Verdict != Unknown || !strings.Contains(r.Detail, "cut short") {
		t.Error(r)
	}
	// Of one key: what ended while it was searched is not done, but a proof stands.
	rec := newRecord(h)
	if j := rec.judge(rec.keys[0], newBudget(ctx, time.Now().Add(time.Hour), 1<<30)); j.done {
		t.Errorf("cut short, but done: %+v", j)
	}
	key := plantStale(h).Key
	rec = newRecord(h)
	for _, k := range rec.keys {
		j := rec.judge(k, newBudget(ctx, time.Now().Add(time.Hour), 1<<30))
		if wrong := k.name == key; j.done != wrong || (j.verdict == Invalid) != wrong {
			t.Errorf("key %s, stale is key %s: %+v", k.name, key, j)
		}
	}
}

// TestLawful: the replay that certifies Valid notices an order that no register goes through.
func TestLawful(t *testing.T) {
	h, err := parse("c1/0 write k=a [0,1] ok\nc1/1 write k=b [2,3] ok\nc1/2 read k -> b [4,5] ok")
	if err != nil {
		t.Fatal(err)
	}
	r := newRecord(h)
	g, _ := r.register(r.keys[0])
	for _, c := range []struct {
		order       []int
		lawful, fit bool
	}{
		{[]int{0, 1, 2, 3}, true, true},
		{[]int{0, 2, 1, 3}, false, false}, // b, a, read b
		{[]int{0, 1, 3, 2}, false, false}, // a, read b, b
		{[]int{0, 2, 3, 1}, true, false},  // b, read b, a: lawful, but a was first
	} {
		fit := true
		g.replay(c.order, func(x, y int) { fit = false })
		if got := g.lawful(c.order); got != c.lawful || fit != c.fit {
			t.Errorf("order %v: lawful %v, fit %v; want %v, %v", c.order, got, fit, c.lawful, c.fit)
		}
	}
}

// TestDeterministic: the same history gives the same result, in every field, however many keys are
// judged at a time.
func TestDeterministic(t *testing.T) {
	t.Parallel()
	for seed := range uint64(50) {
		h := load{ops: 300, keys: 10, rate: 1000, latency: 30 * time.Millisecond}.history(seed)
		for n := range 20 {
			mutate(h, rand.New(rand.NewPCG(seed, uint64(n))))
		}
		want := Linearizable(t.Context(), h, Bounds{Parallel: 1})
		for n := range 3 {
			if got := Linearizable(t.Context(), h, Bounds{Parallel: n + 1}); !reflect.DeepEqual(got, want) {
				t.Errorf("seed %d: %s\nand %s", seed, got, want)
			}
		}
	}
}

// TestCompare: two judges that contradict each other decide nothing.
func TestCompare(t *testing.T) {
	for _, c := range []struct{ decided, searched, want Verdict }{
		{Valid, Valid, Valid},
		{Valid, Unknown, Valid}, // porcupine ran out
		{Valid, Invalid, Unknown},
		{Invalid, Invalid, Invalid},
		{Invalid, Unknown, Invalid},
		{Invalid, Valid, Unknown},
		{Unknown, Valid, Unknown},
		{Unknown, Invalid, Unknown},
		{Unknown, Unknown, Unknown},
	} {
		got, why := compare("k", c.decided, c.searched)
		if got != c.want || (why == "") != (got != Unknown) {
			t.Errorf("decided %s, searched %s: %s (%q), want %s", c.decided, c.searched, got, why, c.want)
		}
	}
	// A finding whose evidence is legal by itself proves nothing.
	j := confirmed(judgement{done: true, verdict: Invalid, finding: &finding{detail: "key k: nonsense"}})
	if j.verdict != Unknown || j.why == "" {
		t.Errorf("an empty proof: %+v", j)
	}
}

// TestHashWithoutHash: an event that lacks the hash, or its revision, told nothing.
func TestHashWithoutHash(t *testing.T) {
	for _, lack := range []string{"hash", "revision"} {
		h := &history.History{}
		for _, m := range []string{"n1", "n2"} {
			h.Events = append(h.Events, history.Event{Kind: history.Hash, Subject: m, Data: map[string]float64{"hash": 1, "revision": 2}})
		}
		if r := Replicas(h, []string{"n1", "n2"}); r.Verdict != Valid {
			t.Error(r)
		}
		delete(h.Events[0].Data, lack)
		if r := Replicas(h, []string{"n1", "n2"}); r.Verdict != Unknown {
			t.Errorf("without %s: %s", lack, r)
		}
	}
}
