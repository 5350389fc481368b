package report

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/reckon-bench/reckon/reckon/stats"
)

// showMillis prints three or more significant digits, as a person would compare them.
func showMillis(ms float64) string {
	switch {
	case ms < 10:
		return fmt.Sprintf("%.2f", ms)
	case ms < 1000:
		return fmt.Sprintf("%.1f", ms)
	}
	return showNumber(stats.Round(ms, 0))
}

func showSeconds(s float64) string { return fmt.Sprintf("%.3f", s) }

// showMicros takes microseconds and prints them in the unit that suits.
func showMicros(us float64) string {
	switch {
	case us < 1000:
		return showNumber(stats.Round(us, 0)) + " µs"
	case us < 1e6:
		return showNumber(us/1e3) + " ms"
	}
	return showNumber(us/1e6) + " s"
}

// showNumber sets thousands apart and keeps at most two decimals.
func showNumber(x float64) string { return showFixed(stats.Round(x, 2), -1) }

// showFixed prints so many decimals (-1: as many as there are), with thousands set apart. A column has
// one number of decimals throughout.
func showFixed(x float64, decimals int) string {
	s := strconv.FormatFloat(x, 'f', decimals, 64)
	whole, rest, point := strings.Cut(s, ".")
	for i := len(whole) - 3; i > 0 && whole[i-1] != '-'; i -= 3 {
		whole = whole[:i] + "\u202f" + whole[i:]
	}
	if point {
		return whole + "." + rest
	}
	return whole
}

// showSize prints bytes in the unit that suits: 5.2 MB.
func showSize(x float64) string {
	units := []string{"B", "kB", "MB", "GB", "TB"}
	for x >= 1000 && len(units) > 1 {
		x, units = x/1000, units[1:]
	}
	return showFixed(stats.Round(x, 1), -1) + "\u202f" + units[0]
}
