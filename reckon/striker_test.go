package reckon

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

	"github.com/reckon-bench/reckon/reckon/history"
)

// since is a clock that counts from its making; under synctest it is virtual.
type since struct{ t time.Time }

func (s since) Now() time.Duration { return time.Since(s.t) }

// transcript runs the strikes against a cluster that only takes notes, in
// virtual time, and returns what was recorded.
func transcript(t *testing.T, end, cancelAt time.Duration, left map[int]string, strikes ...strike) string {
	t.Helper()
	var out string
	synctest.Test(t, func(t *testing.T) {
		clock := since{time.Now()}
		var mu sync.Mutex
		var b strings.Builder
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		k := &striker{
			clock: clock,
			wait: func(ctx context.Context, until time.Duration) error {
				select {
				case <-time.After(until - clock.Now()):
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			},
			event: func(e history.Event) {
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
			timeout: time.Second, bound: time.Minute,
			look:    func() *snapshot { return &snapshot{} },
			cluster: func(int, *snapshot) Cluster { return nil },
			undo:    func(_ context.Context, i int) string { return left[i] },
		}
		if cancelAt > 0 {
			time.AfterFunc(cancelAt, cancel)
		}
		for i := range strikes {
			strikes[i].index = i
		}
		k.run(ctx, end, strikes)
		at := clock.Now()
		synctest.Wait() // those that the end of the load has cancelled have said so
		mu.Lock()
		fmt.Fprintf(&b, "%v release\n", at)
		mu.Unlock()
		if err := k.release(context.WithoutCancel(ctx)); err != nil {
			fmt.Fprintf(&b, "release: %v\n", err)
		}
		out = b.String()
	})
	return out
}

// takes is a strike whose injection takes that long.
func takes(fault string, from, to, d time.Duration) strike {
	return strike{fault: fault, line: fault, Strike: Strike{From: from, To: to, Inject: func(ctx context.Context, _ Cluster) (Injection, error) {
		select {
		case <-time.After(d):
		case <-ctx.Done():
			return Injection{}, ctx.Err()
		}
		return Injection{Detail: "hit", Heal: func(context.Context) error { return nil }}, nil
	}}}
}

func TestStrikes(t *testing.T) {
	const s = time.Second
	fails := func(n int, err error) func(context.Context, Cluster) (Injection, error) {
		return func(context.Context, Cluster) (Injection, error) {
			if n--; n >= 0 {
				return Injection{}, err
			}
			return Injection{Detail: "hit", Heal: func(context.Context) error { return nil }}, nil
		}
	}
	tried := func(from, to time.Duration, n int) strike {
		return strike{fault: "f", line: "f", Strike: Strike{From: from, To: to, Inject: fails(n, errors.New("n2 is dead"))}}
	}
	broken := strike{fault: "f", line: "f", Strike: Strike{From: 1 * s, To: 2 * s, Inject: func(context.Context, Cluster) (Injection, error) {
		return Injection{}, errors.New("no leader found")
	}}}
	unhealable := strike{fault: "f", line: "f", Strike: Strike{From: 1 * s, To: 2 * s, Inject: func(context.Context, Cluster) (Injection, error) {
		return Injection{Detail: "hit", Heal: func(context.Context) error { return errors.New("stuck") }}, nil
	}}}
	hangs := strike{fault: "f", line: "f", Strike: Strike{From: 1 * s, To: 2 * s, Inject: func(context.Context, Cluster) (Injection, error) {
		return Injection{Detail: "hit", Heal: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }}, nil
	}}}
	for _, c := range []struct {
		name    string
		cancel  time.Duration
		left    map[int]string
		strikes []strike
		want    string
	}{
		{"on time", 0, nil, []strike{takes("f", 1*s, 2*s, 0), takes("f", 3*s, 4*s, 0)}, `
1s struck f 0 hit
2s healed f 0 
3s struck f 1 hit
4s healed f 1 
10s release`},
		{"one that is late shifts what follows, so windows keep their length", 0, nil, []strike{takes("f", 1*s, 2*s, s/2), takes("f", 3*s, 4*s, 0)}, `
1.5s struck f 0 hit
2.5s healed f 0 
3.5s struck f 1 hit
4.5s healed f 1 
10s release`},
		{"but not another fault's", 0, nil, []strike{takes("f", 1*s, 3*s, s/2), takes("g", 2*s, 4*s, 0)}, `
1.5s struck f 0 hit
2s struck g 1 hit
3.5s healed f 0 
4s healed g 1 
10s release`},
		{"a window that begins where another ends finds it healed", 0, nil, []strike{takes("f", 1*s, 2*s, 0), takes("f", 2*s, 3*s, 0)}, `
1s struck f 0 hit
2s healed f 0 
2s struck f 1 hit
3s healed f 1 
10s release`},
		{"what lasts to the end is healed by the release, the last first", 0, nil, []strike{takes("f", 0, 10*s, 0), takes("f", 1*s, 10*s, 0)}, `
0s struck f 0 hit
1s struck f 1 hit
10s release
10s healed f 1 
10s healed f 0 `},
		{"one that does not strike is tried again while it would last, and has missed", 0, nil, []strike{broken}, `
1.75s missed f 0 no leader found (tried 4 times)
10s release`},
		{"one that strikes when tried again is as late, and says so", 0, nil, []strike{tried(1*s, 3*s, 2), takes("f", 4*s, 5*s, 0)}, `
1.5s struck f 0 hit, tried 3 times
3.5s healed f 0 
4.5s struck f 1 hit
5.5s healed f 1 
10s release`},
		{"trying again ends after twenty election timeouts", 0, nil, []strike{tried(0, 100*s, 1000)}, `
19.75s missed f 0 n2 is dead (tried 80 times)
40s release`},
		{"and when the load does", 0, nil, []strike{tried(9100*time.Millisecond, 100*s, 1000)}, `
10s missed f 0 n2 is dead (tried 4 times)
10s release`},
		{"one that fails and leaves something is not tried again", 0, map[int]string{0: "n2 dead"}, []strike{tried(1*s, 3*s, 2)}, `
1s missed f 0 n2 is dead, and it left n2 dead
10s release`},
		{"a heal that leaves something has missed", 0, map[int]string{0: "n1>n2: cut"}, []strike{takes("f", 1*s, 2*s, 0)}, `
1s struck f 0 hit
2s missed f 0 heal: it left n1>n2: cut
10s release`},
		{"one that is still looking when the load ends has missed", 0, nil, []strike{takes("f", 8*s, 9*s, 60*s)}, `
10s missed f 0 the load ended before it could strike
10s release`},
		{"one that was shifted past the end has missed", 0, nil, []strike{takes("f", 1*s, 2*s, 5*s), takes("f", 6*s, 7*s, 0)}, `
6s struck f 0 hit
7s healed f 0 
7s missed f 1 the load ended before it could strike
10s release`},
		{"a heal that fails has missed", 0, nil, []strike{unhealable}, `
1s struck f 0 hit
2s missed f 0 heal: stuck
10s release`},
		{"a heal that never ends ends by its bound, and the load does not wait for it", 0, nil, []strike{hangs}, `
1s struck f 0 hit
10s release
1m2s missed f 0 heal: context deadline exceeded`},
		{"a run that is cut short has healed what was struck, and missed nothing", 2500 * time.Millisecond, nil,
			[]strike{takes("f", 1*s, 4*s, 0), takes("f", 2*s, 4*s, 5*s), takes("f", 6*s, 7*s, 0)}, `
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

// What the end of the load heals may be what a heal under way waits for: a worker comes back when its store does.
func TestHealsThatNeedEachOther(t *testing.T) {
	var store chan struct{}
	needs := strike{fault: "f", line: "f", Strike: Strike{From: 1 * time.Second, To: 9 * time.Second, Inject: func(context.Context, Cluster) (Injection, error) {
		store = make(chan struct{})
		return Injection{Detail: "hit", Heal: func(context.Context) error { <-store; return nil }}, nil
	}}}
	holds := strike{fault: "g", line: "g", Strike: Strike{From: 2 * time.Second, To: 10 * time.Second, Inject: func(context.Context, Cluster) (Injection, error) {
		return Injection{Detail: "hit", Heal: func(context.Context) error { close(store); return nil }}, nil
	}}}
	late := takes("h", 3*time.Second, 5*time.Second, 0)
	late.Inject = func(context.Context, Cluster) (Injection, error) { // is under way when the load ends, and does not look whether it is over
		time.Sleep(8 * time.Second)
		return Injection{Detail: "hit", Heal: func(context.Context) error { return nil }}, nil
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

// Strikes that are due at one instant are told the same, whatever the first of them has done by then; later ones are told anew. One that
// is tried again is told how the other nodes are by now, and the same leader as it was, unless it found none.
func TestToldTheSame(t *testing.T) {
	k := &striker{timeout: time.Second, look: func() *snapshot { return &snapshot{} }}
	a, b := k.tell(3*time.Second, 5*time.Second), k.tell(3*time.Second, 5*time.Second+time.Millisecond)
	if a != b {
		t.Error("two strikes of one instant are told different things")
	}
	if c := k.tell(4*time.Second, 6*time.Second); c == a {
		t.Error("a later strike is told what was")
	}
	if c := k.tell(3*time.Second, 7*time.Second); c == a {
		t.Error("a strike that is two election timeouts late is told what was")
	}
	leads, looks := "n1", 0
	k.look = func() *snapshot {
		looks++
		now := State((looks + 1) % 3)
		return &snapshot{leader: leads, states: map[string]State{"n1": now, "n2": now, "n3": now}}
	}
	var told []string
	s := strike{Strike: Strike{From: 0, To: time.Minute, Inject: func(context.Context, Cluster) (Injection, error) {
		if len(told) < 4 {
			leads = "n2" // but the strikes of this instant have been told that n1 does
			return Injection{}, []error{errors.New("busy"), fmt.Errorf("look: %w", errNoLeader), errors.New("busy")}[len(told)-1]
		}
		return Injection{}, nil
	}}}
	k.clock, k.event, k.bound = since{time.Now()}, func(history.Event) {}, time.Minute
	k.wait = func(context.Context, time.Duration) error { return nil }
	k.undo = func(context.Context, int) string { return "" }
	k.cluster = func(_ int, s *snapshot) Cluster {
		told = append(told, fmt.Sprintf("%s leads %s, n3 %s", s.leads(), s.state(s.leads()), s.state("n3")))
		return nil
	}
	_, ok := k.inject(t.Context(), s, 0)
	if want := []string{"n1 leads paused, n3 paused", "n1 leads paused, n3 running", "n2 leads dead, n3 dead", "n2 leads paused, n3 paused"}; !ok || !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
}

// acting is a Cluster that only knows when something was first done to it.
type acting struct {
	Cluster
	at time.Duration
}

func (a *acting) acted() (time.Duration, bool) { return a.at, a.at > 0 }

// A strike says how long it took from the first thing that it did to when it was in effect: looking for the leader is not
// part of that, nor is an attempt that came to nothing. Its lateness is what it was, to when it was in effect.
func TestStrikesSayWhenTheyBegan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := since{time.Now()}
		var events []history.Event
		var c *acting
		k := &striker{
			clock: clock, timeout: time.Second, bound: time.Minute,
			wait:    func(_ context.Context, until time.Duration) error { time.Sleep(until - clock.Now()); return nil },
			event:   func(e history.Event) { events = append(events, e) },
			look:    func() *snapshot { return &snapshot{} },
			cluster: func(int, *snapshot) Cluster { c = &acting{}; return c },
			undo:    func(context.Context, int) string { return "" },
		}
		tries := 0
		s := strike{fault: "f", line: "f", Strike: Strike{From: time.Second, To: 9 * time.Second, Inject: func(context.Context, Cluster) (Injection, error) {
			time.Sleep(300 * time.Millisecond) // looks for whom to strike
			c.at = clock.Now()
			time.Sleep(70 * time.Millisecond)
			if tries++; tries == 1 {
				return Injection{}, errors.New("busy")
			}
			return Injection{Heal: func(context.Context) error { return nil }}, nil
		}}}
		k.run(t.Context(), 10*time.Second, []strike{s})
		synctest.Wait()
		const want = 1*time.Second + 370*time.Millisecond + 250*time.Millisecond + 370*time.Millisecond
		if e := events[0]; e.Kind != history.Struck || e.At != want || e.Data["took_s"] != 0.07 {
			t.Errorf("got %v at %v, which took %v s; want one at %v that took 0.07 s", e.Kind, e.At, e.Data["took_s"], want)
		}
	})
}
