package export

import (
	"io"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"github.com/reckon-bench/reckon/reckon/history"
)

// A row is an operation in a data frame. Columns that end in _s are seconds since the start of the
// load.
type row struct {
	Stage    string  `parquet:"stage,dict"`
	Client   string  `parquet:"client,dict"`
	Process  int64   `parquet:"process"`
	Kind     string  `parquet:"kind,dict"`
	Key      string  `parquet:"key,dict"`
	Value    string  `parquet:"value"`
	Due      int64   `parquet:"due,timestamp(nanosecond)"` // wall clock, UTC
	DueS     float64 `parquet:"due_s"`
	CallS    float64 `parquet:"call_s"`
	ReturnS  float64 `parquet:"return_s"`
	Latency  float64 `parquet:"latency_ms"`
	Outcome  string  `parquet:"outcome,dict"`
	Error    string  `parquet:"error,dict"`
	Revision int64   `parquet:"revision"`
	Version  int64   `parquet:"version"`
	Member   string  `parquet:"member,dict"`
	Untold   bool    `parquet:"untold"` // a read whose answer the client did not report: value is meaningless
}

// rowGroup is how many rows are held in memory before they are written: some tens of megabytes.
const rowGroup = 100_000

// writeParquet writes a row for each operation.
func writeParquet(w io.Writer, r Run) error {
	p := parquet.NewGenericWriter[row](w, parquet.MaxRowsPerRowGroup(rowGroup), parquet.Compression(&zstd.Codec{}))
	batch := make([]row, 0, 1000)
	flush := func() error {
		_, err := p.Write(batch)
		batch = batch[:0]
		return err
	}
	err := r.each(func(o *history.Op) error {
		batch = append(batch, row{
			Stage: o.Stage.String(), Client: o.Client, Process: int64(o.Process), Kind: o.Kind.String(), Key: o.Key, Value: o.Value,
			Due: r.Epoch.Add(o.Due).UnixNano(), DueS: r.since(o.Due), CallS: r.since(o.Call), ReturnS: r.since(o.Return),
			Latency: o.Latency().Seconds() * 1e3, Outcome: o.Outcome.String(), Error: o.Error,
			Revision: o.Revision, Version: o.Version, Member: o.Member, Untold: o.Unobserved,
		})
		if len(batch) < cap(batch) {
			return nil
		}
		return flush()
	})
	if err == nil {
		err = flush()
	}
	if err != nil {
		return err
	}
	return p.Close()
}
