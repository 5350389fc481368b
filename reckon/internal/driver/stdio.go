package driver

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/history"
)

// A external client is somebody's own program that offers the load in place of reckon's client, as
// the Python reckon had them. It is spoken to over its standard input and output in frames: a
// length (4 bytes, little endian) and a JSON object.
//
//	-> {"kind":"preload","prereq":true,"operation":{"payload":{"kind":"read","key":"7"},"time":0}}        to be done at once: its result is not asked for
//	-> {"kind":"preload","prereq":false,"operation":{"payload":{"kind":"write","key":"7","value":"00a"},"time":0.01}}
//	-> {"kind":"finalise"}           <- {"kind":"ready"}
//	-> {"kind":"start"}              <- {"kind":"result","t_submitted":..,"t_result":..,"result":"Success","op_kind":"write","clientid":"0","other":{"target":"..","expected_start":..}}
//	                                 <- {"kind":"finished"}
//
// Time counts in seconds from the arrival of "start"; what it says in Unix seconds. A result says
// neither its key nor what was answered, so the program must give exactly one for each operation:
// in order of expected_start they are the schedule. In "other" it may add "key", "value" and
// "revision": with the value that each read answered, reads can be judged too.

// externalMessage is what a external client is told.
type externalMessage struct {
	Kind      string             `json:"kind"`
	Prereq    *bool              `json:"prereq,omitempty"`
	Operation *externalOperation `json:"operation,omitempty"`
}

type externalOperation struct {
	Payload externalPayload `json:"payload"`
	Time    float64         `json:"time"` // seconds since the start
}

type externalPayload struct {
	Kind  string  `json:"kind"`
	Key   string  `json:"key"`
	Value *string `json:"value,omitempty"`
}

// preloadMessage hands the operation over.
func preloadMessage(op reckon.Op, prereq bool) externalMessage {
	p := externalPayload{Kind: op.Kind.String(), Key: op.Key}
	if op.Kind == history.Write {
		p.Value = &op.Value
	}
	return externalMessage{"preload", &prereq, &externalOperation{p, op.Due.Seconds()}}
}

// externalResult is what a external client says.
type externalResult struct {
	Kind      string   `json:"kind"`
	Submitted *float64 `json:"t_submitted"` // Unix seconds
	Returned  *float64 `json:"t_result"`
	Result    string   `json:"result"` // "Success", or what went wrong
	OpKind    string   `json:"op_kind"`
	Other     struct {
		Target   string          `json:"target"`
		Expected *float64        `json:"expected_start"`
		Key      *string         `json:"key"`
		Value    json.RawMessage `json:"value"` // null where a read found no such key
		Revision int64           `json:"revision"`
	} `json:"other"`
}

// externalSuccess is the result that is no error.
const externalSuccess = "Success"

// maxFrame bounds what a external client may say at once: a program that prints what is no frame
// claims to say more.
const maxFrame = 1 << 20

func writeFrame(w io.Writer, m externalMessage) error {
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	_, err = w.Write(append(binary.LittleEndian.AppendUint32(nil, uint32(len(b))), b...))
	return err
}

// readFrame reads what the client says next; io.EOF where it says no more.
func readFrame(r io.Reader) (m externalResult, err error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		if err == io.ErrUnexpectedEOF {
			return m, fmt.Errorf("its output ends within a frame")
		}
		return m, err
	}
	n := binary.LittleEndian.Uint32(head[:])
	if n > maxFrame {
		rest := make([]byte, 60)
		k, _ := io.ReadFull(r, rest) // it is for people; whatever comes
		return m, fmt.Errorf("what it prints is no frame: %q", append(head[:], rest[:k]...))
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(r, body); err != nil {
		return m, fmt.Errorf("its output ends within a frame")
	}
	if err := json.Unmarshal(body, &m); err != nil {
		return m, fmt.Errorf("a frame of it cannot be read: %w: %.100q", err, body)
	}
	return m, m.whole(body)
}

// whole refuses what lacks a part without which it means nothing.
func (m externalResult) whole(body []byte) error {
	if m.Kind != "result" {
		return nil
	}
	switch {
	case m.Submitted == nil || m.Returned == nil || m.Other.Expected == nil:
		return fmt.Errorf("a result of it lacks t_submitted, t_result or other.expected_start: %.200q", body)
	case m.OpKind != history.Read.String() && m.OpKind != history.Write.String():
		return fmt.Errorf("a result of it has op_kind %q, not read or write", m.OpKind)
	case *m.Returned < *m.Submitted:
		return fmt.Errorf("a result of it came before it was submitted: %.200q", body)
	}
	return nil
}

// externalSchedule is the whole load, each operation at a time of its own: they are told apart by
// when they are due.
func externalSchedule(ops iter.Seq[reckon.Op], duration time.Duration) (all []reckon.Op) {
	last := -time.Microsecond
	for op := range ops {
		if op.Due >= duration {
			break
		}
		op.Due = max(op.Due.Round(time.Microsecond), last+time.Microsecond)
		last = op.Due
		all = append(all, op)
	}
	return all
}

// expectedApart is how far the instant from which a client counts may seem to move between two of
// its results: some count in milliseconds.
const expectedApart = 2 * time.Millisecond

// matchExternal gives each operation of the schedule its result. The error says why that cannot be
// done for certain.
func matchExternal(schedule []reckon.Op, results []externalResult) error {
	if len(results) != len(schedule) {
		return fmt.Errorf("it gave %d results for %d operations", len(results), len(schedule))
	}
	slices.SortStableFunc(results, func(a, b externalResult) int { return cmp.Compare(*a.Other.Expected, *b.Other.Expected) })
	least, most := math.Inf(1), math.Inf(-1)
	for i, r := range results {
		op := schedule[i]
		if i > 0 && *r.Other.Expected == *results[i-1].Other.Expected {
			return fmt.Errorf("two of its results have the same expected_start, %f: they cannot be told apart", *r.Other.Expected)
		}
		if r.OpKind != op.Kind.String() || r.Other.Key != nil && *r.Other.Key != op.Key {
			return fmt.Errorf("its result number %d by expected_start is a %s, and the schedule has %s there", i+1, r.OpKind, op)
		}
		if *r.Submitted < *r.Other.Expected-expectedApart.Seconds() {
			return fmt.Errorf("it submitted %s before it was due", op)
		}
		base := *r.Other.Expected - op.Due.Seconds()
		least, most = min(least, base), max(most, base)
	}
	if most-least > expectedApart.Seconds() {
		return fmt.Errorf("its expected_start does not follow the schedule: it is off by up to %.0f ms", 1e3*(most-least))
	}
	return nil
}

// externalGrain is what a Unix time as a 64-bit float may be off by. The times of an operation are
// widened by it, so that no order is claimed that was not seen.
const externalGrain = 500 * time.Nanosecond

// fill gives the operation what the result tells of it. base is the wall clock's reading at zero of
// the run's clock, in nanoseconds.
func (r externalResult) fill(op *reckon.Op, base int64, members []reckon.Member) {
	instant := func(unix float64) time.Duration {
		whole, part := math.Modf(unix)
		return time.Duration(int64(whole)*int64(time.Second) + int64(part*float64(time.Second)) - base)
	}
	op.Call, op.Return = instant(*r.Submitted)-externalGrain, instant(*r.Returned)+externalGrain
	op.Member, op.Error = memberAt(r.Other.Target, members), ""
	op.Outcome = history.Unknown
	if r.Result != externalSuccess {
		op.Error = cmp.Or(r.Result, "the client program gave no reason")
		if op.Kind == history.Read {
			op.Outcome = history.Failed
		}
		return
	}
	op.Outcome, op.Revision = history.OK, r.Other.Revision
	if op.Kind == history.Read {
		op.Unobserved = !r.readValue(&op.Value)
	}
}

// readValue is what the read answered, where the client says so.
func (r externalResult) readValue(to *string) bool {
	if bytes.Equal(r.Other.Value, []byte("null")) {
		*to = ""
		return true
	}
	return len(r.Other.Value) > 0 && json.Unmarshal(r.Other.Value, to) == nil
}

// memberAt is the member that a target names, by its name or address; "" where it does not.
func memberAt(target string, members []reckon.Member) string {
	host := strings.TrimPrefix(strings.TrimPrefix(target, "http://"), "https://")
	host, _, _ = strings.Cut(host, ":")
	for _, m := range members {
		if host == m.Name || host == m.Addr.String() {
			return m.Name
		}
	}
	return ""
}
