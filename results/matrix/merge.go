package matrix

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Merge joins the directories of shards of one file in a new directory, with
// copies of their runs. It refuses those of different files, and a cell that
// two of them finished: which of the two counts is not for it to choose. Cells that none
// finished stand in the index as waiting, so that the whole is no pass without them; resuming runs them.
func Merge(out string, paths []string) (*Dir, error) {
	shards := make([]*Dir, len(paths))
	for i, p := range paths {
		d, err := Open(p)
		if err != nil {
			return nil, err
		}
		if d.Index.Sum != shards0(shards, d).Index.Sum {
			return nil, fmt.Errorf("merge: %s and %s are of different files (%s and %s)", shards[0], d, shards[0].Index.File, d.Index.File)
		}
		if _, _, err := d.cells(); err != nil {
			return nil, err
		}
		shards[i] = d
	}
	x, from, err := join(shards)
	if err != nil {
		return nil, err
	}
	d, err := create(out, shards[0].file, x)
	if err != nil {
		return nil, err
	}
	for _, c := range x.Cells {
		if s := from[c.Name]; s != nil {
			if err := d.copyRun(s, c); err != nil {
				return nil, err
			}
		}
	}
	return d, d.Write()
}

// shards0 is the first shard, or d where it is the first.
func shards0(shards []*Dir, d *Dir) *Dir {
	if shards[0] != nil {
		return shards[0]
	}
	return d
}

// join makes one index of many, and says which shard each finished cell is from.
func join(shards []*Dir) (*Index, map[string]*Dir, error) {
	first := shards[0]
	cells, err := first.file.Cells()
	if err != nil {
		return nil, nil, err
	}
	x := *first.Index
	x.Shard, x.Cells, x.Notes, x.Took, x.Interrupted = Shard{}, cells, []string{}, 0, false
	from, done := map[string]*Dir{}, map[string]*Cell{}
	systems, editions := map[string]string{}, map[string][]string{} // the exact words, by cell and by word
	for _, s := range shards {
		x.Took += s.Index.Took
		if s.Index.Started.Before(x.Started) {
			x.Started = s.Index.Started
		}
		if s.Index.Directory != x.Directory {
			x.Directory = ""
		}
		if s.Index.Reckon != first.Index.Reckon {
			x.note("%s was run by reckon %s, %s by %s", filepath.Base(first.path), first.Index.Reckon, filepath.Base(s.path), s.Index.Reckon)
		}
		for _, n := range s.Index.Notes {
			x.note("%s: %s", filepath.Base(s.path), n)
		}
		for _, c := range s.Index.Cells {
			systems[c.Name] = cmp.Or(systems[c.Name], c.System)
			if c.System != "" && !slices.Contains(editions[c.Words.System], c.System) {
				editions[c.Words.System] = append(editions[c.Words.System], c.System)
			}
			if c.State != Finished {
				continue
			}
			if other := from[c.Name]; other != nil {
				return nil, nil, fmt.Errorf("merge: the cell %s is finished in %s and in %s", c.Name, other, s)
			}
			from[c.Name], done[c.Name], systems[c.Name] = s, c, c.System
		}
	}
	for _, word := range sortedKeys(editions) {
		if e := editions[word]; len(e) > 1 {
			x.note("%s was not the same in all shards: %s", word, strings.Join(e, ", "))
		}
	}
	for _, c := range cells {
		c.System = systems[c.Name]
		if o := done[c.Name]; o != nil {
			c.State, c.Outcome = Finished, o.Outcome
		}
	}
	return &x, from, nil
}

// copyRun copies what a shard holds of the cell: its run, what it printed, and earlier attempts.
func (d *Dir) copyRun(s *Dir, c *Cell) error {
	for _, part := range []string{filepath.Join(cellsDir, c.Name), filepath.Join(asideDir, c.Name)} {
		if _, err := os.Stat(s.Path(part)); err != nil {
			continue // a run that crashed before it made a directory has none
		}
		if err := os.CopyFS(d.Path(part), os.DirFS(s.Path(part))); err != nil {
			return fmt.Errorf("merge: copy %s: %w", s.Path(part), err)
		}
	}
	log := filepath.Join(logsDir, c.Name+".log")
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
