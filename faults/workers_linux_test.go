package faults_test

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/plan"
	"github.com/reckon-bench/reckon/reckon/seed"
	"github.com/reckon-bench/reckon/workloads/kibishii"
)

// crewed is a cluster with workers beside it.
type crewed struct {
	*cluster
	workers []reckon.Worker
}

func (c crewed) Workers() []reckon.Worker { return c.workers }

// worker is one that takes notes, whose tree is always at rest.
type worker struct {
	name, tree string
	notes      []string
	seen       string
}

func (w *worker) Name() string { return w.name }

func (w *worker) Busy(context.Context) error { w.notes = append(w.notes, "busy"); return nil }

func (w *worker) Back(context.Context, time.Duration) (string, error) {
	return "", errors.New("nobody asks here")
}

func (w *worker) Kill(context.Context) (string, func(context.Context) (string, error), error) {
	w.notes = append(w.notes, "killed")
	return "", func(context.Context) (string, error) {
		w.notes = append(w.notes, "restarted")
		return "", nil
	}, nil
}

func (w *worker) AtRest(_ context.Context, do func(string) (string, error)) (err error) {
	w.seen, err = do(w.tree)
	return err
}

// strikesOf are the word's, with that seed.
func strikesOf(t *testing.T, word string, flags plan.Flags, number uint64) []reckon.Strike {
	t.Helper()
	w, err := reckon.Faults.Lookup(word)
	if err != nil {
		t.Fatal(err)
	}
	fs := pflag.NewFlagSet(word, pflag.ContinueOnError)
	f := w.New(fs)
	for name, values := range flags {
		if err := fs.Set(name, values[0]); err != nil {
			t.Fatal(err)
		}
	}
	return f.Strikes(setting(3, 30*time.Second), seed.Stream(number, "fault "+word))
}

var treeSpec = kibishii.Spec{Levels: 2, Dirs: 2, Files: 3, Length: 4096, BlockSize: 1024, Pass: 7}

var treeOptions = kibishii.Options{Identity: kibishii.Identity{Node: "c1", Volume: "data"}}

// Whatever is done to a tree, verifying it finds exactly the paths that the fault says it damaged.
func TestDamageIsWhatVerifyingFinds(t *testing.T) {
	for _, kind := range []string{"flip", "truncate", "delete", "swap", "add"} {
		t.Run(kind, func(t *testing.T) {
			for number := range uint64(8) {
				w := &worker{name: "c1", tree: t.TempDir()}
				if _, err := kibishii.Generate(t.Context(), w.tree, treeSpec, treeOptions); err != nil {
					t.Fatal(err)
				}
				in, err := strikesOf(t, "corrupt-data", plan.Flags{"corrupt": {kind}}, number)[0].Inject(t.Context(), crewed{&cluster{}, []reckon.Worker{w}})
				if err != nil {
					t.Fatal(err)
				}
				r, err := kibishii.Verify(t.Context(), w.tree, treeSpec, treeOptions)
				if err != nil {
					t.Fatal(err)
				}
				want := 1
				if kind == "swap" {
					want = 2
				}
				paths := map[string]bool{}
				for _, d := range r.Damage {
					paths[d.Path] = true
					if !strings.Contains(in.Detail, d.Path+" ") {
						t.Errorf("%s: %s is damaged too (%s)", in.Detail, d.Path, d.What)
					}
				}
				if len(paths) != want || w.seen == "" {
					t.Errorf("seed %d: %s (seen: %s): found %v", number, in.Detail, w.seen, slices.Sorted(maps.Keys(paths)))
				}
				if err := in.Heal(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// The kind, the worker and the place are the seed's; all kinds come up.
func TestDamageIsDrawn(t *testing.T) {
	kinds := map[string]bool{}
	for number := range uint64(40) {
		name := strikesOf(t, "corrupt-data", nil, number)[0].Name
		if again := strikesOf(t, "corrupt-data", nil, number)[0].Name; again != name {
			t.Errorf("seed %d draws %q, and then %q", number, name, again)
		}
		kinds[name] = true
	}
	if len(kinds) != 5 {
		t.Errorf("drawn: %v", kinds)
	}
}

// A tree that cannot be damaged in the way that is wanted is a strike that misses, with the reason.
func TestNothingToDamage(t *testing.T) {
	empty, one, blank := t.TempDir(), t.TempDir(), t.TempDir()
	for path, content := range map[string]string{filepath.Join(one, "file0"): "content", filepath.Join(blank, "file0"): ""} {
		if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ kind, tree, want string }{
		{"flip", empty, "no file to damage"}, {"swap", one, "one file"}, {"flip", blank, "no byte to damage"}, {"truncate", blank, "no byte to damage"},
	} {
		w := &worker{name: "c1", tree: c.tree}
		_, err := strikesOf(t, "corrupt-data", plan.Flags{"corrupt": {c.kind}}, 1)[0].Inject(t.Context(), crewed{&cluster{}, []reckon.Worker{w}})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.kind, err, c.want)
		}
	}
}

func TestKillWorker(t *testing.T) {
	w := &worker{name: "c1"}
	s := strikesOf(t, "kill-worker", nil, 1)[0]
	in, err := s.Inject(t.Context(), crewed{&cluster{}, []reckon.Worker{w}})
	if err = errors.Join(err, in.Heal(t.Context())); err != nil || in.Detail != "killed worker c1" || !slices.Equal(w.notes, []string{"busy", "killed", "restarted"}) {
		t.Errorf("%s, %v, %v", in.Detail, w.notes, err)
	}
}

// Where no workload has workers the words are refused before anything is built.
func TestWordsThatNeedACrew(t *testing.T) {
	s := setting(3, 30*time.Second)
	s.HasWorkers = false
	for _, word := range []string{"corrupt-data", "kill-worker"} {
		w, err := reckon.Faults.Lookup(word)
		if err != nil {
			t.Fatal(err)
		}
		err = w.New(pflag.NewFlagSet(word, pflag.ContinueOnError)).(reckon.Validator).Validate(s)
		if err == nil || !strings.Contains(err.Error(), "kibishii has") {
			t.Errorf("%s: %v", word, err)
		}
		if _, err := strikesOf(t, word, nil, 1)[0].Inject(t.Context(), &cluster{}); err == nil {
			t.Errorf("%s strikes where no worker is", word)
		}
	}
}
