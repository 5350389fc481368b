package history

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// An opDecoder reads flat JSON objects as Op.AppendJSON writes them.
type opDecoder struct {
	seen map[string]string // names that recur in every line are kept once
}

// decode reads the line. Whatever is not as usual - an escape, a new field - is
// left to the one that knows; so is an error.
func (d *opDecoder) decode(line []byte, o *Op) error {
	if d.fast(line, o) {
		return nil
	}
	*o = Op{}
	return o.UnmarshalJSON(line)
}

// fast reads the line into o and says whether it understood all of it.
func (d *opDecoder) fast(line []byte, o *Op) bool {
	if len(line) < 2 || line[0] != '{' || line[len(line)-1] != '}' {
		return false
	}
	b := line[1 : len(line)-1]
	var stage, kind, outcome bool
	for {
		name, rest, ok := plainString(b)
		if !ok || len(rest) == 0 || rest[0] != ':' {
			return false
		}
		b = rest[1:]
		if len(b) > 0 && b[0] == '"' {
			value, rest, ok := plainString(b)
			if !ok || !d.text(o, name, value) {
				return false
			}
			stage, kind, outcome = stage || string(name) == "stage", kind || string(name) == "kind", outcome || string(name) == "outcome"
			b = rest
		} else {
			end := bytes.IndexByte(b, ',')
			if end < 0 {
				end = len(b)
			}
			if !bare(o, name, b[:end]) {
				return false
			}
			b = b[end:]
		}
		if len(b) == 0 {
			o.readVia()
			return stage && kind && outcome // the other decoder says which is missing
		}
		if b[0] != ',' {
			return false
		}
		b = b[1:]
	}
}

// plainString reads a string that holds no escape and only printable ASCII.
func plainString(b []byte) (s, rest []byte, ok bool) {
	if len(b) == 0 || b[0] != '"' {
		return nil, nil, false
	}
	for i := 1; i < len(b); i++ {
		switch c := b[i]; {
		case c == '"':
			return b[1:i], b[i+1:], true
		case c == '\\' || c < 0x20 || c >= 0x80:
			return nil, nil, false
		}
	}
	return nil, nil, false
}

func (d *opDecoder) text(o *Op, name, value []byte) bool {
	switch string(name) {
	case "stage":
		return oneOf(&o.Stage, value, Load, Preload, Final, Probing)
	case "kind":
		return oneOf(&o.Kind, value, Read, Write)
	case "outcome":
		return oneOf(&o.Outcome, value, OK, Failed, Unknown)
	case "client":
		o.Client = d.intern(value)
	case "key":
		o.Key = d.intern(value)
	case "member":
		o.Member = d.intern(value)
	case "via":
		o.Via = d.intern(value)
	case "error":
		o.Error = d.intern(value)
	case "value":
		o.Value = string(value)
	default:
		return false
	}
	return true
}

func oneOf[T fmt.Stringer](to *T, word []byte, known ...T) bool {
	for _, k := range known {
		if k.String() == string(word) {
			*to = k
			return true
		}
	}
	return false
}

func (d *opDecoder) intern(b []byte) string {
	if s, ok := d.seen[string(b)]; ok {
		return s
	}
	s := string(b)
	d.seen[s] = s
	return s
}

// bare returns a value without quotation marks.
func bare(o *Op, name, value []byte) bool {
	switch string(name) {
	case "untold":
		o.Unobserved = string(value) == "true"
		return o.Unobserved || string(value) == "false"
	case "delete":
		o.Delete = string(value) == "true"
		return o.Delete || string(value) == "false"
	}
	digits := bytes.TrimPrefix(value, []byte{'-'})
	if len(digits) > 1 && digits[0] == '0' || len(value) > 0 && value[0] == '+' { // no numbers in JSON (RFC 8259)
		return false
	}
	n, err := strconv.ParseInt(string(value), 10, 64)
	return err == nil && integer(o, name, n)
}

func integer(o *Op, name []byte, n int64) bool {
	switch string(name) {
	case "process":
		o.Process = int(n)
	case "due":
		o.Due = time.Duration(n)
	case "call":
		o.Call = time.Duration(n)
	case "return":
		o.Return = time.Duration(n)
	case "revision":
		o.Revision = n
	case "version":
		o.Version = n
	default:
		return false
	}
	return true
}

// readVia takes the member that an operation was sent through from what old records have of it: the
// member that answered, or the text of the error, "through n2: context deadline exceeded".
func (o *Op) readVia() {
	if o.Via != "" {
		return
	}
	o.Via = o.Member
	if rest, ok := strings.CutPrefix(o.Error, "through "); ok && o.Via == "" {
		o.Via, _, _ = strings.Cut(rest, ": ")
	}
}

// UnmarshalJSON reads an event. Records of before facts were typed have them in the text alone:
// there the rule of that time holds, here and nowhere else.
func (e *Event) UnmarshalJSON(b []byte) error {
	type plain Event
	if err := json.Unmarshal(b, (*plain)(e)); err != nil {
		return err
	}
	e.readText()
	return nil
}

// readText takes from the text of an old record what now has fields of its own.
func (e *Event) readText() {
	switch e.Kind {
	case Verified:
		for _, end := range []End{EndStruck, EndHealed} {
			if e.End == "" && strings.HasPrefix(e.Detail, string(end)) {
				e.End = end
			}
		}
	case Held, Released:
		if e.State == "" {
			e.State = State(e.Detail)
		}
	case Degraded, Restored:
		if e.Overlay == nil {
			e.Overlay = layersOf(e.Detail)
		}
	case Worked:
		if e.Step == "" {
			step, pass, _ := strings.Cut(e.Detail, " ")
			if rest, gave := strings.CutPrefix(e.Detail, "gave up on "); gave {
				step, pass = string(GaveUp), rest
			}
			e.Step, e.Pass = Step(step), pass
		}
	}
}

// layersOf reads what link.Matrix prints: a line for each shape, "cut: n1>n2 n2>n1".
func layersOf(text string) (layers []Layer) {
	for line := range strings.Lines(text) {
		shape, paths, ok := strings.Cut(strings.TrimSpace(line), ": ")
		if !ok {
			continue
		}
		for path := range strings.FieldsSeq(paths) {
			from, to, ok := strings.Cut(path, ">")
			switch {
			case !ok:
			case shape == "cut":
				layers = append(layers, Layer{From: from, To: to, Cut: true})
			default:
				layers = append(layers, Layer{From: from, To: to, Shape: shape})
			}
		}
	}
	return layers
}
