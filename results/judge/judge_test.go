package judge

import (
	"fmt"
	"os"
	"testing"

	"github.com/moby/sys/reexec"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/check"
	"github.com/reckon-bench/reckon/reckon/plan"
	"github.com/reckon-bench/reckon/results"
	"github.com/reckon-bench/reckon/results/judge/judgetest"
)

func TestMain(m *testing.M) {
	reexec.Register(Role, Main)
	if reexec.Init() { // this process is the checking one, which a test started
		return
	}
	os.Exit(m.Run())
}

func TestConclude(t *testing.T) {
	s, err := Conclude(judgetest.Record(t, 5000))
	if err != nil {
		t.Fatal(err)
	}
	if s.Verdict != results.StatusValid || s.Ops.OK != 5000 || len(s.Checks) != 4 {
		t.Errorf("%s: %s; %v; %v", s.Verdict, s.Reason, s.Harness, s.Checks)
	}
}

// A check that crashes, or whose process ends without a word, is Unknown and names the reason.
func TestChecksThatDoNotFinish(t *testing.T) {
	crash := guarded(t.Context(), reckon.Check{Name: "x", Run: nil}, nil)
	if crash.Name != "x" || crash.Verdict != check.Unknown || crash.Detail == "" {
		t.Errorf("a crash gave %v", crash)
	}
	dir := judgetest.Record(t, 1000)
	p, broken, err := dir.Plan()
	if err != nil {
		t.Fatal(err)
	}
	broken.Words = plan.Words{System: "gone"}
	if err := dir.WritePlan(broken); err != nil {
		t.Fatal(err)
	}
	for _, r := range runChecks(dir, p) {
		if r.Verdict != check.Unknown || r.Detail == "" {
			t.Errorf("without a checking process: %v", r)
		}
	}
}

// BenchmarkConclude checks, summarises and renders, as reckon check does.
func BenchmarkConclude(b *testing.B) {
	for _, n := range []int{100_000} {
		b.Run(fmt.Sprintf("ops=%d", n), func(b *testing.B) {
			dir := judgetest.Record(b, n)
			for b.Loop() {
				if s, err := Conclude(dir); err != nil || s.Verdict != results.StatusValid {
					b.Fatal(s.Verdict, s.Reason, s.Checks, err)
				}
			}
		})
	}
}
