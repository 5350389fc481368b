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
	return Op{Client: "c1", Process: i % 7, Kind: Write, Key: strconv.Itoa(i % 100), Value: strconv.Itoa(i), Due: time.Duration(i), Call: time.Duration(i + 1), Return: time.Duration(i + 2), Outcome: OK, Revision: int64(i), Member: "n1", Via: "n1"}
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
		{Stage: Final, Client: "c2", Process: 7, Kind: Read, Key: "a b", Due: -5, Outcome: Failed, Error: "etcdserver: no leader", Version: 3, Via: "n3"},
		{Stage: Probing, Client: "c1", Process: ProbeProcess, Key: ServingKey, Outcome: Failed, Via: "n3"},
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

// Records of before operations had a field for it say in the error's text through whom a failed one
// was sent; both decoders read it there, and only where the field is missing.
func TestViaOfOldRecords(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		{`"outcome":"ok","member":"n1"`, "n1"},
		{`"outcome":"unknown","error":"through n2: etcdserver: request timed out"`, "n2"},
		{`"outcome":"failed","error":"never sent: context deadline exceeded"`, ""},
		{`"outcome":"failed","error":"lost its way through n2: no"`, ""},
		{`"outcome":"failed","error":"through n2: no","via":"n3"`, "n3"},
	} {
		for _, escape := range []string{"", `,"new":[1]`} { // the second is not for the fast decoder
			line := `{"stage":"load","client":"c1","process":1,"kind":"read","key":"k","value":"","due":1,"call":1,"return":2,` + c.line + escape + "}\n"
			got, _, err := ReadOps(strings.NewReader(line))
			must(t, err)
			if len(got) != 1 || got[0].Via != c.want {
				t.Errorf("%s: %+v, want via %q", line, got, c.want)
			}
		}
	}
}

// FuzzDecoders compares the two decoders of operations: what the fast one takes, encoding/json takes
// as well, as the same operation.
func FuzzDecoders(f *testing.F) {
	for _, line := range []string{
		`{"stage":"load","client":"c1","process":1,"kind":"read","key":"k","value":"","due":1,"call":1,"return":2,"outcome":"ok","member":"n1"}`,
		`{"stage":"load","client":"c1","process":1,"kind":"write","key":"k","value":"","due":1,"call":1,"return":2,"outcome":"unknown","error":"through n2: late","delete":true}`,
		`{"client":"c1","process":1,"kind":"read","outcome":"ok"}`, `{"stage":"load","outcome":"ok"}`, `{"stage":"load","kind":"read"}`,
		`{"stage":"load","kind":"read","outcome":"ok","process":9223372036854775807,"process":-0,"untold":false}`, `{}`, `[]`, `{"stage":"load"`,
	} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		d := opDecoder{seen: map[string]string{}}
		var quick, slow Op
		if !d.fast(line, &quick) {
			return
		}
		if err := slow.UnmarshalJSON(line); err != nil {
			t.Fatalf("%s: the fast decoder takes it, and encoding/json says: %v", line, err)
		}
		if quick != slow {
			t.Fatalf("%s:\nfast %+v\nslow %+v", line, quick, slow)
		}
	})
}
