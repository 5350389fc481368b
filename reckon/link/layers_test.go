package link_test

import (
	"cmp"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/link"
)

// What is recorded of an overlay path by path is what its text says, by which old records are read.
func TestLayersSayWhatTheTextSays(t *testing.T) {
	m := link.Cut([]string{"n1"}, []string{"n2", "n10"})
	m[link.Path{From: "c1", To: "n3"}] = link.Shape{Delay: 20 * time.Millisecond, Jitter: 2 * time.Millisecond, Loss: 0.3}
	m[link.Path{From: "n3", To: "c1"}] = link.Shape{Loss: 0.1}
	line, err := json.Marshal(map[string]string{"kind": "degraded", "detail": m.String()})
	if err != nil {
		t.Fatal(err)
	}
	var old history.Event
	if err := json.Unmarshal(line, &old); err != nil {
		t.Fatal(err)
	}
	got := old.Overlay
	slices.SortFunc(got, func(a, b history.Layer) int {
		return cmp.Or(link.CompareHosts(a.From, b.From), link.CompareHosts(a.To, b.To))
	})
	if want := m.Layers(); len(want) != 6 || !slices.Equal(got, want) {
		t.Errorf("read of the text %+v\nrecorded %+v", got, want)
	}
}
