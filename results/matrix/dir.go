package matrix

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/reckon-bench/reckon/results"
)

// The files of a matrix directory.
const (
	fileName    = "matrix.yaml" // the file's text, as it was
	indexName   = "index.json"
	csvName     = "matrix.csv"
	junitName   = "junit.xml"
	summaryName = "summary.md"
	pageName    = "index.html"
	cellsDir    = "cells" // a run's directory a cell
	logsDir     = "logs"  // what each run printed
	asideDir    = "aside" // runs that do not count: cut short, or tried again
)

// A Dir is the directory of a matrix:
//
//	matrix.yaml  index.json  matrix.csv  junit.xml  summary.md  index.html
//	cells/NAME/  a run's directory     logs/NAME.log     aside/NAME/1/  a run that does not count
//
// index.json is written anew after every cell, so that whatever ends the matrix loses none that is finished.
type Dir struct {
	path  string
	made  string // the topmost directory that Create made
	file  *File
	Index *Index
}

// Path is the path of something in the directory; without elements, of the directory itself.
func (d *Dir) Path(elem ...string) string { return filepath.Join(append([]string{d.path}, elem...)...) }

func (d *Dir) String() string { return d.path }

// Report is the page for people.
func (d *Dir) Report() string { return d.Path(pageName) }

// Create makes the directory of a new matrix, or of a shard of it, for cells that
// are planned. It refuses one that exists.
func Create(path string, f *File, cells []*Cell, shard Shard, reckon string) (*Dir, error) {
	x := &Index{
		Version: indexVersion, File: f.Name, Sum: f.Sum(), Seed: f.Seed, Shard: shard, All: len(cells), Reckon: reckon,
		Started: time.Now().Round(time.Millisecond), Notes: []string{}, Dimensions: varied(cells), Cells: []*Cell{},
	}
	x.Directory, _ = os.Getwd() // without it, paths that are relative are of where it is resumed
	for _, c := range cells {
		if shard.Has(c) {
			x.Cells = append(x.Cells, c)
		}
	}
	return create(path, f, x)
}

func create(path string, f *File, x *Index) (*Dir, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("create matrix directory: %w", err)
	}
	d := &Dir{path: path, file: f, Index: x}
	d.made, _ = results.FirstMissing(path)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return nil, fmt.Errorf("create matrix directory: %w", err)
	}
	if err := os.Mkdir(path, 0o777); errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("create matrix directory %s: it exists; a matrix never overwrites another (--resume goes on with one)", path)
	} else if err != nil {
		return nil, fmt.Errorf("create matrix directory: %w", err)
	}
	if err := d.makeDirs(); err != nil {
		return nil, fmt.Errorf("create matrix directory: %w", err)
	}
	if err := results.WriteFile(d.Path(fileName), f.Text); err != nil {
		return nil, err
	}
	return d, d.writeIndex()
}

// makeDirs makes the directories that runs need, where they are not there.
func (d *Dir) makeDirs() error {
	return cmp.Or(os.MkdirAll(d.Path(cellsDir), 0o777), os.MkdirAll(d.Path(logsDir), 0o777))
}

// Open opens the directory of a matrix that was begun. A run in it that is half written
// is passed over, and named in the index's notes.
func Open(path string) (*Dir, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open matrix directory: %w", err)
	}
	b, err := os.ReadFile(filepath.Join(path, indexName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open matrix directory %s: not a matrix: it has no %s", path, indexName)
	} else if err != nil {
		return nil, fmt.Errorf("open matrix directory: %w", err)
	}
	d := &Dir{path: path, made: path, Index: new(Index)}
	if err := json.Unmarshal(b, d.Index); err != nil {
		return nil, fmt.Errorf("open matrix directory: read %s: %w", d.Path(indexName), err)
	}
	if v := d.Index.Version; v != indexVersion {
		return nil, fmt.Errorf("open matrix directory %s: its index has version %d, this reckon knows %d", path, v, indexVersion)
	}
	text, err := os.ReadFile(d.Path(fileName))
	if err != nil {
		return nil, fmt.Errorf("open matrix directory: %w", err)
	}
	if d.file, err = Parse(d.Index.File, text); err != nil {
		return nil, fmt.Errorf("open matrix directory %s: %w", path, err)
	}
	if d.file.Sum() != d.Index.Sum {
		return nil, fmt.Errorf("open matrix directory %s: its %s was changed since it was begun", path, fileName)
	}
	if err := d.survey(); err != nil {
		return nil, err
	}
	d.Index.settle()
	return d, nil
}

// survey looks for runs that are half written.
func (d *Dir) survey() error {
	entries, err := os.ReadDir(d.Path(cellsDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // whoever passed the matrix on may keep no empty directories
		return fmt.Errorf("open matrix directory: %w", err)
	}
	there := map[string]bool{}
	for _, e := range entries {
		there[e.Name()] = true
	}
	for _, c := range d.Index.Cells {
		whole := there[c.Name] && d.whole(c.Name)
		switch {
		case c.State == Finished && c.Outcome == nil:
			return fmt.Errorf("open matrix directory %s: its index has no outcome of the finished cell %s", d, c.Name)
		case c.State == Finished && c.Outcome.Metrics != nil && !whole:
			// The index says more than is there: the run was removed or damaged since.
			d.Index.note("%s: its run is not whole any more, and is passed over", c.Name)
			c.State, c.Outcome = Waiting, nil
		case c.State != Finished && there[c.Name] && !whole:
			d.Index.note("%s: its run is half written, and is passed over", c.Name)
		}
		delete(there, c.Name)
	}
	for _, name := range sortedKeys(there) {
		d.Index.note("%s: not a cell of this matrix, and passed over", filepath.Join(cellsDir, name))
	}
	return nil
}

// whole says whether the cell's run came to its end: its summary is written before its report.
func (d *Dir) whole(name string) bool {
	for _, f := range []string{results.PlanName, "summary.json", "report.html"} {
		if info, err := os.Stat(d.Path(cellsDir, name, f)); err != nil || info.Size() == 0 {
			return false
		}
	}
	return true
}

// cells are those of the directory's file, by name. It refuses an index whose cells do not follow from the file.
func (d *Dir) cells() ([]*Cell, map[string]*Cell, error) {
	all, err := d.file.Cells()
	if err != nil {
		return nil, nil, err
	}
	by := map[string]*Cell{}
	for _, c := range all {
		by[c.Name] = c
	}
	for _, c := range d.Index.Cells {
		now := by[c.Name]
		if now == nil || now.Seed != c.Seed || now.Order != c.Order || now.key() != c.key() {
			return nil, nil, fmt.Errorf("%s: its cell %s does not follow from its %s: it was changed by hand, or by another version of reckon (%s)", d, c.Name, fileName, d.Index.Reckon)
		}
	}
	return all, by, nil
}

// plan plans the cells of the index anew.
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
		c.plan, c.limits = by[c.Name].plan, by[c.Name].limits
	}
	return nil
}

// Resume opens a matrix to go on with it, planned in the working directory, which should be the index's: runs that ended while nobody was left
// to note it are taken in, half-written ones put aside.
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
		if c.State == Finished {
			continue
		}
		if o, ok := d.adopt(c); ok {
			o.Attempts = c.Attempts
			c.State, c.Outcome, c.Attempts = Finished, o, nil
			continue
		}
		if _, err := d.setAside(c); err != nil {
			return nil, err
		}
		c.State = Waiting
	}
	d.Index.Interrupted, d.Index.Notes = false, []string{}
	if err := d.survey(); err != nil { // what is still to be noted
		return nil, err
	}
	return d, d.writeIndex()
}

// adopt takes in a run that came to its end and is not in the index.
func (d *Dir) adopt(c *Cell) (*Outcome, bool) {
	if !d.whole(c.Name) {
		return nil, false
	}
	run, err := results.Open(d.Path(cellsDir, c.Name))
	if err != nil {
		return nil, false
	}
	s, err := run.ReadSummary()
	if err != nil || s.Interrupted && !c.convicted(s) || s.Seed != c.Seed || !slices.Equal(s.Words, c.plan.Words.List()) {
		return nil, false
	}
	o := judge(c, s)
	o.Report = true
	if plan, err := run.ReadPlan(); err == nil {
		o.Started = plan.Started
		if info, err := os.Stat(run.Path("report.html")); err == nil {
			o.Took = seconds(info.ModTime().Sub(plan.Started))
		}
	}
	return o, true
}

// setAside moves the cell's run, if there is one, out of the way; it is kept for whoever wants to know.
func (d *Dir) setAside(c *Cell) (where string, err error) {
	from := d.Path(cellsDir, c.Name)
	if _, err := os.Lstat(from); errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err := os.MkdirAll(d.Path(asideDir, c.Name), 0o777); err != nil {
		return "", fmt.Errorf("set aside %s: %w", c.Name, err)
	}
	for i := 1; i <= maxAside; i++ {
		where = filepath.Join(asideDir, c.Name, fmt.Sprint(i))
		if _, err := os.Lstat(d.Path(where)); errors.Is(err, fs.ErrNotExist) {
			if err := os.Rename(from, d.Path(where)); err != nil {
				return "", fmt.Errorf("set aside %s: %w", c.Name, err)
			}
			return where, nil
		}
	}
	return "", fmt.Errorf("set aside %s: %d runs of it are there already", c.Name, maxAside)
}

// maxAside bounds how many runs of one cell are kept aside.
const maxAside = 1000

func (d *Dir) writeIndex() error {
	d.Index.settle()
	b, err := json.MarshalIndent(d.Index, "", " ")
	if err != nil {
		return fmt.Errorf("write %s: %w", indexName, err)
	}
	return results.WriteFile(d.Path(indexName), append(b, '\n'))
}

// Write writes the index and everything that is made of it.
func (d *Dir) Write() error {
	if err := d.writeIndex(); err != nil {
		return err
	}
	for _, f := range []struct {
		name string
		make func(*Index) ([]byte, error)
	}{{csvName, table}, {junitName, junit}, {summaryName, markdown}, {pageName, page}} {
		b, err := f.make(d.Index)
		if err == nil {
			err = results.WriteFile(d.Path(f.name), b)
		}
		if err != nil {
			return fmt.Errorf("write %s: %w", f.name, err)
		}
	}
	return results.GiveTree(d.made)
}
