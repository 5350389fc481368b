package report

import (
	"errors"
	"fmt"
	"os"
	"path"
	"runtime"
	"sync"

	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/results"
	"github.com/reckon-bench/reckon/results/canvas"
	"github.com/reckon-bench/reckon/results/figure"
	"github.com/reckon-bench/reckon/results/summary"
)

// Render draws the plots and writes the report. It reads nothing of the
// directory but that logs are there, and the same input gives the same bytes.
func Render(d *results.Dir, h *history.History, s results.Summary, info summary.Info) error {
	if err := os.MkdirAll(d.Path(results.PlotsDir), 0o777); err != nil {
		return fmt.Errorf("render report: %w", err)
	}
	drawn := drawAll(figure.All(h, s, info))
	var errs []error
	for _, f := range drawn {
		errs = append(errs, f.write(d))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("render report: %w", err)
	}
	load0, _ := h.PhaseStart("load")
	page, err := report(d, load0, s, info, drawn)
	if err != nil {
		return fmt.Errorf("render report: %w", err)
	}
	return d.WriteFile(results.ReportFile, page)
}

// A drawing is a figure in all the forms in which it is kept.
type drawing struct {
	*canvas.Figure
	inlined  string
	svg, png []byte
	err      error
}

// drawAll draws the figures on all processors: figures share only what they read.
func drawAll(figs []*canvas.Figure) []*drawing {
	out := make([]*drawing, len(figs))
	var wg sync.WaitGroup
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i, f := range figs {
		out[i] = &drawing{Figure: f}
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			out[i].draw()
		})
	}
	wg.Wait()
	return out
}

func (d *drawing) draw() {
	in := canvas.Column
	if d.Wide {
		in = canvas.Page
	}
	d.inlined = d.Figure.Inline(canvas.Page)
	d.svg = d.Figure.SVG(in)
	d.png, d.err = d.Figure.PNG(in)
}

func (d *drawing) write(dir *results.Dir) error {
	return errors.Join(d.err,
		dir.WriteFile(path.Join(results.PlotsDir, d.Name+".svg"), d.svg),
		dir.WriteFile(path.Join(results.PlotsDir, d.Name+".png"), d.png))
}
