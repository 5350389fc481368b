package judge

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/reckon-bench/reckon/results"
)

// TestOldRecords judges runs that were recorded before facts were typed: events say in text alone
// what was seen, held, laid over the links and worked on. want.json is the summary that the reckon
// of that day made of each; verdicts and numbers must be the same. Keys may be added, and what is
// written for people may change.
func TestOldRecords(t *testing.T) {
	all, err := filepath.Glob("testdata/recorded/*")
	if err != nil || len(all) < 2 {
		t.Fatalf("recorded runs: %q, %v", all, err)
	}
	for _, from := range all {
		t.Run(filepath.Base(from), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "run")
			if err := os.CopyFS(path, os.DirFS(from)); err != nil {
				t.Fatal(err)
			}
			dir, err := results.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := Conclude(dir); err != nil {
				t.Fatal(err)
			}
			got, want := readAny(t, dir.Path("summary.json")), readAny(t, dir.Path("want.json"))
			for _, d := range differences("", want, got) {
				t.Error(d)
			}
			if got.(map[string]any)["verdict"] != "valid" || len(got.(map[string]any)["strikes"].([]any)) == 0 {
				t.Errorf("the recorded run struck nothing, or is not valid: %v", got)
			}
		})
	}
}

// A fact that the old text does not hold must not be found in it.
func TestOldRecordsAreNotReadInto(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run")
	if err := os.CopyFS(path, os.DirFS("testdata/recorded/isolate")); err != nil {
		t.Fatal(err)
	}
	events, err := os.ReadFile(filepath.Join(path, "events.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	const text = `"detail":"struck: 30 probes`
	if strings.Count(string(events), text) != 1 {
		t.Fatal("the record says nothing of probes")
	}
	lied := strings.Replace(string(events), text, `"detail":"30 probes`, 1)
	if err := os.WriteFile(filepath.Join(path, "events.jsonl"), []byte(lied), 0o666); err != nil {
		t.Fatal(err)
	}
	dir, err := results.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Conclude(dir)
	if err != nil {
		t.Fatal(err)
	}
	if s.Verdict != results.StatusHarness || s.Strikes[0].Verified {
		t.Errorf("%s, verified %v: nobody saw the strike", s.Verdict, s.Strikes[0].Verified)
	}
}

func readAny(t *testing.T, path string) (v any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// forPeople reports whether the key of the object is text that may change.
func forPeople(of map[string]any, key string) bool {
	_, isCheck := of["detail"]
	_, isStrike := of["planned_s"]
	return key == "reason" || key == "notes" || isCheck && !isStrike && key == "detail" || isStrike && key == "name"
}

// differences lists where got does not hold what want does.
func differences(at string, want, got any) (all []string) {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			return []string{fmt.Sprintf("%s is %v, not an object", at, got)}
		}
		for _, key := range slices.Sorted(maps.Keys(w)) {
			if !forPeople(w, key) {
				all = append(all, differences(at+"."+key, w[key], g[key])...)
			}
		}
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			return []string{fmt.Sprintf("%s is %v, was %v", at, got, want)}
		}
		for i := range w {
			all = append(all, differences(fmt.Sprintf("%s[%d]", at, i), w[i], g[i])...)
		}
	default:
		if !reflect.DeepEqual(want, got) {
			return []string{fmt.Sprintf("%s is %v, was %v", at, got, want)}
		}
	}
	return all
}

// What a strike is called may change from release to release; when it strikes may not.
func TestPlanThatDoesNotFollowFromItsWords(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run")
	if err := os.CopyFS(path, os.DirFS("testdata/recorded/isolate")); err != nil {
		t.Fatal(err)
	}
	dir, err := results.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what    string
		change  func(*results.PlannedStrike)
		refused bool
	}{
		{"the same", func(*results.PlannedStrike) {}, false},
		{"another name", func(s *results.PlannedStrike) { s.Name = "cut off whoever leads" }, false},
		{"another time", func(s *results.PlannedStrike) { s.From++ }, true},
		{"another fault", func(s *results.PlannedStrike) { s.Fault = "leader" }, true},
	} {
		file, err := dir.ReadPlan()
		if err != nil {
			t.Fatal(err)
		}
		was := file.Strikes[0]
		c.change(&file.Strikes[0])
		if err := dir.WritePlan(file); err != nil {
			t.Fatal(err)
		}
		if _, _, err := dir.Plan(); (err != nil) != c.refused {
			t.Errorf("%s: %v", c.what, err)
		}
		file.Strikes[0] = was
		if err := dir.WritePlan(file); err != nil {
			t.Fatal(err)
		}
	}
}
