package workloads

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/host"
	"github.com/reckon-bench/reckon/reckon/host/hosttest"
)

func TestMain(m *testing.M) { hosttest.Main(m) }

// newTestMember is a worker on a real host whose processes are shells that run the scripts, one
// after the other.
func newTestMember(t *testing.T, scripts ...string) (h *member, started func() int) {
	t.Helper()
	hosttest.Need(t)
	on, err := host.New("c1")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { on.Close() })
	n := 0
	h = newMember(&workers{lease: time.Second, env: reckon.Env{
		Event:   func(history.Event) {},
		Scratch: func(string) (string, error) { return t.TempDir(), nil },
		Start: func(_, _ string, _ reckon.Command, stdout io.Writer) (reckon.Process, error) {
			script := scripts[n]
			n++
			return on.Start(host.Command{Path: "/bin/sh", Args: []string{"sh", "-c", script}, Stdout: stdout})
		},
	}}, "c1")
	t.Cleanup(h.end)
	if err := h.start(); err != nil {
		t.Fatal(err)
	}
	return h, func() int { return n }
}

const (
	works     = `echo '{"msg":"registered"}'; echo '{"msg":"begins","op":"1","cmd":"generate","pass":7}'; exec sleep 1000`
	registers = `echo '{"msg":"registered"}'; exec sleep 1000`
	waits     = `exec sleep 1000`
	breaks    = `exit 3`
)

// A worker that was killed is started again once, however often it is healed; what becomes of it
// then is seen afterwards.
func TestAWorkerThatWasKilled(t *testing.T) {
	for _, c := range []struct {
		name, script string
		within       time.Duration // beyond the lease, which is a second
		seen, err    string
	}{
		{"comes back", registers, time.Minute, "and is registered again after", ""},
		{"cannot register: its store is down", waits, 200 * time.Millisecond, "but is not registered again within 1.2s", ""},
		{"ends by itself", breaks, time.Minute, "", "has ended by itself (exit status 3)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, started := newTestMember(t, works, c.script)
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			if err := h.Busy(ctx); err != nil {
				t.Fatal(err)
			}
			seen, restart, err := h.Kill(ctx)
			if err != nil || !strings.Contains(seen, "is gone, in the middle of generate 7") {
				t.Fatalf("%s, %v", seen, err)
			}
			if seen, err = restart(ctx); err != nil || !strings.Contains(seen, "of worker c1 runs") {
				t.Fatalf("%s, %v", seen, err)
			}
			if c.script != breaks {
				if again, err := restart(ctx); err != nil || again != seen || started() != 2 {
					t.Errorf("healed twice it is %s, where it was %s; %d processes were started; %v", again, seen, started(), err)
				}
			}
			seen, err = h.Back(ctx, c.within)
			if !strings.Contains(seen, c.seen) || (err != nil) != (c.err != "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s, %v", seen, err)
			}
		})
	}
}

// One that is killed once more while it is awaited has not ended by itself.
func TestAWorkerThatIsKilledTwice(t *testing.T) {
	h, _ := newTestMember(t, works, waits)
	_, restart, err := h.Kill(t.Context())
	if err == nil {
		_, err = restart(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(50*time.Millisecond, func() { h.Kill(t.Context()) })
	if seen, err := h.Back(t.Context(), time.Minute); err != nil || seen != "and was killed again before it was asked" {
		t.Errorf("%s, %v", seen, err)
	}
}
