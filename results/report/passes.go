package report

import "github.com/reckon-bench/reckon/results"

// passRow is a command's passes on the page.
type passRow struct {
	Command string
	results.PassCount
}

// passTimeRow is a part of the load on the page.
type passTimeRow struct {
	Name       string
	Time       *results.PassTime
	Standstill *float64
}

func passRows(k *results.Kibishii) []passRow {
	return []passRow{{"generate", k.Generate}, {"verify", k.Verify}}
}

func passTimeRows(k *results.Kibishii, struck bool) []passTimeRow {
	rows := []passTimeRow{{"all", k.Time.All, k.Standstill.All}}
	if struck {
		rows = append(rows, passTimeRow{"before", k.Time.Before, k.Standstill.Before},
			passTimeRow{"during", k.Time.During, k.Standstill.During}, passTimeRow{"after", k.Time.After, k.Standstill.After})
	}
	return rows
}

// passTile shows the passes in a word.
func passTile(k *results.Kibishii) tile {
	ok, failed := k.Generate.OK+k.Verify.OK, k.Generate.Failed+k.Verify.Failed
	t := tile{"passes of the workers", showNumber(float64(ok + failed + k.Generate.Unknown + k.Verify.Unknown)),
		showNumber(float64(ok)) + " ok, " + showNumber(float64(failed)) + " failed"}
	if wrong := k.Missing + k.Corrupted + k.Extra; wrong > 0 {
		t.More += ", " + showNumber(float64(wrong)) + " paths wrong"
	}
	return t
}
