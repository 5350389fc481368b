// Package export writes a recorded run's operations for other programs: the
// Python reckon's scripts, spreadsheets, data frames, Jepsen's checkers.
//
//	err := export.Write(w, "csv", run)
//
// It writes what was recorded, and only that: it derives nothing but times in the
// other program's units, and leaves out no operation of the stages that it is asked for, but reads whose answer is not
// known where the format cannot say so.
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

// A Run is what is exported.
type Run struct {
	Epoch time.Time     // the wall clock's time of the record's epoch
	Load  time.Duration // start of the load, since the epoch
	// Each hands out the operations in the order of the record.
	Each func(do func(*history.Op) error) error
	// All adds what is no load: the preload, and the final reads from each member.
	All bool
}

// A format writes operations one at a time, but for edn, which sorts them.
type format struct {
	name, doc string
	write     func(io.Writer, Run) error
}

var formats = []format{
	{"reckon-json", "the array of results that the Python reckon writes, times in Unix seconds", writeJSON},
	{"csv", "a row an operation", writeCSV},
	{"parquet", "the same columns, compressed, for pandas, DuckDB, R", writeParquet},
	{"edn", "a Jepsen history: a line an invocation or completion, in order of time, with the preload, without reads whose answer is not known", writeEDN},
}

// Formats are the names that Write knows.
func Formats() (names []string) {
	for _, f := range formats {
		names = append(names, f.name)
	}
	return names
}

// Describe says what each format is, a line each.
func Describe() string {
	var b strings.Builder
	for _, f := range formats {
		fmt.Fprintf(&b, "  %-12s %s\n", f.name, f.doc)
	}
	return b.String()
}

// Write writes the run in the format named. Memory does not grow with the run, except
// for edn: some 450 bytes an operation.
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

// Known refuses a name that is no format, and names the nearest.
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
	hint := ""
	if near := flags.Nearest(name, Formats()); near != "" {
		hint = fmt.Sprintf(", did you mean %q?", near)
	}
	return format{}, fmt.Errorf("unknown format %q%s; known: %s", name, hint, strings.Join(Formats(), ", "))
}

// each hands out the operations of the stages that are asked for, and those of the stages that a format adds.
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

// unix is the instant in Unix seconds.
func (r Run) unix(at time.Duration) float64 {
	t := r.Epoch.Add(at)
	return float64(t.Unix()) + float64(t.Nanosecond())/1e9 // a float does not hold all the nanoseconds
}

// since is the instant in seconds since the start of the load, as in summary.json.
func (r Run) since(at time.Duration) float64 { return (at - r.Load).Seconds() }
