package load

import (
	"context"
	"fmt"
	"iter"
	"math"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/history"
)

// since is a clock that counts from its making; under synctest it is virtual.
type since struct{ t time.Time }

func (s since) Now() time.Duration { return time.Since(s.t) }

// clientFunc is a Client that is a function.
type clientFunc func(ctx context.Context, op reckon.Op) reckon.Op

func (f clientFunc) Do(ctx context.Context, op reckon.Op) reckon.Op { return f(ctx, op) }
func (f clientFunc) Close() error                                   { return nil }

// evenly is n writes, one every gap.
func evenly(n int, gap time.Duration) iter.Seq[reckon.Op] {
	return func(yield func(reckon.Op) bool) {
		for i := range n {
			if !yield(reckon.Op{Kind: history.Write, Key: "k", Value: fmt.Sprint(i), Due: time.Duration(i) * gap}) {
				return
			}
		}
	}
}

// offerAll runs a generator in virtual time and returns what it recorded.
func offerAll(t *testing.T, ops iter.Seq[reckon.Op], end time.Duration, inFlight int, do clientFunc) (recorded []reckon.Op, offered int, err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		clock := since{time.Now()}
		var mu sync.Mutex
		g := NewGenerator(Config{
			Name: "c1", Client: do, Clock: clock,
			Wait: func(_ context.Context, until time.Duration) { time.Sleep(until - clock.Now()) },
			Record: func(op reckon.Op) {
				mu.Lock()
				defer mu.Unlock()
				recorded = append(recorded, op)
			},
			Timeout: 5 * time.Second, InFlight: inFlight, Index: 1, Clients: 2, Processes: &Processes{},
		})
		offered, _, err = g.Offer(t.Context(), ops, 0, end)
		time.Sleep(2 * time.Hour) // what returns too late does so now
	})
	return recorded, offered, err
}

func TestArrivalsDoNotWaitForAStalledStore(t *testing.T) {
	// The store stalls from 1 s to 4 s. Every operation is still dispatched when
	// it is due, and its latency is what its user waited.
	do := func(ctx context.Context, op reckon.Op) reckon.Op {
		if op.Call >= time.Second && op.Call < 4*time.Second {
			time.Sleep(4*time.Second - op.Call)
		}
		op.Outcome = history.OK
		return op
	}
	ops, offered, err := offerAll(t, evenly(100, 100*time.Millisecond), 10*time.Second, 1000, do)
	if err != nil || offered != 100 || len(ops) != 100 {
		t.Fatalf("offered %d, recorded %d: %v", offered, len(ops), err)
	}
	for _, op := range ops {
		if op.Call != op.Due {
			t.Errorf("%v was dispatched %v late", op, op.Call-op.Due)
		}
		want := time.Duration(0)
		if op.Due >= time.Second && op.Due < 4*time.Second {
			want = 4*time.Second - op.Due
		}
		if op.Latency() != want {
			t.Errorf("%v: latency %v, want %v", op, op.Latency(), want)
		}
	}
}

func TestEveryOperationEndsOnce(t *testing.T) {
	// One in three is answered, one in three hangs until its time-out, and one in
	// three hangs past it: the client is broken, but the operation is not lost.
	do := func(ctx context.Context, op reckon.Op) reckon.Op {
		switch op.Value[len(op.Value)-1] % 3 {
		case 0:
			op.Outcome = history.OK
		case 1:
			<-ctx.Done()
			op.Error = ctx.Err().Error()
		case 2:
			time.Sleep(time.Hour)
			op.Outcome = history.OK // too late: it has been recorded
		}
		return op
	}
	ops, offered, err := offerAll(t, evenly(99, 10*time.Millisecond), time.Minute, 1000, do)
	if err != nil || offered != 99 || len(ops) != 99 {
		t.Fatalf("offered %d, recorded %d: %v", offered, len(ops), err)
	}
	seen := map[string]bool{}
	for _, op := range ops {
		if seen[op.Value] {
			t.Errorf("%v was recorded twice", op)
		}
		seen[op.Value] = true
		if want := op.Value[len(op.Value)-1]%3 == 0; (op.Outcome == history.OK) != want {
			t.Errorf("%v: outcome %v", op, op.Outcome)
		}
	}
}

// A load whose last operation has returned is over: nothing waits for a time-out.
func TestAnIdleLoadEndsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := since{time.Now()}
		g := NewGenerator(Config{
			Name: "c1", Clock: clock, Record: func(reckon.Op) {}, Timeout: 5 * time.Second, InFlight: 10, Clients: 1, Processes: &Processes{},
			Wait: func(_ context.Context, until time.Duration) { time.Sleep(until - clock.Now()) },
			Client: clientFunc(func(_ context.Context, op reckon.Op) reckon.Op {
				time.Sleep(time.Millisecond)
				op.Outcome = history.OK
				return op
			}),
		})
		if _, _, err := g.Offer(t.Context(), evenly(10, 100*time.Millisecond), 0, time.Minute); err != nil {
			t.Fatal(err)
		}
		if took := clock.Now(); took != 901*time.Millisecond {
			t.Errorf("took %v, want 901ms: nine gaps and the last operation", took)
		}
		if _, _, err := g.Offer(t.Context(), evenly(0, 0), 0, time.Minute); err != nil || clock.Now() != 901*time.Millisecond {
			t.Errorf("an empty load took until %v: %v", clock.Now(), err)
		}
	})
}

func TestProcesses(t *testing.T) {
	// A process does one thing at a time, and nothing after an unknown outcome.
	var mu sync.Mutex
	n := 0
	do := func(ctx context.Context, op reckon.Op) reckon.Op {
		time.Sleep(25 * time.Millisecond)
		mu.Lock()
		defer mu.Unlock()
		if n++; n%5 != 0 {
			op.Outcome = history.OK
		}
		return op
	}
	ops, _, _ := offerAll(t, evenly(200, 10*time.Millisecond), time.Minute, 1000, do)
	slices.SortFunc(ops, func(a, b reckon.Op) int { return int(a.Call - b.Call) })
	last := map[int]reckon.Op{}
	for _, op := range ops {
		if op.Process%2 != 1 {
			t.Errorf("%v: client 1 of 2 has odd processes", op)
		}
		if before, ok := last[op.Process]; ok && (before.Return > op.Call || before.Outcome == history.Unknown) {
			t.Errorf("%v follows %v", op, before)
		}
		last[op.Process] = op
	}
	if len(last) >= len(ops) || len(last) < 40 {
		t.Errorf("%d processes for %d operations, of which 40 were unknown", len(last), len(ops))
	}
}

func TestTheCapEndsTheLoad(t *testing.T) {
	do := func(ctx context.Context, op reckon.Op) reckon.Op { <-ctx.Done(); return op }
	ops, offered, err := offerAll(t, evenly(100, time.Millisecond), time.Minute, 10, do)
	if err == nil || offered != 10 || len(ops) != 10 {
		t.Errorf("offered %d, recorded %d: %v", offered, len(ops), err)
	}
}

func TestMergeKeepsOrder(t *testing.T) {
	var got []time.Duration
	for op := range Merge([]iter.Seq[reckon.Op]{evenly(3, 5), evenly(4, 3), evenly(0, 1)}) {
		got = append(got, op.Due)
	}
	if want := []time.Duration{0, 0, 3, 5, 6, 9, 10}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// BenchmarkGenerator offers operations as fast as they come to a client that
// does nothing. The rate that it can keep to is 1e9 over ns/op.
func BenchmarkGenerator(b *testing.B) {
	clock := since{time.Now()}
	g := NewGenerator(Config{
		Name: "c1", Clock: clock, Wait: func(context.Context, time.Duration) {}, Record: func(reckon.Op) {},
		Client:  clientFunc(func(_ context.Context, op reckon.Op) reckon.Op { op.Outcome = history.OK; return op }),
		Timeout: time.Second, InFlight: math.MaxInt, Clients: 1, Processes: &Processes{},
	})
	b.ReportAllocs()
	if n, _, err := g.Offer(b.Context(), evenly(b.N, 0), 0, time.Hour); err != nil || n != b.N {
		b.Fatalf("offered %d of %d: %v", n, b.N, err)
	}
}

// No process does two things at once, and none goes on after an unknown outcome.
func TestSequence(t *testing.T) {
	op := func(call, ret time.Duration, o history.Outcome) reckon.Op {
		return reckon.Op{Call: call, Return: ret, Outcome: o}
	}
	ops := []reckon.Op{op(0, 5, history.OK), op(1, 2, history.Unknown), op(3, 4, history.OK), op(4, 9, history.OK), op(6, 7, history.OK), op(8, 9, history.OK)}
	Sequence(ops, 10, 1, 2)
	var got []int
	for _, o := range ops {
		got = append(got, o.Process)
	}
	if want := []int{21, 23, 25, 27, 25, 21}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
