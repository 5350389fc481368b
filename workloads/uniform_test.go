package workloads

import (
	"iter"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/seed"
)

func newUniform(t *testing.T, flags string) *uniform {
	t.Helper()
	w, err := reckon.Workloads.Lookup("uniform")
	if err != nil {
		t.Fatal(err)
	}
	fs := pflag.NewFlagSet("uniform", pflag.ContinueOnError)
	u := w.New(fs).(*uniform)
	if err := fs.Parse(strings.Fields(flags)); err != nil {
		t.Fatal(err)
	}
	return u
}

func setting(clients int) reckon.Setting {
	s := reckon.Setting{Duration: 100 * time.Second}
	for i := range clients {
		s.Clients = append(s.Clients, "c"+strconv.Itoa(i+1))
	}
	return s
}

func until(ops iter.Seq[reckon.Op], end time.Duration) (all []reckon.Op) {
	for op := range ops {
		if op.Due >= end {
			break
		}
		all = append(all, op)
	}
	return all
}

func TestArrivals(t *testing.T) {
	const end = 100 * time.Second
	for _, c := range []struct {
		flags   string
		clients int
		spread  float64 // coefficient of variation of the gaps: 0 where they are even, 1 where they are exponential
	}{
		{"--rate=100", 1, 0},
		{"--rate=100", 3, 0},
		{"--rate=1000 --arrival-process=poisson", 1, 1},
		{"--rate=1000 --arrival-process=poisson", 4, 1},
	} {
		t.Run(c.flags, func(t *testing.T) {
			u, s := newUniform(t, c.flags), setting(c.clients)
			total := 0
			for client := range c.clients {
				ops := until(u.Ops(s, client, seed.Stream(1, strconv.Itoa(client))), end)
				total += len(ops)
				var sum, squares float64
				for i := 1; i < len(ops); i++ {
					gap := (ops[i].Due - ops[i-1].Due).Seconds()
					if gap < 0 {
						t.Fatalf("operation %d is due before the one before it", i)
					}
					sum, squares = sum+gap, squares+gap*gap
				}
				n := float64(len(ops) - 1)
				mean := sum / n
				cv := math.Sqrt(max(0, squares/n-mean*mean)) / mean
				if math.Abs(cv-c.spread) > 0.05 {
					t.Errorf("client %d: gaps vary by %.3f, want %.0f", client, cv, c.spread)
				}
			}
			// Five standard deviations of a Poisson count.
			if want := u.rate * end.Seconds(); math.Abs(float64(total)-want) > 5*math.Sqrt(want)*c.spread+1 {
				t.Errorf("%d arrivals, want about %.0f", total, want)
			}
		})
	}
}

func TestValuesAreUniqueAndOfTheirSize(t *testing.T) {
	for _, size := range []int{4, 10, 100} {
		u, s := newUniform(t, "--write-ratio=1 --payload-size="+strconv.Itoa(size)), setting(3)
		if err := u.Validate(s); err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		take := func(op reckon.Op) {
			if len(op.Value) != size || seen[op.Value] {
				t.Fatalf("%v: %d bytes, want %d; seen before: %v", op, len(op.Value), size, seen[op.Value])
			}
			seen[op.Value] = true
		}
		for client := range s.Clients {
			for attempt := range reckon.PreloadAttempts {
				for op := range u.Preload(s, client, attempt) {
					take(op)
				}
			}
			for _, op := range until(u.Ops(s, client, seed.Stream(1, "")), s.Duration) {
				take(op)
			}
		}
	}
}

func TestValuesStayUniqueWhenAbridged(t *testing.T) {
	u := newUniform(t, "--payload-size=5000")
	if a, b := history.Abridge(u.value(1)), history.Abridge(u.value(2)); a == b {
		t.Errorf("both are %q", a)
	}
}

func TestKeysAndMix(t *testing.T) {
	u, s := newUniform(t, "--max-key=9 --write-ratio=0.2 --rate=1000"), setting(1)
	keys, writes := map[string]int{}, 0
	ops := until(u.Ops(s, 0, seed.Stream(1, "mix")), s.Duration)
	for _, op := range ops {
		keys[op.Key]++
		if op.Kind == history.Write {
			writes++
		}
	}
	// Five standard deviations of the binomial counts.
	n := float64(len(ops))
	within := func(what string, got int, p float64) {
		if math.Abs(float64(got)-n*p) > 5*math.Sqrt(n*p*(1-p)) {
			t.Errorf("%s: %d of %.0f, want about %.0f", what, got, n, n*p)
		}
	}
	within("writes", writes, 0.2)
	for k := range 10 {
		within("key "+strconv.Itoa(k), keys[strconv.Itoa(k)], 0.1)
	}
	if len(keys) != 10 {
		t.Errorf("keys %v, want 0 to 9", keys)
	}
}

func TestPreloadAndFinalCoverEveryKey(t *testing.T) {
	u, s := newUniform(t, "--max-key=10"), setting(3)
	written := map[string]int{}
	for client := range s.Clients {
		for op := range u.Preload(s, client, 0) {
			written[op.Key]++
		}
	}
	read := map[string]int{}
	for op := range u.Final(s) {
		read[op.Key]++
	}
	for k := range 11 {
		if key := strconv.Itoa(k); written[key] != 1 || read[key] != 1 {
			t.Errorf("key %s: written %d times, read %d times", key, written[key], read[key])
		}
	}
}

func TestSameSeedSameLoad(t *testing.T) {
	u, s := newUniform(t, "--arrival-process=poisson"), setting(2)
	a := until(u.Ops(s, 1, seed.Stream(7, "x")), time.Minute)
	b := until(u.Ops(s, 1, seed.Stream(7, "x")), time.Minute)
	if len(a) == 0 || len(a) != len(b) {
		t.Fatalf("%d and %d operations", len(a), len(b))
	}
	for i := range a {
		if a[i] != b[i] {
			t.Fatalf("operation %d: %v and %v", i, a[i], b[i])
		}
	}
}

func TestNeeds(t *testing.T) {
	for flags, want := range map[string]string{
		"":                      "",
		"--rate=-1":             "--rate -1: must be above 0",
		"--rate=NaN":            "must be above 0",
		"--write-ratio=2":       "must be from 0 to 1",
		"--max-key=-1":          "must be from 0",
		"--payload-size=0":      "must be from 1",
		"--payload-size=2":      "too small for the",
		"--payload-size=999999": "",
	} {
		err := newUniform(t, flags).Validate(setting(1))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v, want %q", flags, err, want)
		}
	}
}
