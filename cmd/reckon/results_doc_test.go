package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/results"
	"github.com/reckon-bench/reckon/results/export"
)

// docs/results.md names, in the section of each file, every key, event and column that the file
// has.
func TestResultsAreDocumented(t *testing.T) {
	b, err := os.ReadFile("../../docs/results.md")
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]string{}
	for _, s := range strings.Split(string(b), "\n## ")[1:] {
		title, text, _ := strings.Cut(s, "\n")
		sections[title] = text
	}
	var op map[string]any // its encoding is written by hand
	full := history.Op{Error: "e", Revision: 1, Version: 1, Member: "n1", Unobserved: true}
	if err := json.Unmarshal(full.AppendJSON(nil), &op); err != nil {
		t.Fatal(err)
	}
	var ops []string
	for k := range op {
		ops = append(ops, k)
	}
	source, err := os.ReadFile("../../reckon/history/event.go")
	if err != nil {
		t.Fatal(err)
	}
	events := keysOf(reflect.TypeFor[history.Event]())
	kinds := len(events)
	for _, m := range regexp.MustCompile(`EventKind = "(\w+)"`).FindAllStringSubmatch(string(source), -1) {
		events = append(events, m[1])
	}
	if found := len(events) - kinds; found < 25 {
		t.Errorf("only %d kinds of events were found", found)
	}
	var table bytes.Buffer
	none := export.Run{Each: func(func(*history.Op) error) error { return nil }}
	if err := export.Write(&table, "csv", none); err != nil {
		t.Fatal(err)
	}
	columns, err := csv.NewReader(&table).Read()
	if err != nil {
		t.Fatal(err)
	}
	for title, names := range map[string][]string{
		"summary.json":  keysOf(reflect.TypeFor[results.Summary]()),
		"ops.jsonl":     ops,
		"events.jsonl":  events,
		"changes.jsonl": keysOf(reflect.TypeFor[history.Change]()),
		"passes.jsonl":  keysOf(reflect.TypeFor[history.Pass]()),
		"Export":        columns,
	} {
		if len(names) < 5 {
			t.Errorf("%s: only %q were found", title, names)
		}
		for _, n := range names {
			if !strings.Contains(sections[title], "`"+n+"`") {
				t.Errorf("docs/results.md, section %s, does not name `%s`", title, n)
			}
		}
	}
}

// keysOf are the names that a value of the type has in JSON, at any depth.
func keysOf(typ reflect.Type) (names []string) {
	switch typ.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Array:
		return keysOf(typ.Elem())
	case reflect.Struct:
		for i := range typ.NumField() {
			f := typ.Field(i)
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if name != "" && name != "-" {
				names = append(append(names, name), keysOf(f.Type)...)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
