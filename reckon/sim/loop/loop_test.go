package loop

import (
	"container/heap"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

const ms = time.Millisecond

// oracle is the order of events by the standard library's heap.
type oracle []event

func (o oracle) Len() int           { return len(o) }
func (o oracle) Less(i, j int) bool { return o[i].before(&o[j]) }
func (o oracle) Swap(i, j int)      { o[i], o[j] = o[j], o[i] }
func (o *oracle) Push(x any)        { *o = append(*o, x.(event)) }
func (o *oracle) Pop() any {
	x := (*o)[len(*o)-1]
	*o = (*o)[:len(*o)-1]
	return x
}

func TestQueueAgreesWithContainerHeap(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var q queue
	var o oracle
	for i := range 20_000 {
		if len(q) > 0 && rng.IntN(5) < 2 {
			a, b := q.pop(), heap.Pop(&o).(event)
			if a.seq != b.seq {
				t.Fatalf("popped event %d, container/heap pops %d", a.seq, b.seq)
			}
			continue
		}
		e := event{at: time.Duration(rng.IntN(50)), seq: uint64(i), priority: uint32(rng.IntN(3))}
		q.push(e)
		heap.Push(&o, e)
	}
	for len(o) > 0 {
		if a, b := q.pop(), heap.Pop(&o).(event); a.seq != b.seq {
			t.Fatalf("popped event %d, container/heap pops %d", a.seq, b.seq)
		}
	}
}

func TestOrderIsByTimeThenSequence(t *testing.T) {
	l := New(1)
	var got []string
	say := func(s string) func() { return func() { got = append(got, fmt.Sprintf("%s@%v", s, l.Now())) } }
	l.At(2*ms, Label{}, say("b"))
	l.At(1*ms, Label{}, func() {
		say("a")()
		l.At(0, Label{}, say("past")) // is due now, after what was
	})
	l.At(2*ms, Label{}, say("c"))
	if err := l.Run(Stop{}); err != nil {
		t.Fatal(err)
	}
	if want := []string{"a@1ms", "past@1ms", "b@2ms", "c@2ms"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestStops(t *testing.T) {
	fill := func() *Loop {
		l := New(1)
		for i := range 10 {
			l.At(time.Duration(i)*ms, Label{Content: uint64(i)}, func() {})
		}
		return l
	}
	l := fill()
	_ = l.Run(Stop{Time: 4*ms + ms/2})
	if l.Steps() != 5 || l.Now() != 4*ms+ms/2 {
		t.Errorf("stopped by time after step %d at %v", l.Steps(), l.Now())
	}
	_ = l.Run(Stop{Step: 7})
	if l.Steps() != 7 {
		t.Errorf("stopped by step after step %d", l.Steps())
	}
	_ = l.Run(Stop{Event: func(e Event) bool { return e.Content == 8 }})
	if l.Now() != 8*ms || len(l.after) != 0 {
		t.Errorf("stopped by event at %v, %d hooks left", l.Now(), len(l.after))
	}
	l.At(8*ms, Label{}, func() { l.Fail(errors.New("broken")); l.Fail(errors.New("again")) })
	if err := l.Run(Stop{}); err == nil || err.Error() != "broken" || l.Now() != 8*ms {
		t.Errorf("err %v at %v, want the first failure at 8 ms", err, l.Now())
	}
	if l.Step() {
		t.Error("an event ran after the failure")
	}
}

// Any difference in order, time or content shows in the digest.
func TestDigestSeesEverything(t *testing.T) {
	digest := func(events ...Label) uint64 {
		l := New(1)
		for i, e := range events {
			l.At(time.Duration(i), e, func() {})
		}
		_ = l.Run(Stop{})
		return l.Digest()
	}
	base := digest(Label{Timer, 1, 2}, Label{Disk, 2, 3})
	if again := digest(Label{Timer, 1, 2}, Label{Disk, 2, 3}); again != base {
		t.Error("the same events have another digest")
	}
	for _, other := range [][]Label{
		{{Disk, 2, 3}, {Timer, 1, 2}}, {{Timer, 1, 2}}, {{Message, 1, 2}, {Disk, 2, 3}},
		{{Timer, 1, 2}, {Disk, 1, 3}}, {{Timer, 1, 2}, {Disk, 2, 4}},
	} {
		if digest(other...) == base {
			t.Errorf("%v has the digest of other events", other)
		}
	}
	late := New(1)
	late.At(0, Label{Timer, 1, 2}, func() {})
	late.At(2, Label{Disk, 2, 3}, func() {})
	if _ = late.Run(Stop{}); late.Digest() == base {
		t.Error("another time has the same digest")
	}
}

func TestShuffleDrawsTheOrderOfWhatIsDueAtOnce(t *testing.T) {
	order := func(seed uint64) (got []int) {
		l := New(seed)
		l.Shuffle("order")
		for i := range 20 {
			l.At(ms, Label{}, func() { got = append(got, i) })
		}
		l.At(0, Label{}, func() {})
		_ = l.Run(Stop{})
		return got
	}
	a, b := order(1), order(1)
	if !slices.Equal(a, b) {
		t.Error("one seed has two orders")
	}
	if slices.IsSorted(a) || slices.Equal(a, order(2)) {
		t.Error("the seed does not decide the order")
	}
}

func TestHoldKeepsOneHostsWorkBack(t *testing.T) {
	l := New(1)
	var got []string
	for i := range 3 {
		l.At(time.Duration(i)*ms, Label{Subject: 1}, func() { got = append(got, fmt.Sprint("n1 ", l.Now())) })
		l.At(time.Duration(i)*ms, Label{Subject: 2}, func() { got = append(got, fmt.Sprint("n2 ", l.Now())) })
	}
	first, second := l.Hold(1), l.Hold(1)
	l.At(5*ms, Label{Subject: Nobody}, func() { first(); first() })
	l.At(6*ms, Label{Subject: Nobody}, second)
	_ = l.Run(Stop{})
	want := []string{"n2 0s", "n2 1ms", "n2 2ms", "n1 6ms", "n1 6ms", "n1 6ms"}
	if !slices.Equal(got, want) || l.Held(1) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestCoroutinesWaitWhileTimeGoesOn(t *testing.T) {
	l := New(1)
	defer l.Close()
	ready := false
	var got []string
	l.At(3*ms, Label{}, func() { ready = true })
	l.Go("inject", func(c *Coroutine) {
		c.WaitUntil(ms)
		got = append(got, fmt.Sprint("began ", c.Now()))
		ok := c.Await(time.Second, func() bool { return ready })
		got = append(got, fmt.Sprint(ok, " ", c.Now()))
		ok = c.Await(4*ms, func() bool { return false })
		got = append(got, fmt.Sprint(ok, " ", c.Now()))
	})
	_ = l.Run(Stop{})
	want := []string{"began 1ms", "true 3ms", "false 7ms"}
	if !slices.Equal(got, want) || len(l.tasks) != 0 {
		t.Errorf("got %v, want %v; %d tasks left", got, want, len(l.tasks))
	}
}

func TestCloseUnwindsParkedCoroutines(t *testing.T) {
	l := New(1)
	cleaned := false
	l.Go("stuck", func(c *Coroutine) {
		defer func() { cleaned = true }()
		c.Await(time.Hour, func() bool { return false })
		t.Error("continued after Close")
	})
	l.Step()
	l.Close()
	if !cleaned {
		t.Error("the coroutine was left parked")
	}
}

func TestAPanicInACoroutineReachesTheLoop(t *testing.T) {
	l := New(1)
	l.Go("bad", func(*Coroutine) { panic("boom") })
	defer func() {
		if recover() != "boom" {
			t.Error("the panic was swallowed")
		}
	}()
	l.Step()
}

func BenchmarkStep(b *testing.B) {
	l := New(1)
	for i := range 100 {
		var again func()
		again = func() { l.After(time.Duration(i+1), Label{Timer, i, 0}, again) }
		again()
	}
	b.ReportAllocs()
	for b.Loop() {
		l.Step()
	}
}
