package results

// A Status is the verdict of a run. The zero value reads as unknown.
type Status string

const (
	// StatusValid: all checks passed, and every planned fault was injected, observed and healed.
	StatusValid Status = "valid"
	// StatusUnknown: a check could not decide, nothing was checked, or the run was cut short.
	StatusUnknown Status = "unknown"
	// StatusHarness: the harness or the machine failed, so the run is inconclusive.
	StatusHarness Status = "harness"
	// StatusInvalid: the system violated a guarantee.
	StatusInvalid Status = "invalid"
)

// rank orders statuses from good to bad.
func (s Status) rank() int {
	switch s {
	case StatusValid:
		return 0
	case StatusHarness:
		return 2
	case StatusInvalid:
		return 3
	}
	return 1
}

// Worst returns the worse of the two, over many runs: invalid, then harness, then unknown, then
// valid.
func (s Status) Worst(t Status) Status {
	if t.rank() > s.rank() {
		return t
	}
	return s
}

// Exit returns the exit status that says so: 0 valid, 1 invalid, 3 harness, 4 unknown.
func (s Status) Exit() int {
	switch s {
	case StatusValid:
		return 0
	case StatusInvalid:
		return 1
	case StatusHarness:
		return 3
	}
	return 4
}

func (s Status) String() string {
	if s == "" {
		return string(StatusUnknown)
	}
	return string(s)
}
