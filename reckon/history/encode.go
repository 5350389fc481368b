package history

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"
)

// AbridgeOver is the length in bytes over which the record holds Abridge of a
// value instead of the value.
const AbridgeOver = 64

// Abridge returns the value itself up to AbridgeOver bytes; beyond, its first 20
// bytes, its length and 128 bits of its SHA-256, so that equal values stay equal and
// different ones different. What is abridged once stays as it is.
func Abridge(value string) string {
	if len(value) <= AbridgeOver {
		return value
	}
	h := sha256.Sum256([]byte(value))
	return fmt.Sprintf("%s…%d:%x", value[:20], len(value), h[:16])
}

// opJSON is an Op as a line of ops.jsonl; times are nanoseconds since the epoch.
type opJSON struct {
	Stage      string        `json:"stage"`
	Client     string        `json:"client"`
	Process    int           `json:"process"`
	Kind       string        `json:"kind"`
	Key        string        `json:"key"`
	Value      string        `json:"value"`
	Due        time.Duration `json:"due"`
	Call       time.Duration `json:"call"`
	Return     time.Duration `json:"return"`
	Outcome    string        `json:"outcome"`
	Error      string        `json:"error"`
	Revision   int64         `json:"revision"`
	Version    int64         `json:"version"`
	Member     string        `json:"member"`
	Via        string        `json:"via"`
	Unobserved bool          `json:"untold"`
	Delete     bool          `json:"delete"`
}

// AppendJSON appends the operation as one JSON object, without a newline. It
// is written by hand because a load driver does it for every operation while it keeps time.
func (o Op) AppendJSON(b []byte) []byte {
	b = append(b, `{"stage":"`...)
	b = append(b, o.Stage.String()...)
	b = append(b, `","client":`...)
	b = appendString(b, o.Client)
	b = append(b, `,"process":`...)
	b = strconv.AppendInt(b, int64(o.Process), 10)
	b = append(b, `,"kind":"`...)
	b = append(b, o.Kind.String()...)
	b = append(b, `","key":`...)
	b = appendString(b, o.Key)
	b = append(b, `,"value":`...)
	b = appendString(b, Abridge(o.Value))
	b = append(b, `,"due":`...)
	b = strconv.AppendInt(b, int64(o.Due), 10)
	b = append(b, `,"call":`...)
	b = strconv.AppendInt(b, int64(o.Call), 10)
	b = append(b, `,"return":`...)
	b = strconv.AppendInt(b, int64(o.Return), 10)
	b = append(b, `,"outcome":"`...)
	b = append(b, o.Outcome.String()...)
	b = append(b, '"')
	if o.Error != "" {
		b = append(b, `,"error":`...)
		b = appendString(b, o.Error)
	}
	if o.Revision != 0 {
		b = append(b, `,"revision":`...)
		b = strconv.AppendInt(b, o.Revision, 10)
	}
	if o.Version != 0 {
		b = append(b, `,"version":`...)
		b = strconv.AppendInt(b, o.Version, 10)
	}
	if o.Member != "" {
		b = append(b, `,"member":`...)
		b = appendString(b, o.Member)
	}
	if o.Via != "" {
		b = append(b, `,"via":`...)
		b = appendString(b, o.Via)
	}
	if o.Unobserved {
		b = append(b, `,"untold":true`...)
	}
	if o.Delete {
		b = append(b, `,"delete":true`...)
	}
	return append(b, '}')
}

// appendString appends s as a JSON string: as it is where it is plain ASCII, through encoding/json
// elsewhere.
func appendString(b []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < 0x20 || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			q, _ := json.Marshal(s) // a string always marshals
			return append(b, q...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// MarshalJSON is AppendJSON for encoding/json.
func (o Op) MarshalJSON() ([]byte, error) { return o.AppendJSON(nil), nil }

// UnmarshalJSON reads what AppendJSON wrote. Fields that it does not know it passes over.
func (o *Op) UnmarshalJSON(b []byte) error {
	var j opJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return err
	}
	*o = Op{
		Client: j.Client, Process: j.Process, Key: j.Key, Value: j.Value,
		Due: j.Due, Call: j.Call, Return: j.Return, Error: j.Error,
		Revision: j.Revision, Version: j.Version, Member: j.Member, Via: j.Via, Unobserved: j.Unobserved, Delete: j.Delete,
	}
	var ok [3]bool
	o.Stage, ok[0] = word(j.Stage, Load, Preload, Final, Probing)
	o.Kind, ok[1] = word(j.Kind, Read, Write)
	o.Outcome, ok[2] = word(j.Outcome, Unknown, OK, Failed)
	for i, name := range []string{"stage " + j.Stage, "kind " + j.Kind, "outcome " + j.Outcome} {
		if !ok[i] {
			return fmt.Errorf("operation: unknown %s", name)
		}
	}
	o.readVia()
	return nil
}

func word[T fmt.Stringer](s string, known ...T) (T, bool) {
	for _, k := range known {
		if k.String() == s {
			return k, true
		}
	}
	var zero T
	return zero, false
}
