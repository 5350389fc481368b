package export

import (
	"cmp"
	"encoding/json"
	"io"

	"github.com/reckon-bench/reckon/reckon/history"
)

// result is an operation as the Python reckon writes it. Times are Unix seconds.
type result struct {
	Kind      string  `json:"kind"` // always "result"
	Submitted float64 `json:"t_submitted"`
	Result    float64 `json:"t_result"`
	Text      string  `json:"result"`  // "Success", or the error
	OpKind    string  `json:"op_kind"` // "write" or "read"
	Client    string  `json:"clientid"`
	Other     other   `json:"other"`
}

type other struct {
	Target        string  `json:"target"`         // the member that answered; "" where the client does not know
	ExpectedStart float64 `json:"expected_start"` // when it was due
}

// writeJSON writes an array with a result for each operation.
func writeJSON(w io.Writer, r Run) error {
	if _, err := io.WriteString(w, "["); err != nil {
		return err
	}
	before := "\n"
	err := r.each(func(o *history.Op) error {
		line, err := json.Marshal(result{
			Kind: "result", Submitted: r.unix(o.Call), Result: r.unix(o.Return), Text: resultText(o),
			OpKind: o.Kind.String(), Client: o.Client, Other: other{o.Member, r.unix(o.Due)},
		})
		if err != nil {
			return err
		}
		if _, err = io.WriteString(w, before); err == nil {
			_, err = w.Write(line)
		}
		before = ",\n"
		return err
	})
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, "\n]\n")
	return err
}

// resultText returns "Success" where the store acknowledged the operation, else the error or the
// outcome.
func resultText(o *history.Op) string {
	if o.Outcome == history.OK {
		return "Success"
	}
	return cmp.Or(o.Error, o.Outcome.String())
}
