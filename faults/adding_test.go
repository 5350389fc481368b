package faults_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// docs/adding-a-fault.md holds what it says: its files are compiled as files of this package, its
// words pass the tests that ask something of every word, and its transcripts are what they print.
func TestAddingAFault(t *testing.T) {
	const page = "../docs/adding-a-fault.md"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	dir := copied(t)
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	for _, block := range blocksOf(string(text), "go") {
		name := regexp.MustCompile(`^// faults/(\w+\.go)\n\npackage faults\n`).FindStringSubmatch(block)
		if name == nil {
			t.Fatalf("a block of Go is no file of faults:\n%.200s", block)
		}
		here, err := filepath.Abs(name[1])
		if err != nil {
			t.Fatal(err)
		}
		overlay.Replace[here] = write(name[1], block)
	}
	transcripts := blocksOf(string(text), "txt")
	if len(overlay.Replace) < 5 || len(transcripts) != 2 {
		t.Fatalf("%s has %d files and %d transcripts", page, len(overlay.Replace), len(transcripts))
	}
	if !strings.HasPrefix(transcripts[1], transcripts[0]) {
		t.Errorf("the transcript begins with\n%s\nand ends as\n%s", transcripts[0], transcripts[1])
	}
	build, err := json.Marshal(overlay)
	if err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(dir, "faults.test")
	run := func(name string, args ...string) {
		t.Helper()
		cmd := exec.Command(name, args...)
		if name == binary {
			cmd.Dir = filepath.Join(dir, "faults")
		}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	run("go", "test", "-c", "-overlay", write("overlay.json", string(build)), "-o", binary, ".")
	transcript := write("faults/testdata/stutter.txt", transcripts[0])
	run(binary, "-test.run", "^(TestTranscripts|TestDocumentation)$", "-rewrite")
	run(binary, "-test.run", "^(TestTranscripts|TestDocumentation|TestFaultsHealThemselves|TestEveryWordJudgesItsTarget)$")
	got, err := os.ReadFile(transcript)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) == transcripts[1] {
		return
	}
	if rewriting() {
		before, after := string(text), "```txt\n"+transcripts[1]
		last := strings.LastIndex(before, after)
		if err := os.WriteFile(page, []byte(before[:last]+"```txt\n"+string(got)+before[last+len(after):]), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Errorf("%s is stale: go test ./faults -run AddingAFault -rewrite\nhave\n%s\nwant\n%s", page, transcripts[1], got)
}

// copied returns a directory with copies of what the tests of this package read, in the same places.
func copied(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for _, part := range []string{"faults/testdata", "docs", "examples"} {
		if err := os.CopyFS(filepath.Join(dir, part), os.DirFS("../"+part)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// blocksOf returns the fenced blocks of the kind.
func blocksOf(text, kind string) (all []string) {
	for _, m := range regexp.MustCompile("(?s)\n```"+kind+"\n(.*?)```\n").FindAllStringSubmatch(text, -1) {
		all = append(all, m[1])
	}
	return all
}
