package link

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxTrace bounds the number of delays in a trace.
const maxTrace = 1 << 20

// ReadTrace reads measured one-way delays, one a line, in milliseconds ("12.3") or with a unit
// ("12.3ms", "900us"). Empty lines and text after # are ignored. A path with the mean as its Delay,
// and the jitter and distribution returned, has delays like those measured: of the sorted delays it
// keeps the mean of each of 128 equal parts.
//
// The jitter is the standard deviation of those means, or more if a tail is so long that a deviate
// (at most 4) could not reach it.
func ReadTrace(r io.Reader) (d Distribution, mean, jitter time.Duration, err error) {
	delays, err := readDelays(r)
	if err != nil {
		return "", 0, 0, fmt.Errorf("read a trace of delays: %w", err)
	}
	slices.Sort(delays)
	parts := make([]float64, traceSize)
	for i := range parts {
		parts[i] = meanBetween(delays, i)
	}
	m, sd := moments(parts)
	unit := max(sd, (parts[traceSize-1]-m)*Scale/math.MaxInt16, (m-parts[0])*Scale/math.MaxInt16)
	if unit < 1 {
		return "", 0, 0, errors.New("read a trace of delays: they are all the same: that is a delay without jitter")
	}
	return traceDistribution(encode(parts, m, unit)), time.Duration(math.Round(m)), time.Duration(math.Round(unit)), nil
}

// meanBetween returns the mean of the i-th of traceSize equal parts of the sorted delays. Each
// delay counts as a stretch of equal length, so that parts can share one if there are fewer delays
// than parts.
func meanBetween(sorted []float64, i int) float64 {
	n := float64(len(sorted))
	from, to := float64(i)*n/traceSize, float64(i+1)*n/traceSize
	sum := 0.
	for k := int(from); float64(k) < to && k < len(sorted); k++ {
		sum += sorted[k] * (min(to, float64(k+1)) - max(from, float64(k)))
	}
	return sum / (to - from)
}

// readDelays returns the delays in nanoseconds.
func readDelays(r io.Reader) ([]float64, error) {
	var delays []float64
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		text, _, _ := strings.Cut(lines.Text(), "#")
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		d, err := parseDelay(text)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if len(delays) == maxTrace {
			return nil, fmt.Errorf("line %d: more than %d delays", n, maxTrace)
		}
		delays = append(delays, d)
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if len(delays) == 0 {
		return nil, errors.New("no delay in it")
	}
	return delays, nil
}

// parseDelay reads "12.3" (milliseconds) or "12.3ms".
func parseDelay(text string) (float64, error) {
	ns := 0.
	if ms, err := strconv.ParseFloat(text, 64); err == nil {
		ns = ms * float64(time.Millisecond)
	} else if d, err := time.ParseDuration(text); err == nil {
		ns = float64(d)
	} else {
		return 0, fmt.Errorf("%q: want a delay, in milliseconds or with a unit", text)
	}
	if !(ns >= 0 && ns <= float64(time.Hour)) { // also refuses NaN
		return 0, fmt.Errorf("%q: must be from 0 to an hour", text)
	}
	return ns, nil
}
