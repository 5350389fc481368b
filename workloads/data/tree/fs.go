package tree

import (
	"errors"
	"io"
	"io/fs"
	"iter"
	"time"

	"github.com/reckon-bench/reckon/workloads/data/stream"
)

// FS returns the view as a file system to read, with fs.StatFS, fs.ReadDirFS and
// fs.ReadLinkFS; its files are io.ReaderAt and io.Seeker too. As those of
// os.DirFS do, Open follows symbolic links and Lstat does not.
func (v *View) FS() fs.FS { return system{v} }

type system struct{ v *View }

// maxLinks is how many symbolic links are followed from one name.
const maxLinks = 40

func (s system) find(op, name string, follow bool) (Entry, error) {
	if !fs.ValidPath(name) {
		return Entry{}, &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	at, path := Entry{}, name
	for range maxLinks {
		e, rest, err := s.walk(path)
		if err == nil && (e.Kind != Symlink || !follow && rest == "") {
			if rest != "" {
				err = errors.New("not a directory")
			} else {
				return e, nil
			}
		}
		if err != nil {
			return Entry{}, &fs.PathError{Op: op, Path: name, Err: err}
		}
		path = join(s.v.tree.directoryPath(e.Parent), s.v.Target(e), rest)
		at = e
	}
	return at, &fs.PathError{Op: op, Path: name, Err: errors.New("too many symbolic links")}
}

// walk goes down the path to its end or the first that is no directory, and
// returns what is then left of the path.
func (s system) walk(path string) (e Entry, rest string, err error) {
	for path != "" && path != "." {
		part, after := cut(path)
		var ok bool
		if e, ok = s.v.Lookup(e.Number, part); !ok {
			return e, "", fs.ErrNotExist
		}
		if path = after; e.Kind != Directory {
			return e, after, nil
		}
	}
	return e, "", nil
}

func (s system) Open(name string) (fs.File, error) {
	e, err := s.find("open", name, true)
	if err != nil {
		return nil, err
	}
	i := info{s.v, e, name}
	if e.Kind == Directory {
		next, stop := iter.Pull(s.v.Entries(e.Number))
		return &openDirectory{info: i, next: next, stop: stop}, nil
	}
	content, err := s.v.File(e)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return &openFile{i, content, io.NewSectionReader(content, 0, content.Size())}, nil
}

func (s system) Stat(name string) (fs.FileInfo, error) {
	e, err := s.find("stat", name, true)
	if err != nil {
		return nil, err
	}
	return info{s.v, e, name}, nil
}

func (s system) Lstat(name string) (fs.FileInfo, error) {
	e, err := s.find("lstat", name, false)
	if err != nil {
		return nil, err
	}
	return info{s.v, e, name}, nil
}

func (s system) ReadLink(name string) (string, error) {
	e, err := s.find("readlink", name, false)
	if err != nil {
		return "", err
	}
	if e.Kind != Symlink {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: fs.ErrInvalid}
	}
	return s.v.Target(e), nil
}

func (s system) ReadDir(name string) ([]fs.DirEntry, error) {
	e, err := s.find("readdir", name, true)
	if err != nil {
		return nil, err
	}
	if e.Kind != Directory {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: errors.New("not a directory")}
	}
	var all []fs.DirEntry
	for child := range s.v.Entries(e.Number) {
		all = append(all, info{s.v, child, child.Name})
	}
	sortByName(all)
	return all, nil
}

// An info is what fs.FileInfo and fs.DirEntry say of an entry. Its Sys is the Entry.
type info struct {
	v    *View
	e    Entry
	name string // by which it was asked for
}

func (i info) Name() string               { _, base := split(i.name); return base }
func (i info) Size() int64                { return i.v.Size(i.e) }
func (i info) IsDir() bool                { return i.e.Kind == Directory }
func (i info) Sys() any                   { return i.e }
func (i info) Type() fs.FileMode          { return i.Mode().Type() }
func (i info) Info() (fs.FileInfo, error) { return i, nil }
func (i info) String() string             { return fs.FormatFileInfo(i) }

func (i info) Mode() fs.FileMode {
	kind := map[Kind]fs.FileMode{Directory: fs.ModeDir, Symlink: fs.ModeSymlink}[i.e.Kind]
	return kind | fs.FileMode(i.v.Attributes(i.e).Mode)
}

// ModTime is a directory's generation's, since it has none of its own.
func (i info) ModTime() time.Time {
	if i.e.Kind == Directory {
		return i.v.tree.Start.Add(time.Duration(i.v.generation) * i.v.tree.Period)
	}
	return i.v.Attributes(i.e).Time
}

type openFile struct {
	info    info
	content *stream.View
	*io.SectionReader
}

func (f *openFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *openFile) Close() error               { return nil }

type openDirectory struct {
	info info
	next func() (Entry, bool)
	stop func()
}

func (d *openDirectory) Stat() (fs.FileInfo, error) { return d.info, nil }

func (d *openDirectory) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.info.name, Err: errors.New("is a directory")}
}

func (d *openDirectory) Close() error {
	d.stop()
	return nil
}

func (d *openDirectory) ReadDir(n int) (all []fs.DirEntry, err error) {
	for n <= 0 || len(all) < n {
		e, ok := d.next()
		if !ok {
			if n > 0 && len(all) == 0 {
				err = io.EOF
			}
			return all, err
		}
		all = append(all, info{d.info.v, e, e.Name})
	}
	return all, nil
}
