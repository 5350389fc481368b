package export

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/reckon-bench/reckon/reckon/history"
)

// A moment is an operation's invocation or its completion.
type moment struct {
	at   time.Duration
	op   int32
	done bool
}

// writeEDN writes a Jepsen history. Keys are independent of each other, so a value is the vector
// [key value], as jepsen.independent prints its tuples. An operation of unknown outcome ends as
// :info, after which its process does nothing more. The preload is always included, because without
// it a checker would see reads of values that nobody wrote. A read whose answer the client did not
// report is left out, because it would claim that nothing was found. Times are nanoseconds since
// the run's epoch.
func writeEDN(w io.Writer, r Run) error {
	var ops []history.Op
	err := r.each(func(o *history.Op) error {
		if !o.Unobserved {
			ops = append(ops, *o)
		}
		return nil
	}, history.Preload)
	if err != nil {
		return err
	}
	var b []byte
	for i, m := range moments(ops) {
		b = appendEDN(b[:0], &ops[m.op], m, i)
		if _, err := w.Write(b); err != nil {
			return err
		}
	}
	return nil
}

// moments returns all invocations and completions in order of time. Those of one process at one
// instant keep the process's order: an operation ends before the next begins.
func moments(ops []history.Op) []moment {
	all := make([]moment, 0, 2*len(ops))
	for i := range ops {
		all = append(all, moment{ops[i].Call, int32(i), false}, moment{ops[i].Return, int32(i), true})
	}
	slices.SortFunc(all, func(a, b moment) int {
		p, q := &ops[a.op], &ops[b.op]
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(p.Process, q.Process), cmp.Compare(p.Call, q.Call),
			cmp.Compare(a.op, b.op), cmp.Compare(b2i(a.done), b2i(b.done)))
	})
	return all
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// appendEDN appends the line of a moment of the operation.
func appendEDN(b []byte, o *history.Op, m moment, index int) []byte {
	b = append(b, "{:type "...)
	b = append(b, typeOf(o, m)...)
	b = append(b, ", :f :"...)
	b = append(b, o.Kind.String()...)
	b = append(b, ", :value ["...)
	b = appendEDNString(b, o.Key)
	b = append(b, ' ')
	answered := m.done && o.Outcome == history.OK && (o.Version > 0 || o.Value != "")
	if o.Kind == history.Write || answered {
		b = appendEDNString(b, o.Value)
	} else {
		b = append(b, "nil"...)
	}
	b = append(b, "], :process "...)
	b = strconv.AppendInt(b, int64(o.Process), 10)
	b = append(b, ", :time "...)
	b = strconv.AppendInt(b, int64(m.at), 10)
	b = append(b, ", :index "...)
	b = strconv.AppendInt(b, int64(index), 10)
	if m.done && o.Error != "" {
		b = append(b, ", :error "...)
		b = appendEDNString(b, o.Error)
	}
	return append(b, "}\n"...)
}

// typeOf returns the type of the moment in a Jepsen history.
func typeOf(o *history.Op, m moment) string {
	switch {
	case !m.done:
		return ":invoke"
	case o.Outcome == history.OK:
		return ":ok"
	case o.Outcome == history.Failed:
		return ":fail"
	}
	return ":info"
}

// appendEDNString appends s as a string literal that Clojure's reader reads.
func appendEDNString(b []byte, s string) []byte {
	b = append(b, '"')
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', byte(c))
		case c == '\n':
			b = append(b, `\n`...)
		case c == '\t':
			b = append(b, `\t`...)
		case c == '\r':
			b = append(b, `\r`...)
		case c < 0x20 || c == 0x7f:
			b = fmt.Appendf(b, `\u%04x`, c)
		default:
			b = append(b, string(c)...)
		}
	}
	return append(b, '"')
}
