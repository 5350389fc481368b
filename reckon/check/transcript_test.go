package check

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/reckon-bench/reckon/reckon/history"
)

// TestTranscripts judges the histories in testdata. Instants are in milliseconds.
//
// The first line names the check: linearizable, durable, or replicas members=(n1,n2). Then:
//
//	c1/0 write k=a [0,10] ok @2
//	c1/1 write k=b [5,9] unknown
//	c1/2 write k=c [5,9] failed not leader
//	c2/0 read k -> a [11,20] ok @2 v1 by n1
//	c2/1 read k -> none [11,20] ok
//	c2/2 read k [11,20] failed
//	final c2/0 read k -> a [30,40] ok
//	change k=a @2 v1 by n1
//	hash n1 @12 1a2b3c4d
//	metrics n1 @12 1a2b3c4d
//	collected n1 12
//
// The run came to its end unless the first line says: cut, failed, or ended (a process of the
// store's).
func TestTranscripts(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			h, err := parse(d.Input)
			if err != nil {
				d.Fatalf(t, "%v", err)
			}
			if !d.HasArg("cut") {
				h.Events = append(h.Events, history.Event{Kind: history.Phase, Subject: "done"})
			}
			if d.HasArg("failed") {
				h.Events = append(h.Events, history.Event{Kind: history.Harness, Detail: "collect the changes from n1: deadline exceeded"})
			}
			if d.HasArg("ended") {
				h.Events = append(h.Events, history.Event{Kind: history.Ended, Subject: "n1"})
			}
			return transcribe(d, t, h)
		})
	})
}

func transcribe(d *datadriven.TestData, t *testing.T, h *history.History) string {
	var r Result
	switch d.Cmd {
	case "linearizable":
		r = Linearizable(context.Background(), h, Bounds{})
	case "durable":
		r = Durable(h)
	case "replicas":
		var members []string
		for _, a := range d.CmdArgs {
			if a.Key == "members" {
				members = a.Vals
			}
		}
		r = Replicas(h, members)
	default:
		d.Fatalf(t, "unknown command %s", d.Cmd)
	}
	var b strings.Builder
	fmt.Fprintln(&b, r)
	for _, o := range r.Evidence {
		fmt.Fprintln(&b, "  ", o)
	}
	return b.String()
}

var (
	opLine     = regexp.MustCompile(`^(?:(preload|final) )?(\w+)/(\d+) (read|write) (\w+)(?:=(\w*)| -> (\w*))? \[(\d+),(\d+)\] (ok|failed|unknown)(.*)$`)
	changeLine = regexp.MustCompile(`^change (\w+)=(\w*)(.*)$`)
	hashLine   = regexp.MustCompile(`^(hash|metrics) (\w+) @(\d+) ([0-9a-f]+)$`)
	wholeLine  = regexp.MustCompile(`^collected (\w+) (\d+)$`)
	told       = regexp.MustCompile(`^(?: @(\d+))?(?: v(\d+))?(?: by (\w+))?(?: (.*))?$`)
)

func parse(text string) (*history.History, error) {
	h := &history.History{}
	for _, line := range strings.Split(text, "\n") {
		if err := parseLine(h, strings.TrimSpace(line)); err != nil {
			return nil, err
		}
	}
	return h, nil
}

func parseLine(h *history.History, line string) error {
	if line == "" {
		return nil
	}
	if m := hashLine.FindStringSubmatch(line); m != nil {
		hash, err := strconv.ParseUint(m[4], 16, 32)
		h.Events = append(h.Events, history.Event{Kind: history.EventKind(m[1]), Subject: m[2],
			Data: map[string]float64{"revision": float64(number(m[3])), "hash": float64(hash)}})
		return err
	}
	if m := wholeLine.FindStringSubmatch(line); m != nil {
		h.Events = append(h.Events, history.Event{Kind: history.Collected, Subject: m[1], Data: map[string]float64{"changes": float64(number(m[2]))}})
		return nil
	}
	if m := changeLine.FindStringSubmatch(line); m != nil {
		a := told.FindStringSubmatch(m[3])
		h.Changes = append(h.Changes, history.Change{Key: m[1], Value: m[2], Revision: number(a[1]), Version: number(a[2]), Member: a[3], Deleted: a[4] == "deleted"})
		return nil
	}
	m := opLine.FindStringSubmatch(line)
	if m == nil {
		return fmt.Errorf("parse %q: neither an operation nor a change nor a hash", line)
	}
	h.Ops = append(h.Ops, parseOp(m))
	return nil
}

func parseOp(m []string) history.Op {
	a := told.FindStringSubmatch(m[11])
	o := history.Op{
		Client: m[2], Process: int(number(m[3])), Key: m[5], Value: m[6] + m[7],
		Call: ms(m[8]), Return: ms(m[9]),
		Revision: number(a[1]), Version: number(a[2]), Member: a[3], Error: a[4],
	}
	switch m[10] {
	case "ok":
		o.Outcome = history.OK
	case "failed":
		o.Outcome = history.Failed
	}
	switch m[1] {
	case "preload":
		o.Stage = history.Preload
	case "final":
		o.Stage = history.Final
	}
	if m[4] == "write" {
		o.Kind = history.Write
	} else if o.Value == "none" {
		o.Value = ""
	}
	return o
}

func number(s string) int64 {
	n, _ := strconv.ParseInt(s, 10, 64) // the pattern allows digits or nothing
	return n
}

func ms(s string) time.Duration { return time.Duration(number(s)) * time.Millisecond }
