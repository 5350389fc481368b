package results

import (
	"errors"
	"fmt"
	"os"
	"path"
	"runtime"
	"sync"

	"github.com/reckon-bench/reckon/reckon/history"
)

// Render draws the plots and writes the report. It reads nothing of the
// directory but that logs are there, and the same input gives the same bytes.
func Render(d *Dir, h *history.History, s Summary, info Info) error {
	if err := os.MkdirAll(d.Path(plotsDir), 0o777); err != nil {
		return fmt.Errorf("render report: %w", err)
	}
	drawn := drawAll(figures(h, s, info))
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
	return d.writeFile(reportFile, page)
}

// A drawing is a figure in all the forms in which it is kept.
type drawing struct {
	*figure
	inlined  string
	svg, png []byte
	err      error
}

// drawAll draws the figures on all processors: figures share only what they read.
func drawAll(figs []*figure) []*drawing {
	out := make([]*drawing, len(figs))
	var wg sync.WaitGroup
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i, f := range figs {
		out[i] = &drawing{figure: f}
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
	in := column
	if d.wide {
		in = page
	}
	d.inlined = d.figure.inline(page)
	d.svg = d.figure.svg(in)
	d.png, d.err = d.figure.png(in)
}

func (d *drawing) write(dir *Dir) error {
	return errors.Join(d.err,
		dir.writeFile(path.Join(plotsDir, d.name+".svg"), d.svg),
		dir.writeFile(path.Join(plotsDir, d.name+".png"), d.png))
}
