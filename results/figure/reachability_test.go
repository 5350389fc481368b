package figure

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/reckon-bench/reckon/reckon/link"
	"github.com/reckon-bench/reckon/results/canvas"
	"github.com/reckon-bench/reckon/results/resultstest"
	"github.com/reckon-bench/reckon/results/summary"
)

func TestHearings(t *testing.T) {
	h, info := resultstest.Scene{Ops: 900, Duration: 9 * time.Second, Seed: 1}.ManyFaults()
	r := summary.NewReading(h, info)
	var got []string
	for _, x := range reachabilities(r) {
		got = append(got, fmt.Sprintf("%.1f-%.1f x%d led by %s dead %v paused %v, %d paths: %v", r.Since(x.from), r.Since(x.to), x.times, x.leader, x.dead, x.paused, len(x.links), x.details))
	}
	want := []string{
		"1.0-1.5 x2 led by n2 dead [] paused [], 2 paths: [cut n2 and n3 from each other]",
		"2.0-2.5 x1 led by n2 dead [] paused [], 4 paths: [n2 is heard by nobody]",
		"3.0-3.5 x1 led by n2 dead [] paused [], 12 paths: [isolated n2]",
		"4.0-4.5 x1 led by n2 dead [] paused [], 2 paths: [30 % loss between n2 and n3]",
		"5.0-5.5 x1 led by n2 dead [n2] paused [], 0 paths: [killed n2]",
		"6.0-6.5 x1 led by n2 dead [] paused [n2], 0 paths: [paused n2]",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
	links := reachabilities(r)[3].links
	if links[link.Path{From: "n2", To: "n3"}].Shape != "loss 30%" {
		t.Errorf("the lossy link is %v", links)
	}
	f := newView(r, summary.Of(h, info, nil)).reachability()
	png, err := f.PNG(canvas.Page)
	if err != nil || len(png) < 10_000 {
		t.Errorf("drawn: %d bytes, %v", len(png), err)
	}
}
