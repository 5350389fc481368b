// Package export writes the operations of a recorded run for other programs: spreadsheets, data
// frames, Jepsen's checkers, and the scripts of the Python reckon, a benchmark of consensus systems
// under failures (https://github.com/Cjen1/reckon).
//
//	err := export.Write(w, "csv", run)
//
// It adds nothing to the record but times in the format's units. It leaves out no operation of the
// stages asked for, except reads whose answer is not known in formats that cannot express them.
package export

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/reckon-bench/reckon/reckon/flags"
	"github.com/reckon-bench/reckon/reckon/history"
)

// A Run is the recorded run to export.
type Run struct {
	Epoch time.Time     // wall-clock time of the record's epoch
	Load  time.Duration // start of the load, since the epoch
	// Each calls do with every operation, in the order of the record, until do returns an error,
	// and returns that.
	Each func(do func(*history.Op) error) error
	// All adds the operations outside the load: the preload, and the final reads from each member.
	All bool
}

// A format is one way to write operations. All write them one at a time, except edn, which sorts
// them.
type format struct {
	name, doc string
	write     func(io.Writer, Run) error
}

var formats = []format{
	{"reckon-json", "an array of results as the Python reckon (github.com/Cjen1/reckon) writes it, times in Unix seconds", writeJSON},
	{"csv", "a row for each operation", writeCSV},
	{"parquet", "the same columns, compressed, for pandas, DuckDB, R", writeParquet},
	{"edn", "a Jepsen history: a line for each invocation and completion, in order of time, with the preload, without reads whose answer is not known", writeEDN},
}

// Formats returns the names of the formats.
func Formats() (names []string) {
	for _, f := range formats {
		names = append(names, f.name)
	}
	return names
}

// Describe returns a line for each format.
func Describe() string {
	var b strings.Builder
	for _, f := range formats {
		fmt.Fprintf(&b, "  %-12s %s\n", f.name, f.doc)
	}
	return b.String()
}

// Write writes the run in the named format. Its memory does not grow with the run, except for edn,
// which takes some 450 bytes an operation. The error for an unknown format names the nearest and
// lists all.
func Write(w io.Writer, name string, r Run) error {
	f, err := find(name)
	if err != nil {
		return err
	}
	b := bufio.NewWriterSize(w, 1<<16)
	if err := f.write(b, r); err != nil {
		return fmt.Errorf("export %s: %w", name, err)
	}
	if err := b.Flush(); err != nil {
		return fmt.Errorf("export %s: %w", name, err)
	}
	return nil
}

// Known returns an error for a name that is not a format: it names the nearest and lists all.
func Known(name string) error {
	_, err := find(name)
	return err
}

func find(name string) (format, error) {
	for _, f := range formats {
		if f.name == name {
			return f, nil
		}
	}
	return format{}, flags.Suggest("format", name, Formats())
}

// each calls do with the operations of the stages asked for, and of those that a format adds.
func (r Run) each(do func(*history.Op) error, also ...history.Stage) error {
	return r.Each(func(o *history.Op) error {
		wanted := r.All || o.Stage == history.Load
		for _, s := range also {
			wanted = wanted || o.Stage == s
		}
		if !wanted {
			return nil
		}
		return do(o)
	})
}

// unix returns the instant in Unix seconds.
func (r Run) unix(at time.Duration) float64 {
	t := r.Epoch.Add(at)
	return float64(t.Unix()) + float64(t.Nanosecond())/1e9 // a float does not hold all the nanoseconds
}

// since returns the instant in seconds since the start of the load, as in summary.json.
func (r Run) since(at time.Duration) float64 { return (at - r.Load).Seconds() }
