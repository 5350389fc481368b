package results

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/plan"
)

func create(t *testing.T) *Dir {
	t.Helper()
	d, err := Create(filepath.Join(t.TempDir(), "runs", "one"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	if err := d.WritePlan(PlanFile{Words: plan.Words{System: "etcd", Topology: "simple"}}); err != nil {
		t.Fatal(err)
	}
	return d
}

func op(i int) history.Op {
	at := time.Duration(i) * time.Millisecond
	return history.Op{
		Client: "c1", Process: i % 7, Kind: history.Write, Key: "3", Value: "v\"\n" + strings.Repeat("x", i%9),
		Due: at, Call: at + 1, Return: at + 2*time.Millisecond, Outcome: history.OK, Revision: int64(i), Member: "n1",
	}
}

func TestWhatIsRecordedIsRead(t *testing.T) {
	d := create(t)
	want := history.History{
		Ops: []history.Op{op(1), op(2)},
		Events: []history.Event{
			{At: 1, Kind: history.Phase, Subject: "load"},
			{At: 2, Kind: history.Struck, Subject: "leader", Detail: "killed n2", Data: map[string]float64{"strike": 0}},
		},
		Changes: []history.Change{{Revision: 1, Version: 1, Key: "3", Value: "x", Member: "n1"}, {Revision: 2, Version: 2, Key: "3", Value: "y"}},
	}
	for _, o := range want.Ops {
		must(t, d.Op(o))
	}
	for _, e := range slices.Backward(want.Events) { // recorded out of order, read in order
		must(t, d.Event(e))
	}
	for _, c := range slices.Backward(want.Changes) {
		must(t, d.Change(c))
	}
	must(t, d.Close())

	again, err := Open(d.Path())
	must(t, err)
	got, notes, err := again.History()
	must(t, err)
	if diff := cmp.Diff(&want, got); diff != "" {
		t.Errorf("read differs from recorded (-recorded +read):\n%s", diff)
	}
	if len(notes) > 0 {
		t.Errorf("notes on an intact record: %q", notes)
	}
	plan, err := again.ReadPlan()
	must(t, err)
	if plan.Words.System != "etcd" || plan.Words.Topology != "simple" {
		t.Errorf("plan = %v", plan)
	}
}

// Operations may come encoded, several at once, between others.
func TestEncodedOperations(t *testing.T) {
	d := create(t)
	must(t, d.Op(op(1)))
	must(t, d.Ops(nil))
	must(t, d.Ops(append(op(2).AppendJSON(nil), '\n')))
	must(t, d.Ops(append(op(4).AppendJSON(append(op(3).AppendJSON(nil), '\n')), '\n')))
	must(t, d.Op(op(5)))
	must(t, d.Close())
	h, _, err := d.History()
	must(t, err)
	if diff := cmp.Diff([]history.Op{op(1), op(2), op(3), op(4), op(5)}, h.Ops); diff != "" {
		t.Errorf("(-recorded +read):\n%s", diff)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestCreateRefusesAnExistingDirectory(t *testing.T) {
	d := create(t)
	must(t, d.Op(op(1)))
	_, err := Create(d.Path())
	if err == nil || !strings.Contains(err.Error(), "it exists") || strings.Contains(err.Error(), "\n") {
		t.Errorf("err = %v; want one line that says that it exists", err)
	}
}

func TestOpenRefusesWhatIsNoRun(t *testing.T) {
	empty := t.TempDir()
	file := filepath.Join(empty, "file")
	must(t, os.WriteFile(file, nil, 0o600))
	for path, want := range map[string]string{
		empty:                          "not a run: it has no plan.json",
		file:                           "not a directory",
		filepath.Join(empty, "absent"): "no such file",
	} {
		if _, err := Open(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Open(%s) = %v; want %q", path, err, want)
		}
	}
}

// Workers alone record no operations: nothing is missing then.
func TestWorkersAlone(t *testing.T) {
	d := create(t)
	must(t, d.Pass(history.Pass{ID: "1"}))
	must(t, d.Event(history.Event{Kind: history.Phase}))
	must(t, d.Close())
	if _, notes, err := d.History(); err != nil || len(notes) > 0 {
		t.Errorf("%q, %v", notes, err)
	}
}

func TestHalfALastLineIsANote(t *testing.T) {
	d := create(t)
	must(t, d.Op(op(1)))
	must(t, d.Op(op(2)))
	must(t, d.Close())
	b, err := os.ReadFile(d.Path(OpsFile))
	must(t, err)
	must(t, os.WriteFile(d.Path(OpsFile), b[:len(b)-20], 0o600))

	h, notes, err := d.History()
	must(t, err)
	if len(h.Ops) != 1 || len(notes) != 2 || !strings.Contains(notes[0], "half a line") || !strings.Contains(notes[1], "events.jsonl is missing") {
		t.Errorf("ops %d, notes %q; want the first operation, a note on the half line, one on the missing events", len(h.Ops), notes)
	}
	again, err := Open(d.Path())
	must(t, err)
	must(t, again.Op(op(3)))
	if err := again.Close(); err == nil || !strings.Contains(err.Error(), "half a line") {
		t.Errorf("appending after half a line: err = %v", err)
	}
}

func TestALineThatCannotBeReadIsAnError(t *testing.T) {
	d := create(t)
	must(t, os.WriteFile(d.Path(EventsFile), []byte("{\"at\":1,\"kind\":\"phase\"}\nrubbish\n{\"at\":2}\n"), 0o600))
	if _, _, err := d.History(); err == nil || !strings.Contains(err.Error(), "events.jsonl: line 2") {
		t.Errorf("err = %v; want one that names file and line", err)
	}
}

func TestLogIsAppendedTo(t *testing.T) {
	d := create(t)
	for _, line := range []string{"first life\n", "second life\n"} {
		w, err := d.Log("n1")
		must(t, err)
		_, err = io.WriteString(w, line)
		must(t, err)
		must(t, w.Close())
	}
	b, err := os.ReadFile(d.Path("logs", "n1.log"))
	must(t, err)
	if string(b) != "first life\nsecond life\n" {
		t.Errorf("log = %q", b)
	}
}

func TestNamesStayInside(t *testing.T) {
	d := create(t)
	for _, name := range []string{"", ".", "..", "../n1", `a\b`, "a/b"} {
		if _, err := d.Log(name); err == nil {
			t.Errorf("Log(%q) succeeded", name)
		}
		if _, err := d.Scratch(name); err == nil {
			t.Errorf("Scratch(%q) succeeded", name)
		}
	}
	dir, err := d.Scratch("n1")
	must(t, err)
	if dir != d.Path("scratch", "n1") {
		t.Errorf("Scratch = %s", dir)
	}
	must(t, d.RemoveScratch())
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("scratch is still there: %v", err)
	}
}

func TestRecordsAreFlushedWithoutClosing(t *testing.T) {
	d := create(t)
	must(t, d.Op(op(1)))
	deadline := time.Now().Add(time.Minute) // a hang alone takes so long
	for {
		if b, _ := os.ReadFile(d.Path(OpsFile)); len(b) > 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("nothing was written")
		}
		time.Sleep(flushEvery / 10)
	}
}

func TestConcurrentRecording(t *testing.T) {
	d := create(t)
	var wg sync.WaitGroup
	const writers, each = 8, 500
	for range writers {
		wg.Go(func() {
			for i := range each {
				if err := errors.Join(d.Op(op(i)), d.Event(history.Event{At: time.Duration(i), Kind: history.Noise})); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	must(t, d.Sync())
	must(t, d.Close())
	must(t, d.Close())
	h, _, err := d.History()
	must(t, err)
	if len(h.Ops) != writers*each || len(h.Events) != writers*each {
		t.Errorf("read %d operations and %d events", len(h.Ops), len(h.Events))
	}
	if err := d.Op(op(1)); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Op after Close: %v", err)
	}
}

// A tinyDisk takes so many bytes and no more.
type tinyDisk struct {
	*os.File
	room int
}

func (d *tinyDisk) Write(b []byte) (int, error) {
	n := min(len(b), d.room)
	d.room -= n
	if _, err := d.File.Write(b[:n]); err != nil {
		return 0, err
	}
	if n < len(b) {
		return n, syscall.ENOSPC
	}
	return n, nil
}

func TestAFullDiskLosesNothingRecordedBefore(t *testing.T) {
	d := create(t)
	d.ops.open = func(path string) (sink, error) {
		f, err := os.Create(path)
		return &tinyDisk{f, 10_000}, err
	}
	const before = 30
	for i := range before {
		must(t, d.Op(op(i)))
	}
	must(t, d.Sync())
	var failed error
	for i := 0; failed == nil && i < 100_000; i++ {
		failed = d.Op(op(i))
	}
	if !errors.Is(failed, syscall.ENOSPC) {
		t.Fatalf("err = %v; want no space", failed)
	}
	if err := d.Op(op(1)); err != failed {
		t.Errorf("the error does not stay: %v", err)
	}
	// other files still take lines
	must(t, d.Event(history.Event{Kind: history.Harness, Detail: "disk full"}))
	if err := d.Close(); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Close = %v; want the first error", err)
	}
	h, notes, err := d.History()
	must(t, err)
	if len(h.Ops) < before || len(notes) != 1 {
		t.Errorf("%d operations are left, notes %q; want at least %d and a note on the half line", len(h.Ops), notes, before)
	}
}

func TestAnEventThatCannotBeWrittenSpoilsNoOther(t *testing.T) {
	d := create(t)
	nan := 0.0
	nan /= nan
	if err := d.Event(history.Event{Kind: history.Noise, Data: map[string]float64{"x": nan}}); err == nil {
		t.Error("recorded a NaN")
	}
	must(t, d.Event(history.Event{Kind: history.Noise}))
	must(t, d.Close())
	h, _, err := d.History()
	must(t, err)
	if len(h.Events) != 1 {
		t.Errorf("%d events", len(h.Events))
	}
}

func TestLatestPointsToTheLastRun(t *testing.T) {
	runs := t.TempDir()
	for _, name := range []string{"first", "second"} {
		d, err := Create(filepath.Join(runs, name))
		must(t, err)
		must(t, PointLatest(d.Path()))
		got, err := Latest(runs)
		must(t, err)
		if filepath.Base(got) != name {
			t.Errorf("latest = %s; want %s", got, name)
		}
	}
	other := t.TempDir()
	must(t, os.Mkdir(filepath.Join(other, "latest"), 0o700))
	if err := PointLatest(filepath.Join(other, "run")); err == nil {
		t.Error("PointLatest replaced something that is no link")
	}
	if _, err := Latest(t.TempDir()); err == nil {
		t.Error("found a latest run where there is none")
	}
}
