package export

import (
	"encoding/csv"
	"io"
	"strconv"
	"time"

	"github.com/reckon-bench/reckon/reckon/history"
)

// header has the names of the columns of csv; parquet has the same.
var header = []string{
	"stage", "client", "process", "kind", "key", "value", "due", "due_s", "call_s", "return_s", "latency_ms",
	"outcome", "error", "revision", "version", "member", "untold",
}

// writeCSV writes a row for each operation.
func writeCSV(w io.Writer, r Run) error {
	c := csv.NewWriter(w)
	if err := c.Write(header); err != nil {
		return err
	}
	err := r.each(func(o *history.Op) error {
		decimals := func(x float64, n int) string { return strconv.FormatFloat(x, 'f', n, 64) }
		return c.Write([]string{
			o.Stage.String(), o.Client, strconv.Itoa(o.Process), o.Kind.String(), o.Key, o.Value,
			r.Epoch.Add(o.Due).UTC().Format(time.RFC3339Nano),
			decimals(r.since(o.Due), 9), decimals(r.since(o.Call), 9), decimals(r.since(o.Return), 9), decimals(o.Latency().Seconds()*1e3, 6),
			o.Outcome.String(), o.Error, strconv.FormatInt(o.Revision, 10), strconv.FormatInt(o.Version, 10), o.Member, strconv.FormatBool(o.Unobserved),
		})
	})
	if err != nil {
		return err
	}
	c.Flush()
	return c.Error()
}
