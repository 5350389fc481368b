// Package campaign runs the cells of a matrix and keeps the matrix's directory. It runs them in
// sessions: a session is one invocation that runs cells, a matrix that is interrupted is continued by
// further sessions, and its shards are merged.
//
//	d, err := campaign.Create(path, file, cells, shard, version)   // or Resume(path)
//	err = d.Run(ctx, campaign.Options{Start: ...})                  // index.json after every cell, the rest at the end
//
// The package starts no process: Options.Start runs a cell.
package campaign

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
	"github.com/reckon-bench/reckon/results/matrix"
	"github.com/reckon-bench/reckon/results/matrix/index"
	"github.com/reckon-bench/reckon/results/matrix/report"
)

// A Dir is the directory of a matrix:
//
//	matrix.yaml  index.json  matrix.csv  junit.xml  summary.md  index.html
//	cells/NAME/  a run's directory     logs/NAME.log     aside/NAME/1/  a run that does not count
//
// index.json is rewritten after every cell, so that no finished cell is lost, whatever ends the
// session.
type Dir struct {
	path  string
	made  string // the topmost directory that Create made, whose files belong to the invoking user
	file  *matrix.File
	Index *index.Index
}

// Path returns the path of something in the directory; without elements, of the directory itself.
func (d *Dir) Path(elem ...string) string { return filepath.Join(append([]string{d.path}, elem...)...) }

func (d *Dir) String() string { return d.path }

// Report returns the path of the page for people.
func (d *Dir) Report() string { return d.Path(index.PageFile) }

// Create makes the directory of a new matrix, or of a shard of it, for planned cells; reckon is the
// version that begins it. It refuses a directory that exists.
func Create(path string, f *matrix.File, cells []*matrix.Cell, shard matrix.Shard, reckon string) (*Dir, error) {
	x := &index.Index{
		Version: index.Version, File: f.Name, Sum: f.Sum(), Seed: f.Seed, Shard: shard, All: len(cells), Reckon: reckon,
		Started: time.Now().Round(time.Millisecond), Notes: notes(f), Dimensions: matrix.Dimensions(cells),
		Cells: index.Cells(slices.DeleteFunc(slices.Clone(cells), func(c *matrix.Cell) bool { return !shard.Has(c) })),
	}
	x.Directory, _ = os.Getwd() // without it, relative paths refer to the directory in which the matrix is resumed
	return create(path, f, x)
}

// notes returns the notes of the file; none is an empty list in JSON, not null.
func notes(f *matrix.File) []string { return append([]string{}, f.Notes()...) }

func create(path string, f *matrix.File, x *index.Index) (*Dir, error) {
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
		return nil, fmt.Errorf("create matrix directory %s: it exists; a matrix never overwrites another (--resume continues one)", path)
	} else if err != nil {
		return nil, fmt.Errorf("create matrix directory: %w", err)
	}
	if err := d.makeDirs(); err != nil {
		return nil, fmt.Errorf("create matrix directory: %w", err)
	}
	if err := results.WriteFile(d.Path(index.MatrixFile), f.Text); err != nil {
		return nil, err
	}
	return d, d.writeIndex()
}

// makeDirs makes the directories that runs need, unless they exist.
func (d *Dir) makeDirs() error {
	return cmp.Or(os.MkdirAll(d.Path(index.CellsDir), 0o777), os.MkdirAll(d.Path(index.LogsDir), 0o777))
}

// writeIndex settles the index and writes it.
func (d *Dir) writeIndex() error {
	d.Index.Settle()
	b, err := json.MarshalIndent(d.Index, "", " ")
	if err != nil {
		return fmt.Errorf("write %s: %w", index.IndexFile, err)
	}
	return results.WriteFile(d.Path(index.IndexFile), append(b, '\n'))
}

// Write writes the index and every file that is rendered from it.
func (d *Dir) Write() error {
	if err := d.writeIndex(); err != nil {
		return err
	}
	for _, f := range report.Files() {
		b, err := f.Render(d.Index)
		if err == nil {
			err = results.WriteFile(d.Path(f.Name), b)
		}
		if err != nil {
			return fmt.Errorf("write %s: %w", f.Name, err)
		}
	}
	return results.GiveTree(d.made)
}
