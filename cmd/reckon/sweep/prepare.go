package sweep

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reckon-bench/reckon/cmd/reckon/launch"
	"github.com/reckon-bench/reckon/results/matrix/index"
)

// Prepare returns an error if this machine cannot run a cell that is not finished, and finds or
// builds the program of every system, before the matrix's own directory is made.
func Prepare(cells []*index.Cell) error {
	if err := launch.Possible(); err != nil {
		return err
	}
	// The exact word of each system by that of the file: what is newest now may not be so when the
	// last cell is run.
	exact := map[string]string{}
	for _, c := range cells {
		if c.System != "" {
			exact[c.Words.System] = c.System
		}
	}
	// What a machine or a program may lack depends on these alone.
	key := func(c *index.Cell) string { return fmt.Sprintln(c.Plan().Words.System, c.Words.Fault, c.Flags) }
	seen := map[string]bool{}
	for _, c := range cells {
		if c.State == index.Finished {
			continue
		}
		if word := exact[c.Words.System]; word != "" && c.System == "" {
			if err := c.Pin(word); err != nil {
				return err
			}
		}
		if seen[key(c)] {
			continue
		}
		if err := launch.Allowed(c.Plan()); err != nil {
			return fmt.Errorf("cell %d: %w", c.Number, err)
		}
		if err := launch.Prepare(c.Plan()); err != nil {
			return err
		}
		exact[c.Words.System] = c.Plan().Words.System
		if err := c.Pin(exact[c.Words.System]); err != nil {
			return err
		}
		seen[key(c)] = true
	}
	return nil
}

// Location returns runs/matrix-TIME, with a number appended where that is taken.
func Location() string {
	base := filepath.Join("runs", "matrix-"+time.Now().Format("20060102-150405"))
	path := base
	for i := 2; i < 100; i++ {
		if _, err := os.Lstat(path); err != nil {
			break
		}
		path = fmt.Sprintf("%s-%d", base, i)
	}
	return path
}

// Lock keeps another reckon from working in the matrix's directory until unlock is called.
func Lock(path string) (unlock func(), err error) {
	f, err := os.Open(filepath.Join(path, "matrix.yaml"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("open matrix directory %s: not a matrix: it has no matrix.yaml", path)
	} else if err != nil {
		return nil, fmt.Errorf("open matrix directory: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: another reckon is at work in it", path)
	}
	return func() { f.Close() }, nil
}
