package faults

import (
	"strings"
	"testing"
)

// The line that breaks a timeline is named, wherever it is, also in a file so long that one reading
// for each line would take minutes.
func TestBrokenLine(t *testing.T) {
	const entry = "- {fault: leader, at: 1s, for: 2s}\n"
	long := strings.Repeat(entry, 8000) // some 270 kB
	for _, c := range []struct {
		text string
		want int
	}{
		{"- {fault: leader\n- {", 1},
		{entry + "\t- x\n", 2},
		{entry + entry + "- fault: leader\n  at: 1s\n   for: 2s\n" + entry, 5},
		{entry + "- {fault: leader,\n   at: 1s,\n   for: 2s}\n- {fault: ]}\n", 5},
		{entry + "- {fault: leader,\n   at: 1s,\n" + long, 2},
		{long + "- {fault: ]}\n", 8001},
		{long + "- {fault: ]}\n" + long, 8001},
		{long + "\tat: 1s\n" + long, 8001},
	} {
		if got := brokenLine(c.text); got != c.want {
			t.Errorf("%d bytes beginning %.40q: line %d, want %d", len(c.text), c.text, got, c.want)
		}
		if _, err := readTimeline([]byte(c.text)); err == nil {
			t.Errorf("%d bytes beginning %.40q: no error", len(c.text), c.text)
		}
	}
}
