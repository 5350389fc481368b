package data

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/reckon-bench/reckon/workloads/data/disk"
	"github.com/reckon-bench/reckon/workloads/data/tree"
)

// showProgress shows how far it has come, where out is a terminal, until the function that it returns is called.
func showProgress(out *os.File, what string, p *disk.Progress) (hide func()) {
	if !term.IsTerminal(int(out.Fd())) {
		return func() {}
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		var bar *progressbar.ProgressBar
		for {
			files, bytes := p.Done()
			allFiles, allBytes := p.All()
			if bar == nil && allFiles > 0 {
				bar = newBar(out, max(allBytes, 1))
			}
			if bar != nil {
				bar.Describe(fmt.Sprintf("%s %d/%d files", what, files, allFiles))
				_ = bar.Set64(bytes) // a bar that cannot be drawn is no loss
			}
			select {
			case <-stop:
				if bar != nil {
					_ = bar.Clear()
				}
				return
			case <-time.After(100 * time.Millisecond):
			}
		}
	}()
	return func() { close(stop); <-stopped }
}

func newBar(out io.Writer, bytes int64) *progressbar.ProgressBar {
	return progressbar.NewOptions64(bytes,
		progressbar.OptionSetWriter(out), progressbar.OptionSetWidth(20), progressbar.OptionClearOnFinish(),
		progressbar.OptionSetPredictTime(true), progressbar.OptionThrottle(50*time.Millisecond),
		progressbar.OptionShowBytes(true), progressbar.OptionUseIECUnits(true), progressbar.OptionShowTotalBytes(true))
}

// totals words what a tree has.
func totals(t tree.Totals) string {
	return fmt.Sprintf("%d directories, %d names (%d symbolic links, %d files), %s", t.Directories, t.Files, t.Symlinks, t.Inodes, size(t.Bytes))
}

// took words how long it took, and the rate of bytes where there are some.
func took(begin time.Time, bytes int64) string {
	d := time.Since(begin)
	s := d.Round(time.Millisecond).String()
	if bytes > 0 && d > 0 {
		s += ", " + size(int64(float64(bytes)/d.Seconds())) + "/s"
	}
	return s
}

// size words a number of bytes with three digits.
func size(n int64) string {
	x, unit := float64(n), "B"
	for _, u := range []string{"KiB", "MiB", "GiB", "TiB", "PiB"} {
		if x < 1024 {
			break
		}
		x, unit = x/1024, u
	}
	if unit == "B" {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.3g %s", x, unit)
}
