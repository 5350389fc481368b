package load

import (
	"encoding/json"
	"testing"
	"time"
)

// What several drivers report adds up to what one would have counted, through JSON.
func TestLatenciesAddUp(t *testing.T) {
	var all, sum Latencies
	for driver := range 3 {
		var p Progress
		for i := range 100 {
			d := time.Duration(100*driver+i) * time.Millisecond
			p.Latencies.Add(d)
			all.Add(d)
		}
		b, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		var got Progress
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatal(err)
		}
		sum.Merge(got.Latencies)
	}
	if sum.Count() != 300 {
		t.Fatalf("%d latencies, want 300", sum.Count())
	}
	for q, want := range map[float64]time.Duration{0.5: 150 * time.Millisecond, 0.99: 296 * time.Millisecond} {
		if got := sum.Quantile(q); got != all.Quantile(q) || (got-want).Abs() > want/50 {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
}

func TestNoLatencies(t *testing.T) {
	var l Latencies
	l.Merge(Latencies{})
	if l.Count() != 0 || l.Quantile(0.5) != 0 {
		t.Errorf("%d latencies, median %v", l.Count(), l.Quantile(0.5))
	}
	b, err := json.Marshal(Progress{OK: 1})
	if err != nil {
		t.Fatal(err)
	}
	var p Progress
	if err := json.Unmarshal(b, &p); err != nil || p.OK != 1 || p.Latencies.Count() != 0 {
		t.Errorf("%s is read as %+v, %v", b, p, err)
	}
}
