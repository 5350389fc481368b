package summary

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestHistogramsBecomeQuantiles(t *testing.T) {
	got := foldHistograms(map[string]float64{
		"fsync_seconds_le_0.001": 0, "fsync_seconds_le_0.002": 50, "fsync_seconds_le_0.004": 100, "fsync_seconds_le_+Inf": 100,
		"fsync_seconds_count": 100, "has_leader": 1, "what_le_it_be": 2,
		"idle_le_1": 0, "idle_le_+Inf": 0,
	})
	want := map[string]float64{
		"fsync_seconds_p50": 0.002, "fsync_seconds_p99": 0.00396, // 49 of the 50 in its bucket
		"fsync_seconds_count": 100, "has_leader": 1, "what_le_it_be": 2, // what is no bucket stays
	}
	near := cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) < 1e-9 })
	if diff := cmp.Diff(want, got, near); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	beyond := []bucket{{1, 10}, {math.Inf(1), 100}}
	if q, _ := bucketQuantile(beyond, 0.99); q != 1 {
		t.Errorf("p99 = %v; all that is known is that it is beyond 1", q)
	}
}
