package report

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/reckon-bench/reckon/results/matrix/index"
)

// Limits of summary.md: a CI service shows at most one mebibyte of it.
const (
	summaryTroubles       = 50
	summaryConfigurations = 300
)

// Markdown returns summary.md, for the page on which a CI service shows a job: the verdict, the
// cells that are not valid with their reasons, and a line for each configuration.
func Markdown(x *index.Index) ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "## reckon matrix: %s\n\n%s `%s`, seed %d%s, %v.\n",
		strings.ToUpper(x.Verdict.String()), x.Reason, x.File, x.Seed, shardWords(x), took(x.Took))
	if x.Interrupted {
		b.WriteString("\nIt was interrupted.\n")
	}
	if u := x.Usual(); u != "" {
		fmt.Fprintf(&b, "\nUnless a row says otherwise, the flags are `%s`.\n", u)
	}
	for _, n := range x.Notes {
		fmt.Fprintf(&b, "\n> %s\n", escape(n))
	}
	troubles(&b, x)
	configurations(&b, x.Groups())
	return b.Bytes(), nil
}

// configurations writes the table of configurations.
func configurations(b *bytes.Buffer, groups []*index.Group) {
	if len(groups) == 0 {
		return
	}
	b.WriteString("\n### Configurations\n\nMedians over the conclusive repeats, in milliseconds, with the range in parentheses.\n\n" +
		"| system | topology | workload | fault | flags | verdicts | time to recover | longest outage | p50 | p99 |\n" +
		"|---|---|---|---|---|---|---:|---:|---:|---:|\n")
	for _, g := range groups[:min(len(groups), summaryConfigurations)] {
		row := g.Cells[0].Words.List()
		row = append(row, g.Flags)
		for i, text := range row {
			row[i] = escape(text)
		}
		row = append(row, g.Verdicts(), g.Show(index.Recovery), g.Show(index.Outage), g.Show(index.Median), g.Show(index.P99))
		fmt.Fprintf(b, "| %s |\n", strings.Join(row, " | "))
	}
	if more := len(groups) - summaryConfigurations; more > 0 {
		fmt.Fprintf(b, "\nand %d more, in `%s`\n", more, index.CSVFile)
	}
}

// shardWords returns which shard the index is of; "" for a whole matrix.
func shardWords(x *index.Index) string {
	if x.Shard.Of == 0 || x.Shard.Of == 1 {
		return ""
	}
	return fmt.Sprintf(", shard %s of %d cells", x.Shard, x.All)
}

// troubles writes the table of finished cells that are not valid.
func troubles(b *bytes.Buffer, x *index.Index) {
	all := x.Troubles()
	if len(all) == 0 {
		return
	}
	b.WriteString("\n### Not valid\n\n| cell | verdict | why |\n|---|---|---|\n")
	for _, c := range all[:min(len(all), summaryTroubles)] {
		fmt.Fprintf(b, "| %s | **%s** | %s |\n", escape(c.Title(x.Dimensions)), c.Verdict(), escape(c.Outcome.Reason))
	}
	if more := len(all) - summaryTroubles; more > 0 {
		fmt.Fprintf(b, "\nand %d more, in `%s`\n", more, index.CSVFile)
	}
}

// escape returns the text without what would end its cell of a Markdown table or format it.
func escape(s string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "<", "&lt;", "*", `\*`, "_", `\_`, "`", "'").Replace(s)
}
