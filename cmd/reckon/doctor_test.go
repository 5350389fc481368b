package main

import (
	"io"
	"testing"

	"github.com/reckon-bench/reckon/cmd/reckon/doctor"
	"github.com/reckon-bench/reckon/cmd/reckon/exit"
)

// A machine that lacks what every run needs ends doctor with the status of a run that is refused; one that lacks
// something else does not.
func TestDoctorStatus(t *testing.T) {
	for _, c := range []struct {
		name       string
		ok, needed bool
		want       int
	}{
		{"all is there", true, true, 0},
		{"something that not every run needs is missing", false, false, 0},
		{"what every run needs is missing", false, true, 2},
	} {
		got, _ := exit.Code(printFindings(io.Discard, []doctor.Finding{{What: "namespaces", OK: c.ok, Needed: c.needed}}))
		if got != c.want {
			t.Errorf("%s: exit status %d, want %d", c.name, got, c.want)
		}
	}
}
