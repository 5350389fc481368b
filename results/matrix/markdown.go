package matrix

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/reckon-bench/reckon/results"
)

// Bounds of summary.md: a CI service shows no more than a mebibyte of it.
const (
	summaryTroubles       = 50
	summaryConfigurations = 300
)

// markdown is summary.md, for the page that a CI service shows of a job: the
// verdict, what is not valid and why, and a line a configuration.
func markdown(x *Index) ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "## reckon matrix: %s\n\n%s `%s`, seed %d%s, %v.\n",
		strings.ToUpper(x.Verdict.String()), capital(x.Reason), x.File, x.Seed, shardWords(x), time.Duration(x.Took*1e9).Round(time.Second))
	if x.Interrupted {
		b.WriteString("\nIt was interrupted.\n")
	}
	if u := x.usual(); u != "" {
		fmt.Fprintf(&b, "\nWhere nothing else is said, the flags are `%s`.\n", u)
	}
	for _, n := range x.Notes {
		fmt.Fprintf(&b, "\n> %s\n", escape(n))
	}
	troubles(&b, x)
	groups := x.groups()
	if len(groups) > 0 {
		b.WriteString("\n### Configurations\n\nMedians over the repeats that are results, in milliseconds; the range in parentheses.\n\n" +
			"| system | topology | workload | fault | flags | verdicts | time to recover | unavailable | p50 | p99 |\n|---|---|---|---|---|---|---:|---:|---:|---:|\n")
	}
	for _, g := range groups[:min(len(groups), summaryConfigurations)] {
		w := g.cells[0].Words
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", escape(w.System), escape(w.Topology), escape(w.Workload), escape(w.Fault), escape(g.flags),
			g.verdicts(), g.show(recovery), g.show(outage), g.show(latency("all", 50)), g.show(latency("all", 99)))
	}
	if more := len(groups) - summaryConfigurations; more > 0 {
		fmt.Fprintf(&b, "\nand %d more, in `%s`\n", more, csvName)
	}
	return b.Bytes(), nil
}

func shardWords(x *Index) string {
	if x.Shard.Of == 0 || x.Shard.Of == 1 {
		return ""
	}
	return fmt.Sprintf(", shard %s of %d cells", x.Shard, x.All)
}

// capital begins a sentence.
func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// troubles lists the cells that are finished and not valid.
func troubles(b *bytes.Buffer, x *Index) {
	all := x.troubles()
	if len(all) == 0 {
		return
	}
	b.WriteString("\n### Not valid\n\n| cell | verdict | why |\n|---|---|---|\n")
	for _, c := range all[:min(len(all), summaryTroubles)] {
		fmt.Fprintf(b, "| %s | **%s** | %s |\n", escape(c.title(x.Dimensions)), c.verdict(), escape(c.Outcome.Reason))
	}
	if more := len(all) - summaryTroubles; more > 0 {
		fmt.Fprintf(b, "\nand %d more, in `%s`\n", more, csvName)
	}
}

// troubles are the finished cells that are not valid, the worst first.
func (x *Index) troubles() (all []*Cell) {
	for _, c := range x.Cells {
		if c.State == Finished && c.verdict() != results.StatusValid {
			all = append(all, c)
		}
	}
	slices.SortStableFunc(all, func(a, b *Cell) int {
		return slices.Index(statuses, a.verdict()) - slices.Index(statuses, b.verdict())
	})
	return all
}

// escape keeps a text within its cell of a Markdown table.
func escape(s string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "<", "&lt;", "*", `\*`, "_", `\_`, "`", "'").Replace(s)
}
