package figure

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A node that does not answer is not drawn as leading, whatever was last heard of it.
func TestNoLeaderThatDoesNotAnswer(t *testing.T) {
	lead := func(from, to float64) bar { return bar{node: "n2", condition: leading, from: from, to: to, term: 3} }
	mute := []bar{
		{node: "n2", condition: silent, from: 4, to: 6}, {node: "n2", condition: dead, from: 5, to: 7},
		{node: "n1", condition: silent, from: 0, to: 20}, {node: "n2", condition: paused, from: 9, to: 30},
	}
	got := answering(append([]bar{lead(2, 10)}, mute...))
	want := append(append([]bar{}, mute...), lead(2, 4), lead(7, 9))
	if d := cmp.Diff(want, got, cmp.AllowUnexported(bar{})); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
