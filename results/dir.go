package results

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/reckon-bench/reckon/reckon/clock"
	"github.com/reckon-bench/reckon/reckon/history"
)

// The files of a run's directory.
const (
	OpsFile     = "ops.jsonl"
	EventsFile  = "events.jsonl"
	ChangesFile = "changes.jsonl"
	PassesFile  = "passes.jsonl"
	SummaryFile = "summary.json"
	ReportFile  = "report.html"
	LogsDir     = "logs"
	scratchDir  = "scratch"
	PlotsDir    = "plots"
)

// flushEvery bounds how much of a run a crash of the runner can lose.
const flushEvery = 200 * time.Millisecond

// A Dir is one run's directory. It is where the run is recorded, and all that
// is needed to check, summarise and draw it again. It implements
// reckon.Recorder and is safe for concurrent use.
//
// Lines are buffered and written at least every 200 ms. The first error of a
// file (a full disk, say) stays with that file: every later append to it fails
// with the same error, and so does Close, while what was written before
// stays readable.
type Dir struct {
	path string
	// madeIn is the directory that was there before Create made the rest: its owner gets what was
	// made.
	madeIn string
	made   string // the topmost directory that Create made

	ops, events, changes, passes *stream

	flushing sync.Once
	open     context.Context // until Close
	close    context.CancelFunc
	closing  sync.Once
	closed   error
}

// Create makes the directory of a new run, with its parents. It refuses one that exists:
// no run is ever recorded over another.
func Create(path string) (*Dir, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("create run directory: %w", err)
	}
	made, madeIn := FirstMissing(path)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return nil, fmt.Errorf("create run directory: %w", err)
	}
	if err := os.Mkdir(path, 0o777); errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("create run directory %s: it exists; a run never overwrites another", path)
	} else if err != nil {
		return nil, fmt.Errorf("create run directory: %w", err)
	}
	d := newDir(path)
	d.made, d.madeIn = made, madeIn
	return d, nil
}

// Open opens the directory of a recorded run. It refuses a directory without a plan.
func Open(path string) (*Dir, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open run directory: %w", err)
	}
	if info, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("open run directory: %w", err)
	} else if !info.IsDir() {
		return nil, fmt.Errorf("open run directory %s: not a directory", path)
	}
	if _, err := os.Stat(filepath.Join(path, PlanName)); err != nil {
		return nil, fmt.Errorf("open run directory %s: not a run: it has no %s", path, PlanName)
	}
	d := newDir(path)
	d.made, d.madeIn = path, path
	return d, nil
}

func newDir(path string) *Dir {
	d := &Dir{path: path}
	d.open, d.close = context.WithCancel(context.Background())
	d.ops = newStream(d.Path(OpsFile))
	d.events = newStream(d.Path(EventsFile))
	d.changes = newStream(d.Path(ChangesFile))
	d.passes = newStream(d.Path(PassesFile))
	return d
}

// FirstMissing returns the topmost directory on the way to path that is not there, and its parent,
// which is.
func FirstMissing(path string) (missing, parent string) {
	for missing = path; ; missing = parent {
		parent = filepath.Dir(missing)
		if _, err := os.Stat(parent); err == nil || parent == missing {
			return missing, parent
		}
	}
}

// Path returns the path of something in the directory; without elements, of the directory itself.
func (d *Dir) Path(elem ...string) string {
	return filepath.Join(append([]string{d.path}, elem...)...)
}

func (d *Dir) String() string { return d.path }

// Op records a finished operation.
func (d *Dir) Op(op history.Op) error {
	return d.record(d.ops, func(b []byte) ([]byte, error) { return op.AppendJSON(b), nil })
}

// Ops records operations that are encoded already, in whole lines.
func (d *Dir) Ops(lines []byte) error {
	if len(lines) == 0 {
		return nil
	}
	lines = bytes.TrimSuffix(lines, []byte{'\n'}) // append ends the last one
	return d.record(d.ops, func(b []byte) ([]byte, error) { return append(b, lines...), nil })
}

// Event records what happened in the run.
func (d *Dir) Event(e history.Event) error { return d.record(d.events, appendJSON(e)) }

// Change records one step of the store's own account of its past.
func (d *Dir) Change(c history.Change) error { return d.record(d.changes, appendJSON(c)) }

// Pass records an operation of Kibishii's workers.
func (d *Dir) Pass(p history.Pass) error { return d.record(d.passes, appendJSON(p)) }

func (d *Dir) record(s *stream, line func([]byte) ([]byte, error)) error {
	d.flushing.Do(func() { go clock.Every(d.open, flushEvery, d.flush) })
	return s.append(line)
}

func appendJSON(v any) func([]byte) ([]byte, error) {
	return func(b []byte) ([]byte, error) {
		j, err := json.Marshal(v)
		return append(b, j...), err
	}
}

func (d *Dir) flush() {
	// An error stays with its stream: the next append and Close return it.
	for _, s := range d.streams() {
		_ = s.flush()
	}
}

func (d *Dir) streams() []*stream { return []*stream{d.ops, d.events, d.changes, d.passes} }

// Log opens logs/NAME.log for appending: a process that is started again adds to its log.
func (d *Dir) Log(name string) (io.WriteCloser, error) {
	if err := plainName(name); err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	if err := os.MkdirAll(d.Path(LogsDir), 0o777); err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	f, err := os.OpenFile(d.Path(LogsDir, name+".log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o666)
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	return f, nil
}

// Scratch makes scratch/NAME for a process's data, on the disk that holds the run.
func (d *Dir) Scratch(name string) (string, error) {
	if err := plainName(name); err != nil {
		return "", fmt.Errorf("make scratch directory: %w", err)
	}
	dir := d.Path(scratchDir, name)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", fmt.Errorf("make scratch directory: %w", err)
	}
	return dir, nil
}

// RemoveScratch deletes the processes' data. Nothing that checks or draws needs it.
func (d *Dir) RemoveScratch() error {
	if err := os.RemoveAll(d.Path(scratchDir)); err != nil {
		return fmt.Errorf("remove scratch: %w", err)
	}
	return nil
}

// plainName refuses names that would leave the directory they belong in.
func plainName(name string) error {
	if name == "" || name == "." || name == ".." || strings.ContainsAny(name, `/\`) {
		return fmt.Errorf("name %q is not a plain file name", name)
	}
	return nil
}

// Sync puts all that was recorded so far on the disk.
func (d *Dir) Sync() error {
	var errs []error
	for _, s := range d.streams() {
		errs = append(errs, s.sync())
	}
	return errors.Join(errs...)
}

// Close writes and syncs what is buffered and ends the record. It returns
// whatever error the recording ever met. Reading and rendering go on working.
func (d *Dir) Close() error {
	d.closing.Do(func() {
		d.close()
		var errs []error
		for _, s := range d.streams() {
			errs = append(errs, s.close())
		}
		d.closed = errors.Join(errs...)
	})
	return d.closed
}

// WritePlan writes plan.json, which makes the directory a run. It is the first thing to be written.
func (d *Dir) WritePlan(f PlanFile) error { return d.writeJSON(PlanName, f) }

// ReadPlan reads plan.json. What it says may not make a plan here any more: Plan makes one, and
// checks.
func (d *Dir) ReadPlan() (f PlanFile, err error) {
	err = d.readJSON(PlanName, &f)
	return f, err
}

// WriteSummary writes summary.json.
func (d *Dir) WriteSummary(s Summary) error { return d.writeJSON(SummaryFile, s) }

// ReadSummary reads summary.json, evidence of the checks included: rendering needs no second check.
func (d *Dir) ReadSummary() (Summary, error) {
	var s Summary
	err := d.readJSON(SummaryFile, &s)
	return s, err
}

func (d *Dir) writeJSON(name string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return d.WriteFile(name, append(b, '\n'))
}

func (d *Dir) readJSON(name string, v any) error {
	b, err := os.ReadFile(d.Path(name))
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("read %s: %w", d.Path(name), err)
	}
	return nil
}

// WriteFile replaces a file of the directory in one step, as the function WriteFile does.
func (d *Dir) WriteFile(name string, data []byte) error { return WriteFile(d.Path(name), data) }

// WriteFile replaces the file in one step, so that no reader sees half of
// one, and a full disk leaves the old one as it was.
func WriteFile(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(0o644), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
