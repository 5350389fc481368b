package tree

import (
	"cmp"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// cut divides a path at its first separator.
func cut(p string) (first, rest string) {
	first, rest, _ = strings.Cut(p, "/")
	return first, rest
}

func split(p string) (dir, base string) { return path.Dir(p), path.Base(p) }

// join joins a directory, a link's target in it, and what follows. What leads out
// of the tree stays so, and is not found.
func join(dir, target, rest string) string { return path.Join(dir, target, rest) }

func sortByName(all []fs.DirEntry) {
	slices.SortFunc(all, func(a, b fs.DirEntry) int { return cmp.Compare(a.Name(), b.Name()) })
}
