package results

import "testing"

func TestStatus(t *testing.T) {
	order := []Status{StatusValid, StatusUnknown, StatusHarness, StatusInvalid}
	for i, a := range order {
		for j, b := range order {
			if got := a.Worst(b); got != order[max(i, j)] {
				t.Errorf("worst of %s and %s = %s", a, b, got)
			}
		}
	}
	exits := map[Status]int{StatusValid: 0, StatusInvalid: 1, StatusHarness: 3, StatusUnknown: 4, "": 4}
	for s, want := range exits {
		if s.Exit() != want {
			t.Errorf("exit of %s = %d; want %d", s, s.Exit(), want)
		}
	}
}
