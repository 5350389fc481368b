package check

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/reckon-bench/reckon/reckon/history"
)

// judged runs a check on a history in the form of TestTranscripts.
func judged(t *testing.T, run func(*history.History) Result, text string) Result {
	t.Helper()
	h, err := parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return run(h)
}

// promiseCases are histories with the verdict of a check and a part of its detail. A write of
// nothing deletes.
func promiseCases(t *testing.T, name string, run func(*history.History) Result, cases []promiseCase) {
	t.Helper()
	for _, c := range cases {
		r := judged(t, run, c.history)
		if r.Name != name || r.Verdict != c.want || !strings.Contains(r.Detail, c.detail) {
			t.Errorf("%s: got %v\nwant %v with %q", c.name, r, c.want, c.detail)
		}
		if (r.Verdict == Invalid) != (len(r.Evidence) > 0) {
			t.Errorf("%s: %v has %d operations of evidence", c.name, r.Verdict, len(r.Evidence))
		}
	}
}

type promiseCase struct {
	name    string
	history string
	want    Verdict
	detail  string
}

func TestConverges(t *testing.T) {
	run := func(h *history.History) Result { return Converges(h, []string{"n1", "n2"}) }
	promiseCases(t, "converges", run, []promiseCase{
		{"all agree", `
			final n1/0 read k -> a [10,11] ok
			final n2/0 read k -> a [10,12] ok
			final n1/1 read j -> none [10,11] ok
			final n2/1 read j -> none [10,12] ok`, Valid, "2 members agree on 2 keys"},
		{"values differ", `
			final n1/0 read k -> a [10,11] ok
			final n2/0 read k -> b [10,12] ok`, Invalid, "different values of 1 key: k"},
		{"one has it, one has not", `
			final n1/0 read k -> a [10,11] ok
			final n2/0 read k -> none [10,12] ok`, Invalid, "k"},
		{"the last answer counts", `
			final n1/0 read k -> a [10,11] ok
			final n2/0 read k -> b [10,12] ok
			final n2/0 read k -> a [20,21] ok`, Valid, "agree"},
		{"reads of the load do not count", `
			n1/0 read k -> b [1,2] ok
			final n1/0 read k -> a [10,11] ok
			final n2/0 read k -> a [10,12] ok`, Valid, "agree"},
		{"a member is silent", `
			final n1/0 read k -> a [10,11] ok
			final n2/0 read k [10,12] failed`, Unknown, "key k by n2"},
		{"silent, and the others differ in another key", `
			final n1/0 read k -> a [10,11] ok
			final n1/1 read j -> a [10,11] ok
			final n2/1 read j -> b [10,11] ok`, Invalid, "j"},
		{"nobody was asked", `c1/0 write k=a [0,1] ok`, Unknown, "nothing to judge by"},
	})
}

func TestLostUpdate(t *testing.T) {
	promiseCases(t, "lost-update", LostUpdate, []promiseCase{
		{"the last one stays", `
			c1/0 write k=a [0,1] ok
			c1/0 write k=b [2,3] ok
			final n1/0 read k -> b [10,11] ok`, Valid, "1 key"},
		{"the one before wins", `
			c1/0 write k=a [0,1] ok
			c2/0 write k=b [2,3] ok
			final n1/0 read k -> a [10,11] ok`, Invalid, "or are gone: k"},
		{"of concurrent ones either may win", `
			c1/0 write k=a [0,5] ok
			c2/0 write k=b [2,3] ok
			final n1/0 read k -> a [10,11] ok`, Valid, ""},
		{"one of unknown outcome may come late", `
			c1/0 write k=a [0,1] unknown
			c2/0 write k=b [2,3] ok
			final n1/0 read k -> a [10,11] ok`, Valid, ""},
		{"one that followed, of unknown outcome, may never come", `
			c1/0 write k=a [0,1] ok
			c2/0 write k=b [2,3] unknown
			final n1/0 read k -> a [10,11] ok`, Valid, ""},
		{"gone", `
			c1/0 write k=a [0,1] ok
			final n1/0 read k -> none [10,11] ok`, Invalid, "k"},
		{"gone at one member", `
			c1/0 write k=a [0,1] ok
			final n1/0 read k -> a [10,11] ok
			final n2/0 read k -> none [10,11] ok`, Invalid, "k"},
		{"deleted", `
			c1/0 write k=a [0,1] ok
			c1/0 write k= [2,3] ok
			final n1/0 read k -> none [10,11] ok`, Valid, ""},
		{"deleted before it was written", `
			c1/0 write k= [0,1] ok
			c1/0 write k=a [2,3] ok
			final n1/0 read k -> none [10,11] ok`, Invalid, "k"},
		{"a deletion that failed explains nothing", `
			c1/0 write k=a [0,1] ok
			c1/0 write k= [2,3] failed
			final n1/0 read k -> none [10,11] ok`, Invalid, "k"},
		{"a deletion was undone", `
			c1/0 write k=a [0,1] ok
			c1/0 write k= [2,3] ok
			final n1/0 read k -> a [10,11] ok`, Invalid, "k"},
		{"never acknowledged", `
			c1/0 write k=a [0,1] unknown
			final n1/0 read k -> none [10,11] ok`, Valid, ""},
		{"values repeat", `
			c1/0 write k=a [0,1] ok
			c1/0 write k=a [2,3] ok
			final n1/0 read k -> a [10,11] ok`, Unknown, "written twice"},
		{"nobody was asked", `c1/0 write k=a [0,1] ok`, Unknown, "nothing to judge by"},
	})
}

func TestSet(t *testing.T) {
	const stale = `
			c1/0 write x=a [0,10] ok
			c2/0 read x -> none [20,21] ok by n2
			c2/0 read x -> none [40,41] ok by n2
			c2/0 read x -> a [60,61] ok by n2
			final n1/0 read x -> a [90,91] ok`
	promiseCases(t, "set", func(h *history.History) Result { return Set(h, false) }, []promiseCase{
		{"stale, then there", stale, Valid, "1 element acknowledged, none lost; 2 of 3 reads after the acknowledgement did not see it, the last of them 30 ms after it"},
		{"lost at one member", `
			c1/0 write x=a [0,10] ok
			final n1/0 read x -> a [90,91] ok
			final n2/0 read x -> none [90,91] ok`, Invalid, "x is lost at n2"},
		{"not lost: never acknowledged", `
			c1/0 write y=b [0,10] ok
			c1/1 write x=a [0,10] unknown
			final n1/0 read x -> none [90,91] ok
			final n1/0 read y -> b [90,91] ok`, Valid, "1 element"},
		{"came true though it failed", `
			c1/0 write x=a [0,10] failed
			final n1/0 read x -> a [90,91] ok`, Invalid, "x appeared though nobody added it"},
		{"out of nothing", `
			c1/0 write y=b [0,10] ok
			final n1/0 read x -> a [90,91] ok`, Invalid, "x appeared"},
		{"a read that was called before the acknowledgement may miss it", `
			c1/0 write x=a [0,10] ok
			c2/0 read x -> none [9,21] ok by n2
			final n1/0 read x -> a [90,91] ok`, Valid, "0 of 0 reads"},
		{"nothing was asked in the end", `c1/0 write x=a [0,10] ok`, Unknown, "nothing to judge by"},
	})
	promiseCases(t, "set", func(h *history.History) Result { return Set(h, true) }, []promiseCase{
		{"stale where that is not allowed", stale, Invalid, "2 reads did not see an element"},
	})
}

func TestSessions(t *testing.T) {
	cases := []promiseCase{
		{"in order", `
			c1/0 write k=a [0,1] ok by n1
			c1/0 read k -> a [2,3] ok by n1
			c1/0 write k=b [4,5] ok by n1
			c1/0 read k -> b [6,7] ok by n1
			final n1/0 read k -> b [20,21] ok`, Valid, "pinned: 1 session with 2 reads, no violation"},
		{"own write not read", `
			c1/0 write k=a [0,1] ok by n1
			c1/0 write k=b [2,3] ok by n1
			c1/0 read k -> a [4,5] ok by n1`, Invalid, "read your writes 1"},
		{"own write gone", `
			c1/0 write k=a [0,1] ok by n1
			c1/0 read k -> none [4,5] ok by n1`, Invalid, "read your writes 1"},
		{"own write deleted by another", `
			c1/0 write k=a [0,1] ok by n1
			c2/0 write k= [2,3] ok by n1
			c1/0 read k -> none [4,5] ok by n1`, Valid, "no violation"},
		{"own write overwritten by a concurrent one", `
			c1/0 write k=a [2,5] ok by n1
			c2/0 write k=b [0,3] ok by n1
			c1/0 read k -> b [6,7] ok by n1`, Valid, "no violation"},
		{"time goes back", `
			c2/0 write k=a [0,1] ok by n1
			c2/0 write k=b [2,3] ok by n1
			c1/0 read k -> b [4,5] ok by n1
			c1/0 read k -> a [6,7] ok by n1`, Invalid, "monotonic reads 1"},
		{"there, and gone", `
			c2/0 write k=a [0,1] ok by n1
			c1/0 read k -> a [4,5] ok by n1
			c1/0 read k -> none [6,7] ok by n1`, Invalid, "monotonic reads 1"},
		{"an own write is undone by the one before", `
			c1/0 write k=a [0,1] ok by n1
			c1/0 write k=b [2,3] ok by n1
			c1/0 read j -> none [4,5] ok by n1
			final n1/0 read k -> a [20,21] ok`, Invalid, "monotonic writes 1"},
		{"what was read undoes what was written thereafter", `
			c2/0 write k=a [0,1] ok by n1
			c1/0 read k -> a [2,3] ok by n1
			c1/0 write k=b [4,5] ok by n1
			final n1/0 read k -> a [20,21] ok`, Invalid, "writes follow reads 1"},
		{"nothing was read", `c1/0 write k=a [0,1] ok by n1`, Unknown, "nothing to judge by"},
	}
	promiseCases(t, "sessions", func(h *history.History) Result { return Sessions(h, false) }, cases)
	for _, c := range cases { // the same by another member in between: a roaming session, which is counted
		if c.want != Invalid {
			continue
		}
		c.history += "\n c1/0 read other -> none [30,31] ok by n2"
		if c.name == "time goes back" || c.name == "there, and gone" {
			c.history = strings.Replace(c.history, "c1/0 read k -> b [4,5] ok by n1", "c1/0 read k -> b [4,5] ok by n2", 1)
		}
		if r := judged(t, func(h *history.History) Result { return Sessions(h, false) }, c.history); r.Verdict != Valid || !strings.Contains(r.Detail, "roaming: 1 session with") || !strings.Contains(r.Detail, c.detail) {
			t.Errorf("%s, roaming: %v", c.name, r)
		}
		if r := judged(t, func(h *history.History) Result { return Sessions(h, true) }, c.history); r.Verdict != Invalid || len(r.Evidence) == 0 {
			t.Errorf("%s, roaming where that must not matter: %v", c.name, r)
		}
	}
}

func TestNoResurrection(t *testing.T) {
	promiseCases(t, "no-resurrection", NoResurrection, []promiseCase{
		{"stays away", `
			c1/0 write k=a [0,1] ok
			c1/0 write k= [2,3] ok
			final n1/0 read k -> none [10,11] ok`, Valid, "1 deleted key stayed away"},
		{"back in the end", `
			c1/0 write k=a [0,1] ok
			c1/0 write k= [2,3] ok
			final n1/0 read k -> a [10,11] ok`, Invalid, "1 deleted key came back: k"},
		{"back at a member that knew", `
			c1/0 write k=a [0,1] ok
			c1/0 write k= [2,3] ok
			c2/0 read k -> none [4,5] ok by n1
			c2/0 read k -> a [6,7] ok by n1`, Invalid, "k"},
		{"not heard of yet elsewhere", `
			c1/0 write k=a [0,1] ok
			c1/0 write k= [2,3] ok
			c2/0 read k -> none [4,5] ok by n1
			c2/0 read k -> a [6,7] ok by n2
			final n2/0 read k -> none [10,11] ok`, Valid, ""},
		{"written again", `
			c1/0 write k=a [0,1] ok
			c1/0 write k= [2,3] ok
			c1/0 write k=b [4,5] ok
			final n1/0 read k -> b [10,11] ok`, Unknown, "nothing to judge by"},
		{"may have been written again", `
			c1/0 write k=a [0,1] unknown
			c1/1 write k= [2,3] ok
			final n1/0 read k -> a [10,11] ok`, Unknown, "nothing to judge by"},
		{"deleted while written", `
			c1/0 write k=a [0,3] ok
			c1/1 write k= [2,4] ok
			final n1/0 read k -> a [10,11] ok`, Unknown, "nothing to judge by"},
		{"the deletion is not acknowledged", `
			c1/0 write k=a [0,1] ok
			c1/1 write k= [2,4] unknown
			final n1/0 read k -> a [10,11] ok`, Unknown, "nothing to judge by"},
	})
}

func TestNoThinAir(t *testing.T) {
	promiseCases(t, "no-thin-air", NoThinAir, []promiseCase{
		{"written", `
			c1/0 write k=a [0,9] unknown
			c2/0 read k -> a [2,3] ok
			c2/0 read j -> none [4,5] ok`, Valid, "all 2 reads"},
		{"from nowhere", `c2/0 read k -> a [2,3] ok`, Invalid, "that nobody wrote"},
		{"another key's", `
			c1/0 write j=a [0,1] ok
			c2/0 read k -> a [2,3] ok`, Invalid, "written to another key"},
		{"failed", `
			c1/0 write k=a [0,1] failed
			c2/0 read k -> a [2,3] ok`, Invalid, "definitely failed"},
		{"from the future", `
			c1/0 write k=a [5,6] ok
			c2/0 read k -> a [2,3] ok`, Invalid, "only later (1 read of 1)"},
		{"nothing was read", `c1/0 write k=a [5,6] ok`, Unknown, "nothing to judge by"},
	})
}

// TestStale counts by hand: three versions at 0, 10 and 20 ms, read at 25 ms by three clients.
func TestStale(t *testing.T) {
	h, err := parse(`
		c1/0 write k=a [0,1] ok
		c1/0 write k=b [10,11] ok
		c1/0 write k=c [20,21] ok
		c2/0 read k -> c [25,26] ok
		c3/0 read k -> b [25,26] ok
		c4/0 read k -> none [25,26] ok
		c5/0 read k -> b [21,22] ok
		c6/0 read other -> none [25,26] ok`)
	if err != nil {
		t.Fatal(err)
	}
	h.Events = append(h.Events, history.Event{Kind: history.Struck, At: 22 * time.Millisecond}, history.Event{Kind: history.Healed, At: 30 * time.Millisecond})
	s := Measure(h)
	if s.Reads != 4 || s.Fresh != 2 || s.Behind[0] != 2 || s.Behind[1] != 1 || s.Behind[3] != 1 {
		t.Errorf("%+v", s)
	}
	if s.Phases[0].Reads != 1 || s.Phases[1].Reads != 3 || s.Phases[1].Fresh != 1 || s.Phases[2].Reads != 0 {
		t.Errorf("by phase %+v", s.Phases)
	}
	for _, f := range s.Since {
		want := [2]int{}
		if f.Below == 10*time.Millisecond { // the read at 21 ms was called as c returned: b, of 11 ms, is the newest that was over
			want = [2]int{3, 1}
		}
		if f.Below == 30*time.Millisecond {
			want = [2]int{1, 1}
		}
		if f.Reads != want[0] || f.Fresh != want[1] {
			t.Errorf("below %v: %d of %d fresh", f.Below, f.Fresh, f.Reads)
		}
	}
	r := Stale(h)
	if r.Verdict != Valid || !strings.Contains(r.Detail, "50.0 % of 4 reads fresh") || !strings.Contains(r.Detail, "at most 3 versions behind") || !strings.Contains(r.Detail, "during the faults 33.3 %") {
		t.Errorf("%v", r)
	}
	if r := Stale(&history.History{}); r.Verdict != Unknown {
		t.Errorf("nothing: %v", r)
	}
}

// TestPromisesOfLinearizableHistories: what a linearizable store answers breaks none of the
// promises.
func TestPromisesOfLinearizableHistories(t *testing.T) {
	for seed := range uint64(200) {
		h := linearizableHistory(seed)
		for _, r := range []Result{LostUpdate(h), Sessions(h, true), NoThinAir(h), NoResurrection(h), Converges(h, []string{"n1"})} {
			if r.Verdict == Invalid {
				t.Fatalf("seed %d: %v\n%v", seed, r, r.Evidence)
			}
		}
		if s := Measure(h); s.Fresh != s.Reads {
			t.Fatalf("seed %d: %d of %d reads fresh", seed, s.Fresh, s.Reads)
		}
	}
}

// linearizableHistory is of an atomic store with deletions: four processes of which each operation
// takes effect at an instant between call and return, and a final read of every key.
func linearizableHistory(seed uint64) *history.History {
	rng := rand.New(rand.NewPCG(seed, 9))
	type step struct {
		op history.Op
		at time.Duration
	}
	var steps []step
	for client := range 4 {
		now := time.Duration(0)
		for range 25 {
			call := now + time.Duration(rng.IntN(5)+1)
			at := call + time.Duration(rng.IntN(8))
			now = at + time.Duration(rng.IntN(8))
			o := history.Op{Client: fmt.Sprint("c", client), Key: fmt.Sprint("k", rng.IntN(3)), Call: call, Return: now, Outcome: history.OK, Member: "n1"}
			if rng.IntN(2) == 0 {
				o.Kind = history.Write
				if rng.IntN(4) > 0 {
					o.Value = fmt.Sprint("v", len(steps))
				}
			}
			steps = append(steps, step{o, at})
		}
	}
	for k := range 3 {
		steps = append(steps, step{history.Op{Stage: history.Final, Client: "n1", Key: fmt.Sprint("k", k), Call: 1000, Return: 1001, Outcome: history.OK}, 1000})
	}
	slices.SortStableFunc(steps, func(a, b step) int { return cmp.Compare(a.at, b.at) })
	h := &history.History{}
	state, versions := map[string]string{}, map[string]int64{}
	for _, s := range steps {
		if s.op.Kind == history.Write {
			state[s.op.Key] = s.op.Value
			if versions[s.op.Key]++; s.op.Value == "" {
				versions[s.op.Key] = 0
			}
		} else {
			s.op.Value, s.op.Version = state[s.op.Key], versions[s.op.Key]
		}
		h.Ops = append(h.Ops, s.op)
	}
	return h
}
