package reckon

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reckon-bench/reckon/history"
)

// since is a clock that counts from its making; under synctest it is virtual.
type since struct{ t time.Time }

func (s since) Now() time.Duration { return time.Since(s.t) }

// transcript runs the strikes against a cluster that only takes notes, in
// virtual time, and returns what was recorded.
func transcript(t *testing.T, end, cancelAt time.Duration, strikes ...strike) string {
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
				fmt.Fprintf(&b, "%v %s %s %v %s\n", e.At, e.Kind, e.Subject, e.Data["strike"], e.Detail)
			},
			cluster: func(int) Cluster { return nil },
		}
		if cancelAt > 0 {
			time.AfterFunc(cancelAt, cancel)
		}
		for i := range strikes {
			strikes[i].index = i
		}
		k.run(ctx, end, strikes)
		fmt.Fprintf(&b, "%v release\n", clock.Now())
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
	broken := strike{fault: "f", line: "f", Strike: Strike{From: 1 * s, To: 2 * s, Inject: func(context.Context, Cluster) (Injection, error) {
		return Injection{}, errors.New("no leader found")
	}}}
	unhealable := strike{fault: "f", line: "f", Strike: Strike{From: 1 * s, To: 2 * s, Inject: func(context.Context, Cluster) (Injection, error) {
		return Injection{Detail: "hit", Heal: func(context.Context) error { return errors.New("stuck") }}, nil
	}}}
	for _, c := range []struct {
		name    string
		cancel  time.Duration
		strikes []strike
		want    string
	}{
		{"on time", 0, []strike{takes("f", 1*s, 2*s, 0), takes("f", 3*s, 4*s, 0)}, `
1s struck f 0 hit
2s healed f 0 
3s struck f 1 hit
4s healed f 1 
10s release`},
		{"one that is late shifts what follows, so windows keep their length", 0, []strike{takes("f", 1*s, 2*s, s/2), takes("f", 3*s, 4*s, 0)}, `
1.5s struck f 0 hit
2.5s healed f 0 
3.5s struck f 1 hit
4.5s healed f 1 
10s release`},
		{"but not another fault's", 0, []strike{takes("f", 1*s, 3*s, s/2), takes("g", 2*s, 4*s, 0)}, `
1.5s struck f 0 hit
2s struck g 1 hit
3.5s healed f 0 
4s healed g 1 
10s release`},
		{"a window that begins where another ends finds it healed", 0, []strike{takes("f", 1*s, 2*s, 0), takes("f", 2*s, 3*s, 0)}, `
1s struck f 0 hit
2s healed f 0 
2s struck f 1 hit
3s healed f 1 
10s release`},
		{"what lasts to the end is healed by the release, the last first", 0, []strike{takes("f", 0, 10*s, 0), takes("f", 1*s, 10*s, 0)}, `
0s struck f 0 hit
1s struck f 1 hit
10s release
10s healed f 1 
10s healed f 0 `},
		{"one that does not strike has missed", 0, []strike{broken}, `
1s missed f 0 no leader found
10s release`},
		{"one that is still looking when the load ends has missed", 0, []strike{takes("f", 8*s, 9*s, 60*s)}, `
10s missed f 0 the load ended before it could strike
10s release`},
		{"one that was shifted past the end has missed", 0, []strike{takes("f", 1*s, 2*s, 5*s), takes("f", 6*s, 7*s, 0)}, `
6s struck f 0 hit
7s healed f 0 
7s missed f 1 the load ended before it could strike
10s release`},
		{"a heal that fails has missed", 0, []strike{unhealable}, `
1s struck f 0 hit
2s missed f 0 heal: stuck
10s release`},
		{"a run that is cut short has healed what was struck, and missed nothing", 2500 * time.Millisecond,
			[]strike{takes("f", 1*s, 4*s, 0), takes("f", 2*s, 4*s, 5*s), takes("f", 6*s, 7*s, 0)}, `
1s struck f 0 hit
2.5s release
2.5s healed f 0 `},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := strings.TrimRight(transcript(t, 10*s, c.cancel, c.strikes...), "\n")
			if want := strings.TrimPrefix(c.want, "\n"); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}
