package tree

import (
	"iter"
	"path"
	"strconv"
	"strings"
)

// A Kind is what an entry of a directory is.
type Kind uint8

// The kinds.
const (
	Directory Kind = iota
	File
	Symlink
)

func (k Kind) String() string { return [...]string{"directory", "file", "symbolic link"}[k] }

// An Entry is a name in a directory, and what it names.
type Entry struct {
	Name   string
	Kind   Kind
	Parent uint64 // the number of the directory in which it is
	Number uint64 // of a directory, 0 for the root; of a file its stream; of a symbolic link its rank in its cohort

	c    *cohort // of files and symbolic links
	slot uint64
}

// Root is the tree's root.
var Root = Entry{Kind: Directory}

// ID returns a number for what the entry names: names of one file have the same,
// and the generations have it too.
func (e Entry) ID() uint64 {
	switch e.Kind {
	case Directory:
		return 1<<60 | e.Number
	case Symlink:
		return 2<<60 | uint64(e.c.birth)<<32 | e.Number
	}
	return 3<<60 | e.Number
}

// directories are numbered in breadth: of directory d they are d*fanout+1 and so on.
func (t *Tree) parent(d uint64) uint64 { return (d - 1) / uint64(t.Fanout) }

// children returns the numbers of the directories in d: from lo to below hi.
func (t *Tree) children(d uint64) (lo, hi uint64) {
	n, all := uint64(t.Fanout), uint64(t.Directories)
	lo = min(d*n, all) + 1
	return lo, min(lo+n, all+1)
}

// all returns how many directories there are with the root.
func (t *Tree) all() uint64 { return uint64(t.Directories) + 1 }

// Directory returns the entry of the directory of that number.
func (t *Tree) Directory(number uint64) Entry { return t.directoryEntry(number) }

func (t *Tree) directoryEntry(d uint64) Entry {
	if d == 0 {
		return Root
	}
	word := directoryWords[t.nameKey.At(d)%uint64(len(directoryWords))]
	return Entry{Name: word + "-" + strconv.FormatUint(d, 36), Kind: Directory, Parent: t.parent(d), Number: d}
}

// fileEntry returns the entry of a cohort's slot that is in directory d.
func (t *Tree) fileEntry(c *cohort, slot, d uint64) Entry {
	e := Entry{Parent: d, c: c, slot: slot, Kind: Symlink}
	rank := c.perm.To(slot)
	u := t.nameKey.Sub(uint64(c.birth)).At(slot)
	e.Name = fileWords[u%uint64(len(fileWords))] + "-" + strconv.FormatUint(uint64(c.birth), 36) + "-" + strconv.FormatUint(slot, 36)
	e.Number = rank
	if !t.links.isSymlink(rank) {
		e.Kind, e.Number = File, c.first+t.links.inode(t.links.positions(rank))
		e.Name += endings[u>>32%uint64(len(endings))]
	}
	return e
}

// Entries returns what is in the directory: directories first, then the files by cohort.
func (v *View) Entries(directory uint64) iter.Seq[Entry] {
	t := v.tree
	return func(yield func(Entry) bool) {
		lo, hi := t.children(directory)
		for d := lo; d < hi; d++ {
			if !yield(t.directoryEntry(d)) {
				return
			}
		}
		for _, c := range t.cohorts {
			alive := c.aliveAt(v.generation)
			if alive == 0 {
				continue
			}
			for slot := c.split(directory, t.all()); slot < c.split(directory+1, t.all()); slot++ {
				if c.perm.To(slot) < alive && !yield(t.fileEntry(c, slot, directory)) {
					return
				}
			}
		}
	}
}

// Lookup returns the entry of that name in the directory.
func (v *View) Lookup(directory uint64, name string) (Entry, bool) {
	e, ok := v.tree.parse(directory, name)
	if !ok || !v.Has(e) {
		return Entry{}, false
	}
	return e, true
}

// Has reports whether the entry, of any generation of the tree, is there; directories always are.
func (v *View) Has(e Entry) bool {
	return e.Kind == Directory || e.c.perm.To(e.slot) < e.c.aliveAt(v.generation)
}

// parse returns what the name names in the directory at whatever generation.
func (t *Tree) parse(directory uint64, name string) (e Entry, ok bool) {
	stem, _, _ := strings.Cut(name, ".")
	i := strings.LastIndexByte(stem, '-')
	if i < 0 {
		return e, false
	}
	n, err := strconv.ParseUint(stem[i+1:], 36, 64)
	if err != nil {
		return e, false
	}
	switch j := strings.IndexByte(stem, '-'); {
	case j == i && n > 0 && n < t.all():
		e = t.directoryEntry(n)
	case j < i:
		birth, err := strconv.ParseUint(stem[j+1:i], 36, 16)
		if err != nil {
			return e, false
		}
		c := t.cohortOf(uint16(birth))
		if c == nil || n >= c.names {
			return e, false
		}
		e = t.fileEntry(c, n, c.directory(n, t.all()))
	}
	return e, e.Name == name && e.Parent == directory
}

// Resolve returns the entry at a path relative to the root, of which "." is the
// root itself. It follows no symbolic links.
func (v *View) Resolve(name string) (e Entry, ok bool) {
	if name == "." || name == "" {
		return Root, true
	}
	for part := range strings.SplitSeq(name, "/") {
		if e.Kind != Directory {
			return Entry{}, false
		}
		if e, ok = v.Lookup(e.Number, part); !ok {
			return Entry{}, false
		}
	}
	return e, true
}

// Path returns the entry's path relative to the root, "." for the root itself.
func (v *View) Path(e Entry) string {
	if e.Kind == Directory && e.Number == 0 {
		return "."
	}
	return path.Join(v.tree.directoryPath(e.Parent), e.Name)
}

func (t *Tree) directoryPath(d uint64) string {
	var parts []string
	for ; d > 0; d = t.parent(d) {
		parts = append(parts, t.directoryEntry(d).Name)
	}
	for i, j := 0, len(parts)-1; i < j; i, j = i+1, j-1 {
		parts[i], parts[j] = parts[j], parts[i]
	}
	return strings.Join(parts, "/")
}

// What names are made of; none has a hyphen or a dot.
var (
	directoryWords = [...]string{"archive", "backup", "build", "cache", "clients", "data", "docs", "drafts", "home", "images", "lib", "logs", "mail", "media", "music", "notes", "old", "photos", "projects", "reports", "shared", "src", "team", "test", "tmp", "users", "video", "web", "work", "www"}
	fileWords      = [...]string{"account", "agenda", "budget", "chart", "contract", "cover", "daily", "design", "export", "figure", "final", "index", "invoice", "letter", "list", "main", "map", "memo", "minutes", "model", "order", "plan", "profile", "query", "readme", "record", "report", "sample", "scan", "schema", "summary", "table", "upload", "week"}
	endings        = [...]string{".bin", ".c", ".csv", ".db", ".doc", ".go", ".html", ".jpg", ".json", ".log", ".md", ".pdf", ".png", ".sql", ".txt", ".xml"}
)
