package driver

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"io"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/history"
)

func frame(body string) string {
	return string(binary.LittleEndian.AppendUint32(nil, uint32(len(body)))) + body
}

func TestExternalFrames(t *testing.T) {
	var b bytes.Buffer
	if err := writeFrame(&b, preloadMessage(reckon.Op{Kind: history.Write, Key: "7", Value: "00a", Due: 10 * time.Millisecond}, false)); err != nil {
		t.Fatal(err)
	}
	if err := writeFrame(&b, preloadMessage(reckon.Op{Kind: history.Read, Key: "7"}, true)); err != nil {
		t.Fatal(err)
	}
	if err := writeFrame(&b, externalMessage{Kind: "finalise"}); err != nil {
		t.Fatal(err)
	}
	want := frame(`{"kind":"preload","prereq":false,"operation":{"payload":{"kind":"write","key":"7","value":"00a"},"time":0.01}}`) +
		frame(`{"kind":"preload","prereq":true,"operation":{"payload":{"kind":"read","key":"7"},"time":0}}`) + frame(`{"kind":"finalise"}`)
	if b.String() != want {
		t.Errorf("got  %q\nwant %q", b.String(), want)
	}
}

func TestExternalRubbish(t *testing.T) {
	for in, want := range map[string]string{
		"":                                "EOF",
		"ab":                              "ends within a frame",
		frame(`{"kind":"ready"}`)[:9]:     "ends within a frame",
		"Traceback (most recent":          `is no frame: "Traceback (most recent"`,
		frame(`{kind:1}`):                 "cannot be read",
		frame(`{"kind":"result"}`):        "lacks t_submitted",
		frame(result("sing", 1, 2, 1)):    `op_kind "sing"`,
		frame(result("write", 2, 1.5, 1)): "came before it was submitted",
	} {
		if _, err := readFrame(strings.NewReader(in)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", in, err, want)
		}
	}
	if m, err := readFrame(io.MultiReader(strings.NewReader(frame(`{"kind":"ready"}`)))); err != nil || m.Kind != "ready" {
		t.Errorf("%v, %v", m, err)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func result(kind string, submitted, returned, expected float64) string {
	return string(must(json.Marshal(map[string]any{
		"kind": "result", "t_submitted": submitted, "t_result": returned, "result": "Success", "op_kind": kind, "clientid": "0",
		"other": map[string]any{"target": "http://10.1.0.2:2379", "expected_start": expected},
	})))
}

// Results that come in any order find their operations; what is doubtful is refused.
func TestMatchForeign(t *testing.T) {
	schedule := []reckon.Op{{Kind: history.Write, Key: "a", Value: "1", Due: 0}, {Kind: history.Read, Key: "b", Due: 10 * time.Millisecond}, {Kind: history.Write, Key: "c", Value: "2", Due: 20 * time.Millisecond}}
	results := func(lines ...string) (all []externalResult) {
		for _, l := range lines {
			all = append(all, must(readFrame(strings.NewReader(frame(l)))))
		}
		return all
	}
	w := func(expected float64) string { return result("write", expected, expected+1, expected) }
	r := func(expected float64) string { return result("read", expected, expected+1, expected) }
	for _, c := range []struct {
		name    string
		results []externalResult
		want    string
	}{
		{"in order", results(w(1000), r(1000.01), w(1000.02)), ""},
		{"as they end", results(w(1000.02), w(1000), r(1000.01)), ""},
		{"counted in milliseconds", results(w(1000.001), r(1000.010), w(1000.020)), ""},
		{"one is missing", results(w(1000), r(1000.01)), "2 results for 3 operations"},
		{"kinds differ", results(w(1000), w(1000.01), r(1000.02)), "number 2 by expected_start is a write"},
		{"two alike", results(w(1000), r(1000), w(1000.02)), "cannot be told apart"},
		{"another schedule", results(w(1000), r(1000.5), w(1001)), "does not follow the schedule"},
		{"ahead of its time", results(result("write", 999, 1001, 1000), r(1000.01), w(1000.02)), "before it was due"},
	} {
		err := matchExternal(schedule, c.results)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

func TestExternalOutcomes(t *testing.T) {
	members := []reckon.Member{{Name: "n1", Addr: netip.MustParseAddr("10.1.0.1")}, {Name: "n2", Addr: netip.MustParseAddr("10.1.0.2")}}
	for _, c := range []struct {
		name, result, other string
		op, want            reckon.Op
	}{
		{"a write", "Success", `"target":"10.1.0.2:2379"`, reckon.Op{Kind: history.Write, Value: "v"}, reckon.Op{Kind: history.Write, Value: "v", Outcome: history.OK, Member: "n2"}},
		{"a write that failed may have taken effect", "timeout", `"target":"n1"`, reckon.Op{Kind: history.Write}, reckon.Op{Kind: history.Write, Error: "timeout", Member: "n1"}},
		{"a read that failed did nothing", "timeout", `"target":"x"`, reckon.Op{}, reckon.Op{Outcome: history.Failed, Error: "timeout"}},
		{"a read that keeps its answer", "Success", `"target":""`, reckon.Op{}, reckon.Op{Outcome: history.OK, Unobserved: true}},
		{"a read that tells", "Success", `"value":"00a"`, reckon.Op{}, reckon.Op{Outcome: history.OK, Value: "00a"}},
		{"a read of nothing", "Success", `"value":null`, reckon.Op{}, reckon.Op{Outcome: history.OK}},
	} {
		m := must(readFrame(strings.NewReader(frame(`{"kind":"result","t_submitted":1700000000.25,"t_result":1700000000.5,"result":"` + c.result + `","op_kind":"` + c.op.Kind.String() + `","other":{"expected_start":1700000000,` + c.other + `}}`))))
		m.fill(&c.op, 1_700_000_000_000_000_000, members)
		c.want.Call, c.want.Return = 250*time.Millisecond-externalGrain, 500*time.Millisecond+externalGrain
		if c.op != c.want {
			t.Errorf("%s: got %+v\nwant %+v", c.name, c.op, c.want)
		}
	}
}

// Operations that are due together are offered a microsecond apart, so that their results can be
// told apart.
func TestExternalSchedule(t *testing.T) {
	in := []reckon.Op{{Due: 0}, {Due: 0}, {Due: 1500}, {Due: time.Second}, {Due: 2 * time.Second}}
	var got []time.Duration
	for _, op := range externalSchedule(slices.Values(in), 2*time.Second) {
		got = append(got, op.Due)
	}
	if want := []time.Duration{0, time.Microsecond, 2 * time.Microsecond, time.Second}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
