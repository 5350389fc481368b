package screen

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// Table returns a writer that aligns the cells of its lines, which tabs separate.
func Table(w io.Writer) *tabwriter.Writer { return tabwriter.NewWriter(w, 0, 8, 2, ' ', 0) }

// Number formats x with three significant digits, or with all of its integer digits if those are
// more.
func Number(x float64) string {
	switch {
	case x >= 100:
		return fmt.Sprintf("%.0f", x)
	case x >= 10:
		return fmt.Sprintf("%.1f", x)
	}
	return fmt.Sprintf("%.2f", x)
}
