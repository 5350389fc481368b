package workloads

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/seed"
)

func workload(t *testing.T, name, flags string) reckon.Workload {
	t.Helper()
	w, err := reckon.Workloads.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	fs := pflag.NewFlagSet(name, pflag.ContinueOnError)
	v := w.New(fs)
	if err := fs.Parse(strings.Fields(flags)); err != nil {
		t.Fatal(err)
	}
	return v
}

// TestEventualLoads: the streams of all clients together have the rate, unique values, and keys
// that the final reads cover; they are the same every time; reads are of keys that were written
// before.
func TestEventualLoads(t *testing.T) {
	for _, name := range []string{"set", "sessions"} {
		for _, clients := range []int{1, 3} {
			s := setting(clients)
			s.Nodes = []string{"n1", "n2", "n3"}
			w := workload(t, name, "--rate=50")
			if err := w.(reckon.Validator).Validate(s); err != nil {
				t.Fatal(err)
			}
			var all []reckon.Op
			for c := range clients {
				ops := until(w.Ops(s, c, seed.Stream(1, "x")), s.Duration)
				again := until(w.Ops(s, c, seed.Stream(1, "x")), s.Duration)
				if !slices.Equal(ops, again) {
					t.Errorf("%s: client %d does not repeat itself", name, c)
				}
				all = append(all, ops...)
			}
			if n := len(all); n < 4998 || n > 5002 {
				t.Errorf("%s: %d operations of %d clients in 100 s at 50 a second", name, n, clients)
			}
			final := map[string]bool{}
			for op := range w.(reckon.FinalReader).Final(s) {
				final[op.Key] = true
			}
			values, first := map[string]bool{}, map[string]time.Duration{}
			slices.SortStableFunc(all, func(a, b reckon.Op) int { return int(a.Due - b.Due) })
			deleted := map[string]time.Duration{}
			for _, op := range all {
				if !final[op.Key] {
					t.Fatalf("%s: %s is not read in the end", name, op.Key)
				}
				switch {
				case op.Kind == history.Read:
					if _, ok := first[op.Key]; !ok {
						t.Fatalf("%s: %s is read before it is written", name, op.Key)
					}
				case op.Value == "":
					deleted[op.Key] = op.Due
				default:
					if _, gone := deleted[op.Key]; values[op.Value] || gone {
						t.Fatalf("%s: %v repeats a value, or follows a deletion", name, op)
					}
					values[op.Value], first[op.Key] = true, min(op.Due, first[op.Key]+op.Due)
				}
			}
			if (len(deleted) > 100) != (name == "sessions") {
				t.Errorf("%s deletes %d keys", name, len(deleted))
			}
			if checks := w.Checks(s); len(checks) < 4 || checks[0].Name != "converges" {
				t.Errorf("%s: checks %v", name, checks)
			}
		}
	}
}

func TestEventualLoadsRefuse(t *testing.T) {
	for _, name := range []string{"set", "sessions"} {
		for _, flags := range []string{"--rate=0", "--rate=-1", "--rate=1e6", "--rate=NaN"} {
			if err := workload(t, name, flags).(reckon.Validator).Validate(setting(1)); err == nil {
				t.Errorf("%s %s was taken", name, flags)
			}
		}
	}
}
