package results

import (
	"os"
	"strings"
	"syscall"
	"testing"
)

// A FIFO in place of any file of the record would keep its reader waiting for a writer, and a device
// would never end: both are refused by name.
func TestRecordsAreRegularFiles(t *testing.T) {
	for what, plant := range map[string]func(path string) error{
		"FIFO":   func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"device": func(path string) error { return os.Symlink("/dev/zero", path) },
	} {
		for _, name := range []string{OpsFile, EventsFile, ChangesFile, PassesFile, SummaryFile, PlanName, endFile} {
			d := create(t)
			_ = os.Remove(d.Path(name)) // plan.json is there
			must(t, plant(d.Path(name)))
			var err error
			switch name {
			case SummaryFile:
				_, err = d.ReadSummary()
			case PlanName:
				_, err = d.ReadPlan()
			case endFile:
				if end := d.RunnerEnd(); !strings.Contains(end, "not a regular file") {
					t.Errorf("%s as %s: %q", what, name, end)
				}
				continue
			default:
				_, _, err = d.History()
			}
			if err == nil || !strings.Contains(err.Error(), "not a regular file") || !strings.Contains(err.Error(), name) {
				t.Errorf("%s as %s: %v", what, name, err)
			}
			if name == OpsFile {
				if _, err := d.EachOp(nil); err == nil || !strings.Contains(err.Error(), "not a regular file") {
					t.Errorf("%s as %s, one by one: %v", what, name, err)
				}
			}
		}
	}
}
