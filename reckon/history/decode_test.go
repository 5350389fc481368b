package history

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// op returns the i-th operation of a run that went well.
func op(i int) Op {
	return Op{Client: "c1", Process: i % 7, Kind: Write, Key: strconv.Itoa(i % 100), Value: strconv.Itoa(i), Due: time.Duration(i), Call: time.Duration(i + 1), Return: time.Duration(i + 2), Outcome: OK, Revision: int64(i), Member: "n1"}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Whatever way a line is read, it is read as encoding/json reads it.
func TestFastDecodingReadsTheSame(t *testing.T) {
	ops := []Op{
		{}, op(1), op(12),
		{Stage: Final, Client: "c2", Process: 7, Kind: Read, Key: "a b", Due: -5, Outcome: Failed, Error: "etcdserver: no leader", Version: 3},
		{Stage: Preload, Key: "é", Value: strings.Repeat("x", 200), Error: "tab\there, \"quoted\", and a } brace"},
		{Value: "comma, colon: and }", Key: `"`},
	}
	var lines bytes.Buffer
	var want []Op
	for _, o := range ops {
		line := o.AppendJSON(nil)
		var w Op
		must(t, json.Unmarshal(line, &w))
		want = append(want, w)
		lines.Write(append(line, '\n'))
	}
	// Other writers may order and space fields as they like.
	lines.WriteString(`{ "key": "k", "client": "c1", "stage": "load", "kind": "write", "outcome": "ok", "new": [1] }` + "\n\n")
	want = append(want, Op{Key: "k", Client: "c1", Kind: Write, Outcome: OK})

	got, cut, err := ReadOps(iotest.OneByteReader(&lines))
	must(t, err)
	if diff := cmp.Diff(want, got); diff != "" || cut {
		t.Errorf("cut %v, (-encoding/json +fast):\n%s", cut, diff)
	}
}

func TestDecodingAcrossChunks(t *testing.T) {
	var lines []byte
	const n = 20_000 // several chunks
	for i := range n {
		lines = append(op(i).AppendJSON(lines), '\n')
	}
	got, cut, err := ReadOps(bytes.NewReader(lines))
	must(t, err)
	if len(got) != n || cut {
		t.Fatalf("%d operations, cut %v", len(got), cut)
	}
	for i, o := range got {
		if o != op(i) {
			t.Fatalf("operation %d is %v", i, o)
		}
	}
	i := 0
	cut, err = EachOp(bytes.NewReader(append(bytes.Clone(lines), `{"stage":"lo`...)), func(o *Op) error {
		if *o != op(i) {
			t.Fatalf("one at a time, operation %d is %v", i, o)
		}
		i++
		return nil
	})
	must(t, err)
	if i != n || !cut {
		t.Errorf("one at a time: %d operations, cut %v", i, cut)
	}
	broken := append(bytes.Clone(lines), "{\"stage\":\"nowhere\"}\n"...)
	if _, _, err := ReadOps(bytes.NewReader(broken)); err == nil || !strings.Contains(err.Error(), "line 20001") {
		t.Errorf("err = %v; want one that names line 20001", err)
	}
	if _, err := EachOp(bytes.NewReader(broken), func(*Op) error { return nil }); err == nil || !strings.Contains(err.Error(), "line 20001") {
		t.Errorf("one at a time, err = %v; want one that names line 20001", err)
	}
}
