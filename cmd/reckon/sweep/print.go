package sweep

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/reckon-bench/reckon/cmd/reckon/screen"
	"github.com/reckon-bench/reckon/results"
	"github.com/reckon-bench/reckon/results/matrix"
	"github.com/reckon-bench/reckon/results/matrix/campaign"
	"github.com/reckon-bench/reckon/results/matrix/index"
)

// Print prints the result of the matrix: the verdict first, then the cells that are not valid.
func Print(out io.Writer, dir *campaign.Dir) {
	x := dir.Index
	fmt.Fprintf(out, "\n%s  %s\n", strings.ToUpper(x.Verdict.String()), x.Reason)
	w := screen.Table(out)
	for _, n := range x.Notes {
		fmt.Fprintf(w, "  note\t%s\n", n)
	}
	for _, c := range x.Cells {
		if c.State == index.Finished && c.Outcome.Verdict != results.StatusValid {
			fmt.Fprintf(w, "  %s\t%s\t%s\n", c.Outcome.Verdict, c.Name, c.Outcome.Reason)
		}
	}
	w.Flush()
	if x.Unfinished > 0 {
		fmt.Fprintf(out, "\nto go on: reckon matrix --resume %s\n", dir)
	}
	fmt.Fprintf(out, "\nreport: %s\n", dir.Report())
}

// List prints the cells in the order in which they would be run, and how long they take.
func List(seed uint64, cells []*matrix.Cell, all int, shard matrix.Shard, jobs int) {
	cells = slices.SortedFunc(slices.Values(cells), func(a, b *matrix.Cell) int { return a.Order - b.Order })
	w := screen.Table(os.Stdout)
	fmt.Fprint(w, "order\tcell\tseed\ttakes about\texpected\n")
	var total time.Duration
	for _, c := range cells {
		total += c.Estimate()
		expected := ""
		if c.MustFail {
			expected = "invalid"
		}
		fmt.Fprintf(w, "%d\t%s\t%d\t%v\t%s\n", c.Order, c.Name, c.Seed, c.Estimate().Round(time.Second), expected)
	}
	w.Flush()
	of := ""
	if shard.Of > 1 {
		of = fmt.Sprintf(" of %d, shard %s", all, shard)
	}
	fmt.Printf("\nseed %d  %d cells%s, about %v", seed, len(cells), of, roughly(total/time.Duration(jobs)))
	if jobs > 1 {
		fmt.Printf(" with --jobs %d", jobs)
	}
	fmt.Println()
}
