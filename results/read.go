package results

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"

	"github.com/reckon-bench/reckon/reckon/history"
)

// History reads all that was recorded. A file that is missing holds nothing, and a last line that
// was cut off while it was written is left out: both are notes. A line that cannot be read anywhere
// else is an error, for then something other than a crash broke the record.
func (d *Dir) History() (*history.History, []string, error) {
	var (
		h     history.History
		notes []string
		err   error
	)
	// A system without a history of its own records no changes, a workload without workers no
	// passes, and one of workers alone no operations; without events there was no run.
	if h.Passes, err = readStream(d, PassesFile, history.ReadLines[history.Pass], false, &notes); err != nil {
		return nil, nil, err
	}
	if h.Ops, err = readStream(d, OpsFile, history.ReadOps, len(h.Passes) == 0, &notes); err != nil {
		return nil, nil, err
	}
	if h.Events, err = readStream(d, EventsFile, history.ReadLines[history.Event], true, &notes); err != nil {
		return nil, nil, err
	}
	if h.Changes, err = readStream(d, ChangesFile, history.ReadLines[history.Change], false, &notes); err != nil {
		return nil, nil, err
	}
	// Several goroutines record events, each with a time it took before.
	slices.SortStableFunc(h.Events, func(a, b history.Event) int { return cmp.Compare(a.At, b.At) })
	slices.SortStableFunc(h.Changes, func(a, b history.Change) int { return cmp.Compare(a.Revision, b.Revision) })
	slices.SortStableFunc(h.Passes, func(a, b history.Pass) int { return cmp.Compare(a.Call, b.Call) })
	return &h, notes, nil
}

// readStream reads a file; it is a note that there is none, if there must be one.
func readStream[T any](d *Dir, name string, read func(io.Reader) ([]T, bool, error), must bool, notes *[]string) ([]T, error) {
	f, err := os.Open(d.Path(name))
	if errors.Is(err, fs.ErrNotExist) {
		if must {
			*notes = append(*notes, name+" is missing: nothing was recorded in it")
		}
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read history: %w", err)
	}
	defer f.Close()
	all, cut, err := read(f)
	if err != nil {
		return nil, fmt.Errorf("read history: %s: %w", d.Path(name), err)
	}
	if cut {
		*notes = append(*notes, name+" ends in half a line, which was left out: the recorder was cut off")
	}
	return all, nil
}

// EachOp hands out the recorded operations one after the other, without holding them all. The note
// says what is missing at the end of the record, if anything is.
func (d *Dir) EachOp(do func(*history.Op) error) (note string, err error) {
	f, err := os.Open(d.Path(OpsFile))
	if err != nil {
		return "", fmt.Errorf("read operations: %w", err)
	}
	defer f.Close()
	cut, err := history.EachOp(f, do)
	if err != nil {
		return "", fmt.Errorf("read operations: %s: %w", d.Path(OpsFile), err)
	}
	if cut {
		note = OpsFile + " ends in half a line, which was left out: the recorder was cut off"
	}
	return note, nil
}

// Events reads the recorded events in order of time.
func (d *Dir) Events() ([]history.Event, error) {
	var notes []string
	events, err := readStream(d, EventsFile, history.ReadLines[history.Event], true, &notes)
	slices.SortStableFunc(events, func(a, b history.Event) int { return cmp.Compare(a.At, b.At) })
	return events, err
}
