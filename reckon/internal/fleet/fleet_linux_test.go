package fleet

import (
	"bytes"
	"io"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/reckon-bench/reckon/reckon/host"
	"github.com/reckon-bench/reckon/reckon/host/hosttest"
)

func TestMain(m *testing.M) { hosttest.Main(m) }

// slowSink takes its time to record operations, and counts their lines.
type slowSink struct {
	Sink
	begun, lines atomic.Int64
}

func (s *slowSink) Ops(lines []byte) {
	n := int64(bytes.Count(lines, []byte{'\n'}))
	s.begun.Add(n)
	time.Sleep(200 * time.Millisecond)
	s.lines.Add(n)
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

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
	sink := &slowSink{}
	d := newRemote("c1", sink, nopCloser{io.Discard})
	d.in = nopCloser{io.Discard}
	d.process, err = h.Start(host.Command{Path: "/bin/sh", Args: []string{"sh", "-c", "echo '{}'; echo said; exec sleep 1000"}, Stdout: stdout})
	stdout.Close()
	if err != nil {
		t.Fatal(err)
	}
	go d.listen(out)
	for sink.begun.Load() == 0 { // it is about to record
		time.Sleep(time.Millisecond)
	}
	d.close()
	if begun, n := sink.begun.Load(), sink.lines.Load(); begun != 1 || n != 1 {
		t.Errorf("%d operations are to be recorded, %d are", begun, n)
	}
}
