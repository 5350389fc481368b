package disk

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/reckon-bench/reckon/workloads/data/stream"
	"github.com/reckon-bench/reckon/workloads/data/tree"
)

// LabelName is the label's name in a tree's root.
const LabelName = ".reckon-data.json"

// A Label says what a directory holds.
type Label struct {
	Format     int       `json:"format"` // stream.Version
	Spec       tree.Spec `json:"spec"`
	Generation int       `json:"generation"` // that is there, complete; -1 for none
	Writing    int       `json:"writing"`    // that is being written, -1 for none
	Owners     bool      `json:"owners"`     // whether files were given their owners
	Xattrs     bool      `json:"xattrs"`     // and their extended attributes
	Holes      bool      `json:"holes"`      // and holes
}

// none is no generation.
const none = -1

// ReadLabel returns the label of the directory. It is an error that wraps fs.ErrNotExist if there is none.
func ReadLabel(dir string) (l Label, err error) {
	path := filepath.Join(dir, LabelName)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return l, fmt.Errorf("read %s: %w; it says which tree a directory holds", path, fs.ErrNotExist)
	}
	if err != nil {
		return l, fmt.Errorf("read label: %w", err)
	}
	if err := json.Unmarshal(text, &l); err != nil {
		return l, fmt.Errorf("read %s: %w", path, err)
	}
	if l.Format != stream.Version {
		return l, fmt.Errorf("read %s: format %d; this reckon has format %d", path, l.Format, stream.Version)
	}
	if err := l.Spec.Validate(); err != nil {
		return l, fmt.Errorf("read %s: %w", path, err)
	}
	return l, nil
}

// write replaces the label at once, so that there is always one.
func (l Label) write(dir string) error {
	text, err := json.MarshalIndent(l, "", "  ")
	if err != nil {
		return fmt.Errorf("write label: %w", err)
	}
	path := filepath.Join(dir, LabelName)
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return fmt.Errorf("write label: %w", err)
	}
	_, err = f.Write(append(text, '\n'))
	for _, step := range []func() error{f.Sync, f.Close, func() error { return os.Rename(path+".new", path) }} {
		if err == nil {
			err = step()
		}
	}
	if err != nil {
		return fmt.Errorf("write label: %w", err)
	}
	return nil
}

// ours reports whether the name in the root is the label's, or what many file systems have there.
func ours(directory uint64, name string) bool {
	return directory == 0 && (name == LabelName || name == LabelName+".new" || name == "lost+found")
}

// Prepare returns the label to generate into the directory with, and makes the
// directory if it is missing. It refuses one that has something else in it.
func Prepare(dir string, s tree.Spec, generation int, o Options) (Label, error) {
	l, err := ReadLabel(dir)
	switch {
	case err == nil && l.Spec != s:
		return l, fmt.Errorf("generate into %s: holds a tree of another configuration (seed %d, %d files, %d bytes); want an empty directory or one of the same", dir, l.Spec.Seed, l.Spec.Files, l.Spec.Size)
	case err == nil && l.Writing == none && l.Generation != generation:
		return l, fmt.Errorf("generate into %s: holds generation %d; advance takes it to the next, and another generation wants another directory", dir, l.Generation)
	case err == nil && l.Writing != none && (l.Writing != generation || l.Generation != none):
		return l, fmt.Errorf("generate into %s: generation %d is there in part; finish that first, with the command that wrote it", dir, l.Writing)
	case err == nil:
		return l, nil
	case !errors.Is(err, fs.ErrNotExist):
		return l, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return l, fmt.Errorf("generate: %w", err)
	}
	there, err := os.ReadDir(dir)
	if err != nil {
		return l, fmt.Errorf("generate: %w", err)
	}
	for _, e := range there {
		if !ours(0, e.Name()) {
			return l, fmt.Errorf("generate into %s: has %q in it and no label of a tree; want an empty directory", dir, e.Name())
		}
	}
	return Label{stream.Version, s, none, none, !o.NoOwners, !o.NoXattrs, !o.NoHoles}, nil
}
