package canvas

import (
	"math"

	"gonum.org/v1/plot"
)

// Nines labels -log10(1 - share).
type Nines struct{}

func (Nines) Ticks(_, hi float64) []plot.Tick {
	ticks := []plot.Tick{{Value: 0, Label: "0"}, {Value: -math.Log10(0.5), Label: "50"}}
	for k := 1; float64(k) <= hi; k++ {
		text := "90"
		switch {
		case k == 2:
			text = "99"
		case k > 2:
			text = "99." + nineDigits[:min(k-2, len(nineDigits))]
		}
		ticks = append(ticks, plot.Tick{Value: float64(k), Label: text})
	}
	return ticks
}

const nineDigits = "99999999"

// Upper hides the time labels of a panel that has another one beneath it.
func Upper(p *plot.Plot) *plot.Plot {
	p.X.Label.Text = ""
	p.X.Tick.Marker = unlabelled{p.X.Tick.Marker}
	return p
}

type unlabelled struct{ plot.Ticker }

func (u unlabelled) Ticks(lo, hi float64) []plot.Tick {
	ticks := u.Ticker.Ticks(lo, hi)
	for i := range ticks {
		ticks[i].Label = ""
	}
	return ticks
}

// LaneTicks names the lanes from the top down.
func LaneTicks(nodes []string) plot.ConstantTicks {
	var ticks plot.ConstantTicks
	for i, n := range nodes {
		ticks = append(ticks, plot.Tick{Value: float64(len(nodes) - 1 - i), Label: n})
	}
	return ticks
}
