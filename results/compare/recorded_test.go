package compare

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"testing"
)

// Forty recorded runs of one configuration (see the file for how they were made) are dealt
// out to two sides a hundred times. No more than five in a hundred such comparisons may call
// anything different: that is what the level says.
func TestTheSameConfigurationIsNotCalledDifferent(t *testing.T) {
	b, err := os.ReadFile("testdata/recorded.json")
	if err != nil {
		t.Fatal(err)
	}
	var recorded struct{ Runs []map[string]float64 }
	if err := json.Unmarshal(b, &recorded); err != nil {
		t.Fatal(err)
	}
	if len(recorded.Runs) != 40 {
		t.Fatalf("%d runs", len(recorded.Runs))
	}
	rng := rand.New(rand.NewPCG(100, 1))
	different := 0
	for range 100 {
		var sides [2]Side
		for i, k := range rng.Perm(len(recorded.Runs)) {
			r := Run{Dir: string(rune('0' + k)), Verdict: "valid", Axes: map[string]string{"system": "etcd"}, Values: recorded.Runs[k]}
			sides[i%2].Runs = append(sides[i%2].Runs, r)
		}
		c := compared(t, sides[0], sides[1])
		if len(c.Cells[0].Results) != len(recorded.Runs[0]) {
			t.Fatalf("%d measures of %d", len(c.Cells[0].Results), len(recorded.Runs[0]))
		}
		for _, r := range c.Cells[0].Results {
			if r.Differs {
				different++
				break
			}
		}
	}
	t.Logf("%d of 100 comparisons called something different", different)
	if different > 5 {
		t.Errorf("%d of 100 comparisons call the same configuration different", different)
	}
}
