package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/reckon-bench/reckon/results/matrix"
	"github.com/reckon-bench/reckon/results/matrix/campaign"
)

// Wherever a matrix is resumed from, relative paths in its file are of the directory in which it
// was begun.
func TestResumeFromElsewhere(t *testing.T) {
	began := t.TempDir()
	t.Chdir(began)
	if err := os.WriteFile("regions.csv", []byte(",a,b\na,0,20\nb,20,0\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	f, err := matrix.Parse("m.yaml", []byte("{system: memory, topology: wan, workload: uniform, fault: none, flags: {number-nodes: 2, wan-matrix: regions.csv}}"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := campaign.Create("m", f, planned(t, f), matrix.Shard{}, "test"); err != nil {
		t.Fatal(err)
	}
	t.Chdir("m") // as its page says
	resume := func() error {
		return (&matrixCall{resume: ".", dryRun: true, Options: campaign.Options{Jobs: 1}}).run(nil)
	}
	if err := resume(); err != nil {
		t.Error(err)
	}
	if at, err := os.Getwd(); err != nil || at != began {
		t.Errorf("it goes on in %s, %v", at, err)
	}
	// Where that directory is gone, the file that lacks is named.
	moved := filepath.Join(t.TempDir(), "moved")
	if err := os.Rename(filepath.Join(began, "m"), moved); err != nil {
		t.Fatal(err)
	}
	t.Chdir(moved)
	if err := os.RemoveAll(began); err != nil {
		t.Fatal(err)
	}
	if err := resume(); err == nil || !strings.Contains(err.Error(), "regions.csv") {
		t.Errorf("without its file: %v", err)
	}
}
