package export

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"

	"github.com/reckon-bench/reckon/reckon/history"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const second = time.Second

// small has one of everything: a preload, a read of nothing, one that keeps its answer, what
// failed, what nobody knows, a name that needs quotes.
var small = []history.Op{
	{Stage: history.Preload, Client: "c1", Process: 0, Kind: history.Write, Key: "7", Value: "a", Due: 1 * second, Call: 1 * second, Return: 1*second + 5e6, Outcome: history.OK, Revision: 2, Member: "n1"},
	{Client: "c1", Process: 0, Kind: history.Read, Key: "7", Value: "a", Due: 2 * second, Call: 2*second + 1e5, Return: 2*second + 3e6, Outcome: history.OK, Revision: 2, Version: 1, Member: "n2"},
	{Client: "c1", Process: 1, Kind: history.Read, Key: "8", Due: 2*second + 1e6, Call: 2*second + 1e6, Return: 2*second + 3e6, Outcome: history.OK, Member: "n2"},
	{Client: "c1", Process: 4, Kind: history.Read, Key: "7", Due: 2*second + 2e6, Call: 2*second + 2e6, Return: 2*second + 3e6, Outcome: history.OK, Unobserved: true, Member: "n2"},
	{Client: "c2", Process: 2, Kind: history.Read, Key: "7", Due: 3 * second, Call: 3 * second, Return: 3*second + 1e6, Outcome: history.Failed, Error: "etcdserver: no leader"},
	{Client: "c1", Process: 0, Kind: history.Write, Key: "k \"1\"\\\n", Value: "é,1", Due: 2*second + 3e6, Call: 2*second + 3e6, Return: 8 * second, Outcome: history.Unknown, Error: "timed out"},
	{Stage: history.Final, Client: "n1", Process: 3, Kind: history.Read, Key: "7", Value: "a", Due: 9 * second, Call: 9 * second, Return: 9*second + 1e6, Outcome: history.OK, Revision: 2, Version: 1, Member: "n1"},
}

func runOf(ops []history.Op) Run {
	return Run{
		Epoch: time.Unix(1_700_000_000, 250e6), Load: 2 * second,
		Each: func(do func(*history.Op) error) error {
			for i := range ops {
				if err := do(&ops[i]); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

func write(t *testing.T, format string, r Run) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, format, r); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestText(t *testing.T) {
	for _, all := range []bool{false, true} {
		for _, format := range []string{"reckon-json", "csv", "edn"} {
			r := runOf(small)
			r.All = all
			got := write(t, format, r)
			path := filepath.Join("testdata", format+map[bool]string{true: "-all"}[all])
			if *update {
				if err := os.WriteFile(path, got, 0o666); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), string(got)); d != "" {
				t.Errorf("%s, all %v (-want +got):\n%s", format, all, d)
			}
		}
	}
}

func TestJSONIsWhatItsReadersKnow(t *testing.T) {
	var all []map[string]any
	if err := json.Unmarshal(write(t, "reckon-json", runOf(small)), &all); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"kind": "result", "t_submitted": 1700000002.2501, "t_result": 1700000002.253, "result": "Success", "op_kind": "read", "clientid": "c1",
		"other": map[string]any{"target": "n2", "expected_start": 1700000002.25},
	}
	if d := cmp.Diff(want, all[0]); len(all) != 5 || d != "" {
		t.Errorf("%d results; the first (-want +got):\n%s", len(all), d)
	}
	var none []any
	if err := json.Unmarshal(write(t, "reckon-json", runOf(nil)), &none); err != nil || len(none) != 0 {
		t.Errorf("a run of nothing is %v, %v", none, err)
	}
}

// Parquet holds what CSV holds, whatever the number of rows.
func TestParquetHoldsTheSame(t *testing.T) {
	var ops []history.Op
	for i := range 2500 {
		o := small[i%len(small)]
		o.Key = fmt.Sprint(i)
		ops = append(ops, o)
	}
	r := runOf(ops)
	r.All = true
	b := write(t, "parquet", r)
	rows, err := parquet.Read[row](bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	lines, err := csv.NewReader(bytes.NewReader(write(t, "csv", r))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != len(ops) || len(lines) != len(ops)+1 {
		t.Fatalf("%d rows and %d lines of %d operations", len(rows), len(lines), len(ops))
	}
	for i, got := range rows {
		text := []string{
			got.Stage, got.Client, fmt.Sprint(got.Process), got.Kind, got.Key, got.Value, time.Unix(0, got.Due).UTC().Format(time.RFC3339Nano),
			fmt.Sprintf("%.9f", got.DueS), fmt.Sprintf("%.9f", got.CallS), fmt.Sprintf("%.9f", got.ReturnS), fmt.Sprintf("%.6f", got.Latency),
			got.Outcome, got.Error, fmt.Sprint(got.Revision), fmt.Sprint(got.Version), got.Member, fmt.Sprint(got.Untold),
		}
		if d := cmp.Diff(lines[i+1], text); d != "" {
			t.Fatalf("row %d (-csv +parquet):\n%s", i, d)
		}
	}
}

// In a Jepsen history a process invokes, and then completes, before it invokes again; indices
// count; time does not go back.
func TestHistoryIsWellFormed(t *testing.T) {
	// Operations that follow each other within the same nanosecond, and last none.
	ops := []history.Op{
		{Process: 1, Key: "a", Call: 5, Return: 5, Outcome: history.OK}, {Process: 1, Key: "b", Call: 5, Return: 9, Outcome: history.OK},
		{Process: 1, Key: "c", Call: 9, Return: 9, Outcome: history.Unknown}, {Process: 2, Key: "d", Call: 5, Return: 9, Outcome: history.Failed},
	}
	lines := strings.Split(strings.TrimSpace(string(write(t, "edn", runOf(ops)))), "\n")
	if len(lines) != 2*len(ops) {
		t.Fatalf("%d lines", len(lines))
	}
	open := map[string]string{}
	for i, l := range lines {
		field := func(name string) string {
			_, rest, _ := strings.Cut(l, name+" ")
			value, _, _ := strings.Cut(rest, ",")
			return strings.TrimSuffix(value, "}")
		}
		process, key := field(":process"), field(":value")[:4]
		if field(":index") != fmt.Sprint(i) {
			t.Errorf("line %d: %s", i, l)
		}
		if invoke := field(":type") == ":invoke"; invoke && open[process] != "" || !invoke && open[process] != key {
			t.Errorf("line %d, process %s has %q open: %s", i, process, open[process], l)
		}
		open[process] = map[bool]string{true: key}[field(":type") == ":invoke"]
	}
}

func TestUnknownFormatNamesTheNearest(t *testing.T) {
	err := Write(io.Discard, "parkett", runOf(nil))
	if err == nil || err.Error() != `unknown format "parkett", did you mean "parquet"?; known: reckon-json, csv, parquet, edn` {
		t.Errorf("error is %v", err)
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestWhatCannotBeWrittenIsAnError(t *testing.T) {
	for _, name := range Formats() {
		if err := Write(brokenPipe{}, name, runOf(small)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// BenchmarkMillion says how long a million operations take, and the most memory that they hold.
func BenchmarkMillion(b *testing.B) {
	for _, name := range Formats() {
		b.Run(name, func(b *testing.B) {
			r := runOf(nil)
			var most uint64
			r.Each = func(do func(*history.Op) error) error {
				for i := range 1_000_000 {
					o := small[1]
					o.Key, o.Value = fmt.Sprint(i%100), fmt.Sprintf("%010d", i)
					if err := do(&o); err != nil {
						return err
					}
					if i%100_000 == 0 {
						var m runtime.MemStats
						runtime.ReadMemStats(&m)
						most = max(most, m.HeapInuse)
					}
				}
				return nil
			}
			for b.Loop() {
				if err := Write(io.Discard, name, r); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(most)/1e6, "MB-held")
		})
	}
}
