package reckon

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/reckon-bench/reckon/reckon/clock"
	"github.com/reckon-bench/reckon/reckon/history"
)

// Lines are written whole and in order, and a flush returns although others go on adding.
func TestLineWriter(t *testing.T) {
	r, w := io.Pipe()
	var got bytes.Buffer
	read := make(chan struct{})
	go func() {
		defer close(read)
		_, _ = io.Copy(&got, r)
	}()
	l := newLineWriter(w)
	var wg sync.WaitGroup
	const writers, lines = 8, 2000
	for i := range writers {
		wg.Go(func() {
			for n := range lines {
				l.op(Op{Client: strconv.Itoa(i), Process: n})
			}
		})
	}
	for range 20 {
		if err := l.flush(); err != nil { // while they are at it
			t.Fatal(err)
		}
	}
	wg.Wait()
	l.line("done")
	if err := l.flush(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	<-read
	all := strings.Split(strings.TrimSuffix(got.String(), "\n"), "\n")
	if len(all) != writers*lines+1 || all[len(all)-1] != "done" {
		t.Fatalf("%d lines, the last %q", len(all), all[len(all)-1])
	}
	next := map[string]int{}
	for _, line := range all[:len(all)-1] {
		var op Op
		if err := json.Unmarshal([]byte(line), &op); err != nil {
			t.Fatal(err)
		}
		if op.Process != next[op.Client] {
			t.Fatalf("writer %s: line %d, want %d", op.Client, op.Process, next[op.Client])
		}
		next[op.Client]++
	}
}

// A reader that went away is an error, and nobody waits for it.
func TestLineWriterWithoutReader(t *testing.T) {
	r, w := io.Pipe()
	r.Close()
	l := newLineWriter(w)
	l.line("x")
	if err := l.flush(); err == nil {
		t.Error("no error")
	}
	l.line("y")
	if err := l.flush(); err == nil {
		t.Error("no error the second time")
	}
}

// BenchmarkOffer offers 100,000 operations a second for two seconds on one
// processor, through all of a load driver but its client, which does nothing: pacing, processes,
// recording and encoding. It reports the generator's lag, and fails where it could not keep up at all.
func BenchmarkOffer(b *testing.B) {
	const rate, length = 100_000, 2 * time.Second
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	defer debug.SetGCPercent(debug.SetGCPercent(driverGC)) // as DriverMain does
	for b.Loop() {
		mono := clock.NewMonotonic(clock.Epoch())
		d := &driver{clock: mono, out: newLineWriter(io.Discard)}
		stop := d.reportEvery(progressEvery)
		g := &generator{
			name: "c1", clock: mono, wait: clock.Waiter(mono), record: d.record,
			client:  clientFunc(func(_ context.Context, op Op) Op { op.Outcome = history.OK; return op }),
			timeout: 5 * time.Second, inFlight: maxInFlight, clients: 1, processes: &d.processes,
		}
		start := mono.Now() + 10*time.Millisecond
		offered, lag, err := g.offer(b.Context(), evenly(1<<30, time.Second/rate), start, start+length)
		stop()
		if err != nil || offered != rate*int(length/time.Second) {
			b.Fatalf("offered %d: %v", offered, err)
		}
		took := (mono.Now() - start).Seconds()
		b.ReportMetric(float64(offered)/took, "ops/s")
		b.ReportMetric(float64(lag.ValueAtQuantile(50))/1e3, "lag-p50-us")
		b.ReportMetric(float64(lag.ValueAtQuantile(99))/1e3, "lag-p99-us")
	}
}
