package history

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestOpLinesRoundTrip(t *testing.T) {
	ops := []Op{
		{},
		{Stage: Preload, Client: "c1", Process: 7, Kind: Write, Key: "k1", Value: "v\"1\\\n", Due: 1, Call: 2, Return: 3, Outcome: OK, Revision: 9, Member: "n2", Via: "n2"},
		{Stage: Final, Client: "c10", Kind: Read, Key: "ключ", Value: "é", Due: -time.Second, Outcome: Failed, Error: "deadline <exceeded>", Version: 3, Via: "n3"},
		{Value: strings.Repeat("x", AbridgeOver)},
		{Client: "c1", Key: "7", Outcome: OK, Unobserved: true},
	}
	var b []byte
	for _, o := range ops {
		b = append(o.AppendJSON(b), '\n')
	}
	got, cut, err := ReadLines[Op](strings.NewReader(string(b)))
	if err != nil || cut {
		t.Fatalf("cut %v, err %v", cut, err)
	}
	if d := cmp.Diff(ops, got); d != "" {
		t.Error(d)
	}
}

func TestReadLines(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     int
		cut      bool
		err      string
	}{
		{name: "nothing"},
		{name: "blank lines are no objects", in: "\n{\"at\":1}\n\n", want: 1},
		{name: "a line that was being written is left out", in: "{\"at\":1}\n{\"at\":2", want: 1, cut: true},
		{name: "rubbish is named by its line", in: "{\"at\":1}\n{\"at\":x}\n", err: "line 2: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, cut, err := ReadLines[Event](strings.NewReader(c.in))
			if c.err != "" {
				if err == nil || !strings.HasPrefix(err.Error(), c.err) {
					t.Fatalf("got error %v, want %q", err, c.err)
				}
				return
			}
			if err != nil || len(got) != c.want || cut != c.cut {
				t.Errorf("got %d, cut %v, err %v", len(got), cut, err)
			}
		})
	}
}

func TestReadLinesKeepsOrderOverManyBlocks(t *testing.T) {
	var sb strings.Builder
	const n = 200_000 // about 10 MB: several blocks
	for i := range n {
		fmt.Fprintf(&sb, "{\"at\":%d,\"kind\":\"noise\",\"subject\":\"subject\"}\n", i)
	}
	got, _, err := ReadLines[Event](strings.NewReader(sb.String()))
	if err != nil || len(got) != n {
		t.Fatalf("got %d of %d: %v", len(got), n, err)
	}
	for i, e := range got {
		if int(e.At) != i {
			t.Fatalf("place %d holds %d", i, e.At)
		}
	}
}

func TestUnknownWordsInOps(t *testing.T) {
	var o Op
	err := json.Unmarshal([]byte(`{"stage":"load","kind":"read","outcome":"fine"}`), &o)
	if err == nil || !strings.Contains(err.Error(), "outcome fine") {
		t.Errorf("got %v", err)
	}
}

func TestAbridge(t *testing.T) {
	long := strings.Repeat("a", 1000)
	if a, b := Abridge(long), Abridge(long[:999]+"b"); a == b || len(a) > 100 {
		t.Errorf("abridged to %q and %q", a, b)
	}
	if a := Abridge(strings.Repeat("x", 1<<20)); Abridge(a) != a {
		t.Errorf("%q is abridged again", a)
	}
	if s := strings.Repeat("a", AbridgeOver); Abridge(s) != s {
		t.Error("a value of the limit's length was abridged")
	}
}

func BenchmarkAppendJSON(b *testing.B) {
	o := Op{Client: "c1", Process: 7, Kind: Write, Key: "k1", Value: "0123456789", Due: 1e9, Call: 1e9, Return: 1e9, Outcome: OK, Revision: 9, Member: "n2"}
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = o.AppendJSON(buf[:0])
	}
}
