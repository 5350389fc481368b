package faults_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"strings"
	"testing"
)

// Every defect of earlier harnesses that docs/faults.md lists is caught by tests, which are there.
func TestDefectsHaveTests(t *testing.T) {
	doc, err := os.ReadFile("../docs/faults.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(doc), "| defect | test |\n| --- | --- |\n")
	if !found {
		t.Fatal("docs/faults.md has no table of defects")
	}
	rows := 0
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		if len(cells) != 4 {
			break // the table's end
		}
		rows++
		places := regexp.MustCompile("`([^`]+_test.go)`: ((?:Test\\w+(?:, )?)+)").FindAllStringSubmatch(cells[2], -1)
		if len(places) == 0 {
			t.Errorf("no test catches that %s", strings.TrimSpace(cells[1]))
		}
		for _, p := range places {
			there := testsIn(t, "../"+p[1])
			for name := range strings.SplitSeq(p[2], ", ") {
				if !there[name] {
					t.Errorf("%s has no %s, which is to catch that %s", p[1], name, strings.TrimSpace(cells[1]))
				}
			}
		}
	}
	if rows < 13 {
		t.Errorf("the table has %d defects", rows)
	}
}

// testsIn are the names of the tests in the file.
func testsIn(t *testing.T, path string) map[string]bool {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, d := range f.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil {
			names[fn.Name.Name] = true
		}
	}
	return names
}
