package reckon

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"testing"
	"time"

	"github.com/reckon-bench/reckon/reckon/host"
	"github.com/reckon-bench/reckon/reckon/host/hosttest"
)

// What a signal brings about before the load is an interruption, whatever it says of itself; what the run itself ends by is none.
func TestInterrupted(t *testing.T) {
	few, doom := errors.New("0 nodes are there, want 2"), errors.New("the links ended")
	signalled, cancel := context.WithCancel(t.Context())
	cancel()
	aborted, abort := context.WithCancelCause(t.Context())
	abort(doom)
	for _, c := range []struct {
		name string
		run  *run
		ctx  context.Context
		err  error
		want bool
	}{
		{"a signal while workers gather", &run{}, signalled, few, true},
		{"no signal", &run{}, t.Context(), few, false},
		{"a signal after the load, and an error by itself", &run{loaded: true}, signalled, few, false},
		{"a signal and a part of the run that has ended", &run{doom: doom}, signalled, few, false},
		{"a part of the run that has ended", &run{doom: doom}, aborted, few, false},
		{"an error that says that it is one", &run{}, signalled, context.Canceled, true},
	} {
		if got := c.run.interrupted(c.ctx, c.err); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// slowRecorder takes its time to record operations, and counts their lines.
type slowRecorder struct {
	Recorder
	lines int
}

func (s *slowRecorder) Ops(lines []byte) error {
	time.Sleep(200 * time.Millisecond)
	s.lines += bytes.Count(lines, []byte{'\n'})
	return nil
}

// A driver that is closed has nothing more to record: the counts that follow are the last line.
func TestAClosedDriverIsSilent(t *testing.T) {
	hosttest.Need(t)
	h, err := host.New("c1")
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	out, stdout, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	rec := &slowRecorder{}
	d := &driverProcess{run: &run{recorder: rec}, in: nopCloser{io.Discard}, said: make(chan string, 16), ended: make(chan struct{}), closer: nopCloser{io.Discard}}
	d.process, err = h.Start(host.Command{Path: "/bin/sh", Args: []string{"sh", "-c", "echo '{}'; echo said; exec sleep 1000"}, Stdout: stdout})
	stdout.Close()
	if err != nil {
		t.Fatal(err)
	}
	go d.listen(out)
	for d.run.ops.Load() == 0 { // it is about to record
		time.Sleep(time.Millisecond)
	}
	d.close()
	if n := d.run.ops.Load(); n != 1 || rec.lines != 1 {
		t.Errorf("%d operations are counted, %d on record", n, rec.lines)
	}
}
