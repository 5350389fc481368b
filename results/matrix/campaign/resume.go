package campaign

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/reckon-bench/reckon/results"
	"github.com/reckon-bench/reckon/results/matrix"
	"github.com/reckon-bench/reckon/results/matrix/index"
)

// Open opens the directory of a matrix that was begun. A run whose record is incomplete is ignored
// and named in the index's notes. It refuses a directory that is not a matrix's, and one whose file
// was changed.
func Open(path string) (*Dir, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open matrix directory: %w", err)
	}
	b, err := os.ReadFile(filepath.Join(path, index.IndexFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open matrix directory %s: not a matrix: it has no %s", path, index.IndexFile)
	} else if err != nil {
		return nil, fmt.Errorf("open matrix directory: %w", err)
	}
	d := &Dir{path: path, made: path, Index: new(index.Index)}
	if err := json.Unmarshal(b, d.Index); err != nil {
		return nil, fmt.Errorf("open matrix directory: read %s: %w", d.Path(index.IndexFile), err)
	}
	if v := d.Index.Version; v != index.Version {
		return nil, fmt.Errorf("open matrix directory %s: its index has version %d, but this reckon reads version %d", path, v, index.Version)
	}
	text, err := os.ReadFile(d.Path(index.MatrixFile))
	if err != nil {
		return nil, fmt.Errorf("open matrix directory: %w", err)
	}
	if d.file, err = matrix.Parse(d.Index.File, text); err != nil {
		return nil, fmt.Errorf("open matrix directory %s: %w", path, err)
	}
	if d.file.Sum() != d.Index.Sum {
		return nil, fmt.Errorf("open matrix directory %s: its %s was changed since it was begun", path, index.MatrixFile)
	}
	if err := d.survey(); err != nil {
		return nil, err
	}
	d.Index.Settle()
	return d, nil
}

// survey notes the runs whose record is incomplete. A finished cell whose run was removed or
// damaged since is waiting again.
func (d *Dir) survey() error {
	entries, err := os.ReadDir(d.Path(index.CellsDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // an artifact store may drop empty directories
		return fmt.Errorf("open matrix directory: %w", err)
	}
	there := map[string]bool{}
	for _, e := range entries {
		there[e.Name()] = true
	}
	for _, c := range d.Index.Cells {
		complete := there[c.Name] && d.complete(c.Name)
		switch {
		case c.State == index.Finished && c.Outcome == nil:
			return fmt.Errorf("open matrix directory %s: its index has no outcome of the finished cell %s", d, c.Name)
		case c.State == index.Finished && c.Outcome.Metrics != nil && !complete:
			d.Index.Note("%s: its run is no longer complete and was ignored", c.Name)
			c.State, c.Outcome = index.Waiting, nil
		case c.State != index.Finished && there[c.Name] && !complete:
			d.Index.Note("%s: its run is incomplete and was ignored", c.Name)
		}
		delete(there, c.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(there)) {
		d.Index.Note("%s: not a cell of this matrix; ignored", filepath.Join(index.CellsDir, name))
	}
	return nil
}

// complete reports whether the cell's run was written to its end. The report is written last.
func (d *Dir) complete(name string) bool {
	for _, f := range []string{results.PlanName, "summary.json", "report.html"} {
		if info, err := os.Stat(d.Path(index.CellsDir, name, f)); err != nil || info.Size() == 0 {
			return false
		}
	}
	return true
}

// cells returns the cells of the directory's file, and the same by name. It refuses an index whose
// cells do not follow from the file.
func (d *Dir) cells() ([]*matrix.Cell, map[string]*matrix.Cell, error) {
	all, err := d.file.Cells()
	if err != nil {
		return nil, nil, err
	}
	by := map[string]*matrix.Cell{}
	for _, c := range all {
		by[c.Name] = c
	}
	for _, c := range d.Index.Cells {
		if now := by[c.Name]; now == nil || !now.Same(c.Cell) {
			return nil, nil, fmt.Errorf("%s: its cell %s does not follow from its %s: the index was edited, or made by another version of reckon (%s)",
				d, c.Name, index.MatrixFile, d.Index.Reckon)
		}
	}
	return all, by, nil
}

// plan plans the cells of the index again.
func (d *Dir) plan() error {
	all, by, err := d.cells()
	if err != nil {
		return err
	}
	for _, c := range d.Index.Cells {
		by[c.Name].System = c.System
	}
	if err := d.file.Plan(all); err != nil {
		return err
	}
	for _, c := range d.Index.Cells {
		c.Cell = by[c.Name]
	}
	return nil
}

// Resume opens a matrix to continue it. A run that was completed after the session ended is
// adopted, and one whose record is incomplete is set aside. Cells are planned in the working
// directory, which should be Index.Directory, as paths in the file may be relative.
func Resume(path string) (*Dir, error) {
	d, err := Open(path)
	if err != nil {
		return nil, err
	}
	if err := d.plan(); err != nil {
		return nil, err
	}
	if err := d.makeDirs(); err != nil {
		return nil, fmt.Errorf("open matrix directory: %w", err)
	}
	for _, c := range d.Index.Cells {
		if c.State == index.Finished {
			continue
		}
		if o, ok := d.adopt(c); ok {
			o.Attempts = c.Attempts
			c.State, c.Outcome, c.Attempts = index.Finished, o, nil
			continue
		}
		if _, err := d.setAside(c); err != nil {
			return nil, err
		}
		c.State = index.Waiting
	}
	d.Index.Interrupted, d.Index.Notes = false, notes(d.file)
	if err := d.survey(); err != nil { // notes what still holds
		return nil, err
	}
	return d, d.writeIndex()
}

// adopt returns the outcome of a complete run that the index does not have; ok is false where it is
// no run of the cell or was interrupted.
func (d *Dir) adopt(c *index.Cell) (o *index.Outcome, ok bool) {
	if !d.complete(c.Name) {
		return nil, false
	}
	run, err := results.Open(d.Path(index.CellsDir, c.Name))
	if err != nil {
		return nil, false
	}
	s, err := run.ReadSummary()
	if err != nil || s.Interrupted && !settled(c, s) || s.Seed != c.Seed || !slices.Equal(s.Words, c.Plan().Words.List()) {
		return nil, false
	}
	o = index.Judge(c, s)
	o.Report = true
	if plan, err := run.ReadPlan(); err == nil {
		o.Started = plan.Started
		if info, err := os.Stat(run.Path("report.html")); err == nil {
			o.Took = seconds(info.ModTime().Sub(plan.Started))
		}
	}
	return o, true
}

// setAside moves the cell's run, if there is one, to the runs that do not count, and returns where
// it is kept.
func (d *Dir) setAside(c *index.Cell) (where string, err error) {
	from := d.Path(index.CellsDir, c.Name)
	if _, err := os.Lstat(from); errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err := os.MkdirAll(d.Path(index.AsideDir, c.Name), 0o777); err != nil {
		return "", fmt.Errorf("set aside %s: %w", c.Name, err)
	}
	for i := 1; i <= maxAside; i++ {
		where = filepath.Join(index.AsideDir, c.Name, fmt.Sprint(i))
		if _, err := os.Lstat(d.Path(where)); errors.Is(err, fs.ErrNotExist) {
			if err := os.Rename(from, d.Path(where)); err != nil {
				return "", fmt.Errorf("set aside %s: %w", c.Name, err)
			}
			return where, nil
		}
	}
	return "", fmt.Errorf("set aside %s: it has %d runs already", c.Name, maxAside)
}

// maxAside limits how many runs of one cell are set aside.
const maxAside = 1000
