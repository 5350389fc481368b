package campaign

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/reckon-bench/reckon/results/matrix"
	"github.com/reckon-bench/reckon/results/matrix/index"
)

// Merge joins the directories of shards of one file in a new directory, with copies of their runs.
// It refuses shards of different files, and a cell that two of them finished, as neither run can be
// preferred. Cells that no shard finished are waiting, so that the merged matrix does not pass
// without them; Resume runs them.
func Merge(out string, paths []string) (*Dir, error) {
	var shards []*Dir
	for _, p := range paths {
		d, err := Open(p)
		if err != nil {
			return nil, err
		}
		if len(shards) > 0 && d.Index.Sum != shards[0].Index.Sum {
			return nil, fmt.Errorf("merge: %s and %s are of different files (%s and %s)", shards[0], d, shards[0].Index.File, d.Index.File)
		}
		if _, _, err := d.cells(); err != nil {
			return nil, err
		}
		shards = append(shards, d)
	}
	m := merging{shards: shards, from: map[string]*Dir{}, done: map[string]*index.Cell{}, exact: map[string]string{}, versions: map[string][]string{}}
	x, err := m.index()
	if err != nil {
		return nil, err
	}
	d, err := create(out, shards[0].file, x)
	if err != nil {
		return nil, err
	}
	for _, c := range x.Cells {
		if s := m.from[c.Name]; s != nil {
			if err := d.copyRun(s, c.Cell); err != nil {
				return nil, err
			}
		}
	}
	return d, d.Write()
}

// merging is what is known of the cells of all shards.
type merging struct {
	shards   []*Dir
	from     map[string]*Dir        // the shard that finished the cell, by the cell's name
	done     map[string]*index.Cell // the finished cell, by name
	exact    map[string]string      // the system's word with its exact version, by the cell's name
	versions map[string][]string    // the exact versions that the shards used, by the system's word
}

// index returns one index for all shards.
func (m *merging) index() (*index.Index, error) {
	first := m.shards[0]
	cells, err := first.file.Cells()
	if err != nil {
		return nil, err
	}
	x := *first.Index
	x.Shard, x.Notes, x.Took, x.Interrupted = matrix.Shard{}, notes(first.file), 0, false
	for _, s := range m.shards {
		m.head(&x, s)
		for _, c := range s.Index.Cells {
			if err := m.cell(s, c); err != nil {
				return nil, err
			}
		}
	}
	for _, word := range slices.Sorted(maps.Keys(m.versions)) {
		if v := m.versions[word]; len(v) > 1 {
			x.Note("%s was a different version in different shards: %s", word, strings.Join(v, ", "))
		}
	}
	x.Cells = index.Cells(cells)
	for _, c := range x.Cells {
		c.System = m.exact[c.Name]
		if o := m.done[c.Name]; o != nil {
			c.State, c.Outcome = index.Finished, o.Outcome
		}
	}
	return &x, nil
}

// head takes what an index says of a whole shard into x.
func (m *merging) head(x *index.Index, s *Dir) {
	first := m.shards[0]
	x.Took += s.Index.Took
	if s.Index.Started.Before(x.Started) {
		x.Started = s.Index.Started
	}
	if s.Index.Directory != x.Directory {
		x.Directory = ""
	}
	if s.Index.Reckon != first.Index.Reckon {
		x.Note("%s was run by reckon %s, %s by %s", filepath.Base(first.path), first.Index.Reckon, filepath.Base(s.path), s.Index.Reckon)
	}
	for _, n := range s.Index.Notes {
		x.Note("%s: %s", filepath.Base(s.path), n)
	}
}

// cell takes in a cell of a shard.
func (m *merging) cell(s *Dir, c *index.Cell) error {
	m.exact[c.Name] = cmp.Or(m.exact[c.Name], c.System)
	if word := c.Words.System; c.System != "" && !slices.Contains(m.versions[word], c.System) {
		m.versions[word] = append(m.versions[word], c.System)
	}
	if c.State != index.Finished {
		return nil
	}
	if other := m.from[c.Name]; other != nil {
		return fmt.Errorf("merge: the cell %s is finished in %s and in %s", c.Name, other, s)
	}
	m.from[c.Name], m.done[c.Name], m.exact[c.Name] = s, c, c.System
	return nil
}

// copyRun copies what a shard holds of the cell: its run, what it printed, and runs that were set
// aside.
func (d *Dir) copyRun(s *Dir, c *matrix.Cell) error {
	for _, part := range []string{filepath.Join(index.CellsDir, c.Name), filepath.Join(index.AsideDir, c.Name)} {
		if _, err := os.Stat(s.Path(part)); err != nil {
			continue // a run that crashed before it made a directory has none
		}
		if err := os.CopyFS(d.Path(part), os.DirFS(s.Path(part))); err != nil {
			return fmt.Errorf("merge: copy %s: %w", s.Path(part), err)
		}
	}
	log := filepath.Join(index.LogsDir, c.Name+".log")
	b, err := os.ReadFile(s.Path(log))
	if err == nil {
		err = os.WriteFile(d.Path(log), b, 0o666)
	} else if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("merge: copy %s: %w", s.Path(log), err)
	}
	return nil
}
