package report

import (
	"encoding/csv"
	"os"
	"strings"
	"testing"

	"github.com/reckon-bench/reckon/results/matrix/index"
)

// docs/results.md names every column of matrix.csv.
func TestColumnsAreDocumented(t *testing.T) {
	doc, err := os.ReadFile("../../../docs/results.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(doc), "\n## matrix.csv\n")
	section, _, _ = strings.Cut(section, "\n## ")
	b, err := CSV(&index.Index{})
	if err != nil {
		t.Fatal(err)
	}
	columns, err := csv.NewReader(strings.NewReader(string(b))).Read()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range columns {
		if !strings.Contains(section, "`"+c+"`") {
			t.Errorf("docs/results.md does not name the column `%s` of matrix.csv", c)
		}
	}
}
