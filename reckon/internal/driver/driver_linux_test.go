package driver

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"iter"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/clock"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/internal/load"
	"github.com/reckon-bench/reckon/reckon/plan"
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
				l.op(reckon.Op{Client: strconv.Itoa(i), Process: n})
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
		var op reckon.Op
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

// BenchmarkOffer offers 100,000 operations a second for two seconds on one processor, through all
// of a load driver but its client, which does nothing: pacing, processes, recording and encoding.
// It reports the generator's lag, and fails where it could not keep up at all.
func BenchmarkOffer(b *testing.B) {
	const rate, length = 100_000, 2 * time.Second
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	defer debug.SetGCPercent(debug.SetGCPercent(driverGC)) // as DriverMain does
	for b.Loop() {
		mono := clock.NewMonotonic(clock.Epoch())
		d := newDriver(plan.Parts{}, Job{Epoch: mono.Epoch()}, nil, nil, newLineWriter(io.Discard))
		stop := d.reportEvery(progressEvery)
		g := load.NewGenerator(load.Config{
			Name: "c1", Clock: mono, Wait: clock.Waiter(mono), Record: d.record, Client: acknowledging{},
			Timeout: 5 * time.Second, InFlight: plan.MaxInFlight, Clients: 1, Processes: &d.processes,
		})
		start := mono.Now() + 10*time.Millisecond
		offered, lag, err := g.Offer(b.Context(), evenly(time.Second/rate), start, start+length)
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

// acknowledging is a client that acknowledges everything at once.
type acknowledging struct{}

func (acknowledging) Do(_ context.Context, op reckon.Op) reckon.Op {
	op.Outcome = history.OK
	return op
}

func (acknowledging) Close() error { return nil }

// evenly is writes without end, one every gap.
func evenly(gap time.Duration) iter.Seq[reckon.Op] {
	return func(yield func(reckon.Op) bool) {
		for i := 0; yield(reckon.Op{Kind: history.Write, Key: "k", Value: strconv.Itoa(i), Due: time.Duration(i) * gap}); i++ {
		}
	}
}
