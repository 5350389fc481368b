package nemesis

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/internal/clusterstate"
	"github.com/reckon-bench/reckon/reckon/plan"
)

// since is a clock that counts from its making; under synctest it is virtual.
type since struct{ t time.Time }

func (s since) Now() time.Duration { return time.Since(s.t) }

// transcript runs the strikes against a cluster that only takes notes, in
// virtual time, and returns what was recorded.
func transcript(t *testing.T, end, cancelAt time.Duration, left map[int]string, strikes ...plan.Strike) string {
	t.Helper()
	var out string
	synctest.Test(t, func(t *testing.T) {
		clock := since{time.Now()}
		var mu sync.Mutex
		var b strings.Builder
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		k := New(Config{
			Clock: clock,
			Wait: func(ctx context.Context, until time.Duration) error {
				select {
				case <-time.After(until - clock.Now()):
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			},
			Event: func(e history.Event) {
				mu.Lock()
				defer mu.Unlock()
				if e.At == 0 {
					e.At = clock.Now()
				}
				fmt.Fprintf(&b, "%v %s %s %v %s", e.At, e.Kind, e.Subject, e.Data["strike"], e.Detail)
				if n := e.Data["tries"]; n > 1 {
					fmt.Fprintf(&b, ", tried %v times", n)
				}
				b.WriteByte('\n')
			},
			ElectionTimeout: time.Second, Bound: time.Minute,
			Look:    func() *clusterstate.Snapshot { return clusterstate.NewSnapshot("", nil) },
			Cluster: func(int, *clusterstate.Snapshot) reckon.Cluster { return nil },
			Undo:    func(_ context.Context, i int) string { return left[i] },
		})
		if cancelAt > 0 {
			time.AfterFunc(cancelAt, cancel)
		}
		for i := range strikes {
			strikes[i].Index = i
		}
		k.Run(ctx, end, strikes)
		at := clock.Now()
		synctest.Wait() // those that the end of the load has cancelled have said so
		mu.Lock()
		fmt.Fprintf(&b, "%v release\n", at)
		mu.Unlock()
		if err := k.Release(context.WithoutCancel(ctx)); err != nil {
			fmt.Fprintf(&b, "release: %v\n", err)
		}
		out = b.String()
	})
	return out
}

// takes is a strike whose injection takes that long.
func takes(fault string, from, to, d time.Duration) plan.Strike {
	return plan.Strike{Fault: fault, Queue: fault, Strike: reckon.Strike{From: from, To: to, Inject: func(ctx context.Context, _ reckon.Cluster) (reckon.Injection, error) {
		select {
		case <-time.After(d):
		case <-ctx.Done():
			return reckon.Injection{}, ctx.Err()
		}
		return reckon.Injection{Detail: "hit", Heal: func(context.Context) error { return nil }}, nil
	}}}
}

func TestStrikes(t *testing.T) {
	const s = time.Second
	fails := func(n int, err error) func(context.Context, reckon.Cluster) (reckon.Injection, error) {
		return func(context.Context, reckon.Cluster) (reckon.Injection, error) {
			if n--; n >= 0 {
				return reckon.Injection{}, err
			}
			return reckon.Injection{Detail: "hit", Heal: func(context.Context) error { return nil }}, nil
		}
	}
	tried := func(from, to time.Duration, n int) plan.Strike {
		return plan.Strike{Fault: "f", Queue: "f", Strike: reckon.Strike{From: from, To: to, Inject: fails(n, errors.New("n2 is dead"))}}
	}
	broken := plan.Strike{Fault: "f", Queue: "f", Strike: reckon.Strike{From: 1 * s, To: 2 * s, Inject: func(context.Context, reckon.Cluster) (reckon.Injection, error) {
		return reckon.Injection{}, errors.New("no leader found")
	}}}
	unhealable := plan.Strike{Fault: "f", Queue: "f", Strike: reckon.Strike{From: 1 * s, To: 2 * s, Inject: func(context.Context, reckon.Cluster) (reckon.Injection, error) {
		return reckon.Injection{Detail: "hit", Heal: func(context.Context) error { return errors.New("stuck") }}, nil
	}}}
	hangs := plan.Strike{Fault: "f", Queue: "f", Strike: reckon.Strike{From: 1 * s, To: 2 * s, Inject: func(context.Context, reckon.Cluster) (reckon.Injection, error) {
		return reckon.Injection{Detail: "hit", Heal: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }}, nil
	}}}
	for _, c := range []struct {
		name    string
		cancel  time.Duration
		left    map[int]string
		strikes []plan.Strike
		want    string
	}{
		{"on time", 0, nil, []plan.Strike{takes("f", 1*s, 2*s, 0), takes("f", 3*s, 4*s, 0)}, `
1s struck f 0 hit
2s healed f 0 
3s struck f 1 hit
4s healed f 1 
10s release`},
		{"one that is late shifts what follows, so windows keep their length", 0, nil, []plan.Strike{takes("f", 1*s, 2*s, s/2), takes("f", 3*s, 4*s, 0)}, `
1.5s struck f 0 hit
2.5s healed f 0 
3.5s struck f 1 hit
4.5s healed f 1 
10s release`},
		{"but not another fault's", 0, nil, []plan.Strike{takes("f", 1*s, 3*s, s/2), takes("g", 2*s, 4*s, 0)}, `
1.5s struck f 0 hit
2s struck g 1 hit
3.5s healed f 0 
4s healed g 1 
10s release`},
		{"a window that begins where another ends finds it healed", 0, nil, []plan.Strike{takes("f", 1*s, 2*s, 0), takes("f", 2*s, 3*s, 0)}, `
1s struck f 0 hit
2s healed f 0 
2s struck f 1 hit
3s healed f 1 
10s release`},
		{"what lasts to the end is healed by the release, the last first", 0, nil, []plan.Strike{takes("f", 0, 10*s, 0), takes("f", 1*s, 10*s, 0)}, `
0s struck f 0 hit
1s struck f 1 hit
10s release
10s healed f 1 
10s healed f 0 `},
		{"one that does not strike is tried again while it would last, and has missed", 0, nil, []plan.Strike{broken}, `
1.75s missed f 0 no leader found (tried 4 times)
10s release`},
		{"one that strikes when tried again is as late, and says so", 0, nil, []plan.Strike{tried(1*s, 3*s, 2), takes("f", 4*s, 5*s, 0)}, `
1.5s struck f 0 hit, tried 3 times
3.5s healed f 0 
4.5s struck f 1 hit
5.5s healed f 1 
10s release`},
		{"trying again ends after twenty election timeouts", 0, nil, []plan.Strike{tried(0, 100*s, 1000)}, `
19.75s missed f 0 n2 is dead (tried 80 times)
40s release`},
		{"and when the load does", 0, nil, []plan.Strike{tried(9100*time.Millisecond, 100*s, 1000)}, `
10s missed f 0 n2 is dead (tried 4 times)
10s release`},
		{"one that fails and leaves something is not tried again", 0, map[int]string{0: "n2 dead"}, []plan.Strike{tried(1*s, 3*s, 2)}, `
1s missed f 0 n2 is dead, and it left n2 dead
10s release`},
		{"a heal that leaves something has missed", 0, map[int]string{0: "n1>n2: cut"}, []plan.Strike{takes("f", 1*s, 2*s, 0)}, `
1s struck f 0 hit
2s missed f 0 heal: it left n1>n2: cut
10s release`},
		{"one that is still looking when the load ends has missed", 0, nil, []plan.Strike{takes("f", 8*s, 9*s, 60*s)}, `
10s missed f 0 the load ended before it could strike
10s release`},
		{"one that was shifted past the end has missed", 0, nil, []plan.Strike{takes("f", 1*s, 2*s, 5*s), takes("f", 6*s, 7*s, 0)}, `
6s struck f 0 hit
7s healed f 0 
7s missed f 1 the load ended before it could strike
10s release`},
		{"a heal that fails has missed", 0, nil, []plan.Strike{unhealable}, `
1s struck f 0 hit
2s missed f 0 heal: stuck
10s release`},
		{"a heal that never ends ends by its bound, and the load does not wait for it", 0, nil, []plan.Strike{hangs}, `
1s struck f 0 hit
10s release
1m2s missed f 0 heal: context deadline exceeded`},
		{"a run that is cut short has healed what was struck, and missed nothing", 2500 * time.Millisecond, nil,
			[]plan.Strike{takes("f", 1*s, 4*s, 0), takes("f", 2*s, 4*s, 5*s), takes("f", 6*s, 7*s, 0)}, `
1s struck f 0 hit
2.5s release
2.5s healed f 0 `},
	} {
		t.Run(c.name, func(t *testing.T) {
			end := 10 * s
			if strings.Contains(c.want, "40s") {
				end = 40 * s
			}
			got := strings.TrimRight(transcript(t, end, c.cancel, c.left, c.strikes...), "\n")
			if want := strings.TrimPrefix(c.want, "\n"); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// What the end of the load heals may be what a heal under way waits for: a worker comes back when
// its store does.
func TestHealsThatNeedEachOther(t *testing.T) {
	var store chan struct{}
	needs := plan.Strike{Fault: "f", Queue: "f", Strike: reckon.Strike{From: 1 * time.Second, To: 9 * time.Second, Inject: func(context.Context, reckon.Cluster) (reckon.Injection, error) {
		store = make(chan struct{})
		return reckon.Injection{Detail: "hit", Heal: func(context.Context) error { <-store; return nil }}, nil
	}}}
	holds := plan.Strike{Fault: "g", Queue: "g", Strike: reckon.Strike{From: 2 * time.Second, To: 10 * time.Second, Inject: func(context.Context, reckon.Cluster) (reckon.Injection, error) {
		return reckon.Injection{Detail: "hit", Heal: func(context.Context) error { close(store); return nil }}, nil
	}}}
	late := takes("h", 3*time.Second, 5*time.Second, 0)
	late.Inject = func(context.Context, reckon.Cluster) (reckon.Injection, error) { // is under way when the load ends, and does not look whether it is over
		time.Sleep(8 * time.Second)
		return reckon.Injection{Detail: "hit", Heal: func(context.Context) error { return nil }}, nil
	}
	got := strings.Split(strings.TrimSpace(transcript(t, 10*time.Second, 0, nil, needs, holds, late)), "\n")
	slices.Sort(got[3:5]) // at one instant, by two goroutines
	want := []string{
		"1s struck f 0 hit", "2s struck g 1 hit", "10s release", "10s healed f 0 ", "10s healed g 1 ", "11s struck h 2 hit", "11s healed h 2",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// Strikes that are due at one instant see the same, whatever the first of them has done by then;
// later ones see the cluster anew. One that is tried again sees how the other nodes are by now, and
// the same leader as before, unless it found none.
func TestSnapshotsOfOneInstant(t *testing.T) {
	a := agenda{timeout: time.Second, look: func() *clusterstate.Snapshot { return clusterstate.NewSnapshot("", nil) }}
	first, second := a.snapshotFor(3*time.Second, 5*time.Second), a.snapshotFor(3*time.Second, 5*time.Second+time.Millisecond)
	if first != second {
		t.Error("two strikes of one instant see different things")
	}
	if later := a.snapshotFor(4*time.Second, 6*time.Second); later == first {
		t.Error("a later strike sees the past")
	}
	if late := a.snapshotFor(3*time.Second, 7*time.Second); late == first {
		t.Error("a strike that is two election timeouts late sees the past")
	}
	leads, looks := "n1", 0
	var seen []string
	n := New(Config{
		Clock: since{time.Now()}, ElectionTimeout: time.Second, Bound: time.Minute, Event: func(history.Event) {},
		Wait: func(context.Context, time.Duration) error { return nil }, Undo: func(context.Context, int) string { return "" },
		Look: func() *clusterstate.Snapshot {
			looks++
			now := reckon.State((looks + 1) % 3)
			return clusterstate.NewSnapshot(leads, map[string]reckon.State{"n1": now, "n2": now, "n3": now})
		},
		Cluster: func(_ int, s *clusterstate.Snapshot) reckon.Cluster {
			seen = append(seen, fmt.Sprintf("%s leads %s, n3 %s", s.Leader(), s.State(s.Leader()), s.State("n3")))
			return nil
		},
	})
	s := plan.Strike{Strike: reckon.Strike{From: 0, To: time.Minute, Inject: func(context.Context, reckon.Cluster) (reckon.Injection, error) {
		if len(seen) < 4 {
			leads = "n2" // but the strikes of this instant have seen n1 lead
			return reckon.Injection{}, []error{errors.New("busy"), fmt.Errorf("look: %w", reckon.ErrNoLeader), errors.New("busy")}[len(seen)-1]
		}
		return reckon.Injection{}, nil
	}}}
	_, ok := n.inject(t.Context(), s, 0)
	if want := []string{"n1 leads paused, n3 paused", "n1 leads paused, n3 running", "n2 leads dead, n3 dead", "n2 leads paused, n3 paused"}; !ok || !slices.Equal(seen, want) {
		t.Errorf("saw %q, want %q", seen, want)
	}
}

// acting is a reckon.Cluster that only knows when something was first done to it.
type acting struct {
	reckon.Cluster
	at time.Duration
}

func (a *acting) Acted() (time.Duration, bool) { return a.at, a.at > 0 }

// A strike says how long it took from the first thing that it did to when it was in effect: looking
// for the leader is not part of that, nor is an attempt that came to nothing. Its lateness is what
// it was, to when it was in effect.
func TestStrikesSayWhenTheyBegan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := since{time.Now()}
		var events []history.Event
		var c *acting
		k := New(Config{
			Clock: clock, ElectionTimeout: time.Second, Bound: time.Minute,
			Wait:    func(_ context.Context, until time.Duration) error { time.Sleep(until - clock.Now()); return nil },
			Event:   func(e history.Event) { events = append(events, e) },
			Look:    func() *clusterstate.Snapshot { return clusterstate.NewSnapshot("", nil) },
			Cluster: func(int, *clusterstate.Snapshot) reckon.Cluster { c = &acting{}; return c },
			Undo:    func(context.Context, int) string { return "" },
		})
		tries := 0
		s := plan.Strike{Fault: "f", Queue: "f", Strike: reckon.Strike{From: time.Second, To: 9 * time.Second, Inject: func(context.Context, reckon.Cluster) (reckon.Injection, error) {
			time.Sleep(300 * time.Millisecond) // looks for whom to strike
			c.at = clock.Now()
			time.Sleep(70 * time.Millisecond)
			if tries++; tries == 1 {
				return reckon.Injection{}, errors.New("busy")
			}
			return reckon.Injection{Heal: func(context.Context) error { return nil }}, nil
		}}}
		k.Run(t.Context(), 10*time.Second, []plan.Strike{s})
		synctest.Wait()
		const want = 1*time.Second + 370*time.Millisecond + 250*time.Millisecond + 370*time.Millisecond
		if e := events[0]; e.Kind != history.Struck || e.At != want || e.Data["took_s"] != 0.07 {
			t.Errorf("got %v at %v, which took %v s; want one at %v that took 0.07 s", e.Kind, e.At, e.Data["took_s"], want)
		}
	})
}
