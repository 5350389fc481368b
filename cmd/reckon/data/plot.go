package data

import (
	"fmt"
	"html/template"
	"os"

	"github.com/reckon-bench/reckon/workloads/data/trace"
)

// rows and columns of a map; each cell shows most of what is in its share of the file.
const (
	mapRows    = 32
	mapColumns = 64
	cellSize   = 12
)

// A mapCell is a rectangle of the map: neighbours of one origin in a row.
type mapCell struct {
	X, Y, Width int
	Color, Text string
}

// A mapKey explains a colour.
type mapKey struct {
	Y           int
	Color, Text string
}

// colors are those of origins, in the order in which they come (Okabe and Ito's, which the colour-blind tell apart).
var colors = []string{"#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442"}

// writePlot draws the file as rows of cells, coloured by origin: file and last generation.
func writePlot(to, path string, length int64, all []trace.Found, names []string) error {
	cells := make([]mapCell, 0, mapRows*mapColumns)
	var keys []mapKey
	known := map[string]string{}
	color := func(f trace.Found) (string, string) {
		text, c := "zeros", "#dddddd"
		switch f.Kind {
		case trace.Unknown:
			text, c = "no known origin", "#222222"
		case trace.Generated:
			text = fmt.Sprintf("%s, generation %d", f.Origin.Path, f.Origin.Last)
			if len(names) > 1 {
				text = names[f.Origin.Tree] + ": " + text
			}
			c = colors[len(known)%len(colors)]
		}
		if k, ok := known[text]; ok {
			return k, text
		}
		if known[text] = c; len(keys) < 2*mapRows {
			keys = append(keys, mapKey{(len(keys) + 2) * 16, c, text})
		}
		return c, text
	}
	i := 0
	for n := range int64(mapRows * mapColumns) {
		lo, hi := length*n/(mapRows*mapColumns), length*(n+1)/(mapRows*mapColumns)
		for i < len(all) && all[i].Off+all[i].Len <= lo {
			i++
		}
		best, most := -1, int64(0)
		for j := i; j < len(all) && all[j].Off < hi; j++ {
			if has := min(hi, all[j].Off+all[j].Len) - max(lo, all[j].Off); has > most {
				best, most = j, has
			}
		}
		if best < 0 {
			continue
		}
		c, text := color(all[best])
		cell := mapCell{int(n%mapColumns) * cellSize, int(n/mapColumns)*cellSize + 24, cellSize, c, text}
		if k := len(cells) - 1; k >= 0 && cells[k].Text == text && cells[k].Y == cell.Y && cells[k].X+cells[k].Width == cell.X {
			cells[k].Width += cellSize
			continue
		}
		cells = append(cells, cell)
	}
	f, err := os.Create(to)
	if err != nil {
		return fmt.Errorf("draw %s: %w", path, err)
	}
	err = mapPage.Execute(f, map[string]any{"Path": path, "Length": length, "Cells": cells, "Keys": keys, "Size": cellSize,
		"Width": mapColumns*cellSize + 360, "Height": max(mapRows*cellSize+32, (len(keys)+3)*16), "Key": mapColumns*cellSize + 16})
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return fmt.Errorf("draw %s: %w", path, err)
	}
	return nil
}

var mapPage = template.Must(template.New("map").Parse(`<svg xmlns="http://www.w3.org/2000/svg" width="{{.Width}}" height="{{.Height}}" font-family="sans-serif" font-size="11">
<rect width="100%" height="100%" fill="#fff"/><text x="0" y="14">{{.Path}}: {{.Length}} bytes, row by row, by origin</text>
{{range .Cells}}<rect x="{{.X}}" y="{{.Y}}" width="{{.Width}}" height="{{$.Size}}" fill="{{.Color}}"><title>{{.Text}}</title></rect>
{{end}}{{range .Keys}}<rect x="{{$.Key}}" y="{{.Y}}" width="10" height="10" fill="{{.Color}}"/><text x="{{$.Key}}" dx="14" y="{{.Y}}" dy="9">{{.Text}}</text>
{{end}}</svg>
`))
