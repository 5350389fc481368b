package load

import (
	"fmt"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Progress is what ended of a load since it was last reported.
type Progress struct {
	OK, Failed, Unknown int
	Latencies           Latencies // of the acknowledged operations
}

// Latencies counts latencies in microseconds. The zero value is empty and ready.
type Latencies struct{ h *hdrhistogram.Histogram }

// Latencies are kept to two significant digits, up to longestLatency.
const (
	latencyDigits  = 2
	longestLatency = time.Hour
)

// Add counts one latency.
func (l *Latencies) Add(d time.Duration) {
	if l.h == nil {
		l.h = hdrhistogram.New(1, longestLatency.Microseconds(), latencyDigits)
	}
	_ = l.h.RecordValue(min(max(d, time.Microsecond), longestLatency).Microseconds()) // within its range
}

// Merge adds other's counts.
func (l *Latencies) Merge(other Latencies) {
	if other.h == nil {
		return
	}
	if l.h == nil {
		l.h = hdrhistogram.New(1, longestLatency.Microseconds(), latencyDigits)
	}
	l.h.Merge(other.h)
}

// Count returns how many latencies were counted.
func (l Latencies) Count() int64 {
	if l.h == nil {
		return 0
	}
	return l.h.TotalCount()
}

// Quantile returns the latency that a share q of all does not exceed; 0 where none was counted.
func (l Latencies) Quantile(q float64) time.Duration {
	if l.h == nil {
		return 0
	}
	return time.Duration(l.h.ValueAtQuantile(100*q)) * time.Microsecond
}

// MarshalText and UnmarshalText use hdrhistogram's own compressed form; empty is no latencies.
func (l Latencies) MarshalText() ([]byte, error) {
	if l.h == nil {
		return nil, nil
	}
	return l.h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
}

func (l *Latencies) UnmarshalText(b []byte) error {
	l.h = nil
	if len(b) == 0 {
		return nil
	}
	h, err := hdrhistogram.Decode(b)
	if err != nil {
		return fmt.Errorf("decode latencies: %w", err)
	}
	l.h = h
	return nil
}
