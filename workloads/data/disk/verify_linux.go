package disk

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/reckon-bench/reckon/workloads/data/damage"
	"github.com/reckon-bench/reckon/workloads/data/trace"
	"github.com/reckon-bench/reckon/workloads/data/tree"
)

// Verify compares dir with the view: names, types, sizes, contents, holes,
// links and attributes, and that there is nothing else. What is wrong is in the
// report; an error means that verifying was not carried through. Wrong bytes are
// looked for in all generations of the view's tree and in the others.
func Verify(ctx context.Context, dir string, v *tree.View, o Options, others ...*tree.Tree) (*damage.Report, error) {
	if o.Progress == nil {
		o.Progress = new(Progress)
	}
	o.Progress.begin(v.Totals())
	root, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("verify %s: %w", dir, err)
	}
	defer unix.Close(root)
	r := &damage.Report{Generation: v.Generation(), Damage: []damage.Damage{}, Skipped: []string{}}
	for _, s := range []struct {
		skip bool
		what string
	}{{o.NoOwners, "owners"}, {o.NoXattrs && v.Tree().Xattrs > 0, "extended attributes"}, {o.NoHoles && v.Tree().Spec.Holes > 0, "holes"}} {
		if s.skip {
			r.Skipped = append(r.Skipped, s.what)
		}
	}
	c := &checker{root: root, view: v, o: o, r: r}
	trees := append([]*tree.Tree{v.Tree()}, others...)
	w := walk{view: v, root: root, workers: o.workers(), enter: c.directory, listed: c.extra, do: c.entry}
	for range w.workers {
		c.readers = append(c.readers, newReader(trace.New(trees...)))
	}
	return r, w.run(ctx)
}

// A checker verifies; its methods are a walk's.
type checker struct {
	root    int
	view    *tree.View
	o       Options
	r       *damage.Report
	readers []*reader
}

// directory opens a directory and verifies its attributes.
func (c *checker) directory(d tree.Entry, path string) (int, bool, error) {
	fd, err := openDirectory(c.root, path)
	switch {
	case errors.Is(err, unix.ENOENT):
		c.r.Add(damage.Damage{Path: path, Kind: damage.Missing, What: "is not there, nor anything below it"})
		return 0, false, nil
	case errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.ELOOP):
		c.r.Add(damage.Damage{Path: path, Kind: damage.Type, What: "is no directory, and should be one"})
		return 0, false, nil
	case err != nil:
		c.r.Add(damage.Damage{Path: path, Kind: damage.Failed, What: "open: " + err.Error()})
		return 0, false, nil
	}
	if d.Number == 0 {
		return fd, true, nil // the root belongs to whoever made it
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		unix.Close(fd)
		return 0, false, err
	}
	found := c.attributes(path, &st, c.view.Attributes(d), false)
	c.r.Add(found...)
	if len(found) == 0 {
		c.r.Count(0, 1, 0)
	}
	return fd, true, nil
}

// extra finds names that do not belong into the directory.
func (c *checker) extra(in *folder) error {
	fd, err := unix.Openat(in.fd, ".", dirFlags, 0)
	if err != nil {
		return fmt.Errorf("list %s: %w", damage.Printable(in.path), err)
	}
	f := os.NewFile(uintptr(fd), in.path)
	defer f.Close()
	for {
		names, err := f.Readdirnames(1024)
		for _, name := range names {
			if _, ok := c.view.Lookup(in.number, name); !ok && !ours(in.number, name) {
				c.r.Add(damage.Damage{Path: in.at(name), Kind: damage.Extra, What: c.surplus(in, name)})
			}
		}
		if err != nil || len(names) == 0 {
			return nil // io.EOF; another error makes names missing, which is said of each
		}
	}
}

// surplus says what an extra name may be.
func (c *checker) surplus(in *folder, name string) string {
	last := -1
	for g := range c.view.Tree().Last() + 1 {
		if v, err := c.view.Tree().At(g); err == nil {
			if _, ok := v.Lookup(in.number, name); ok {
				last = g
			}
		}
	}
	if last >= 0 {
		return fmt.Sprintf("should not be there; it belongs to generation %d", last)
	}
	return "should not be there"
}

// entry verifies a name that is no directory.
func (c *checker) entry(worker int, in *folder, e tree.Entry) error {
	path := in.at(e.Name)
	var found []damage.Damage
	var bytes int64
	var st unix.Stat_t
	err := unix.Fstatat(in.fd, e.Name, &st, unix.AT_SYMLINK_NOFOLLOW)
	want := map[tree.Kind]uint32{tree.File: unix.S_IFREG, tree.Symlink: unix.S_IFLNK}[e.Kind]
	switch {
	case errors.Is(err, unix.ENOENT):
		found = []damage.Damage{{Path: path, Kind: damage.Missing, What: "is not there"}}
	case err != nil:
		found = []damage.Damage{{Path: path, Kind: damage.Failed, What: err.Error()}}
	case st.Mode&unix.S_IFMT != want:
		found = []damage.Damage{{Path: path, Kind: damage.Type, What: fmt.Sprintf("is a %s, want a %v", kindOf(st.Mode), e.Kind)}}
	case e.Kind == tree.Symlink:
		found = c.symlink(in, e, path, &st)
	default:
		found, bytes = c.file(c.readers[worker], in, e, path, &st)
	}
	c.r.Add(found...)
	if len(found) == 0 {
		c.r.Count(1, 0, bytes)
	} else {
		c.r.Count(0, 0, bytes)
	}
	c.o.Progress.files.Add(1)
	return nil
}

func (c *checker) symlink(in *folder, e tree.Entry, path string, st *unix.Stat_t) (found []damage.Damage) {
	got, err := readlink(in.fd, e.Name)
	if err != nil {
		return []damage.Damage{{Path: path, Kind: damage.Failed, What: "read link: " + err.Error()}}
	}
	if want := c.view.Target(e); got != want {
		found = append(found, damage.Damage{Path: path, Kind: damage.Target, What: fmt.Sprintf("leads to %q, want %q", got, want)})
	}
	return append(found, c.attributes(path, st, c.view.Attributes(e), true)...)
}

// attributes compares mode, owner and time; a symbolic link has no mode, a directory's time is its own.
func (c *checker) attributes(path string, st *unix.Stat_t, want tree.Attributes, isLink bool) (found []damage.Damage) {
	if mode := st.Mode & 0o7777; mode != want.Mode && !isLink {
		found = append(found, damage.Damage{Path: path, Kind: damage.Mode, What: fmt.Sprintf("is %04o, want %04o", mode, want.Mode)})
	}
	if !c.o.NoOwners && (st.Uid != want.UID || st.Gid != want.GID) {
		found = append(found, damage.Damage{Path: path, Kind: damage.Owner, What: fmt.Sprintf("is %d:%d, want %d:%d", st.Uid, st.Gid, want.UID, want.GID)})
	}
	if !want.Time.IsZero() && (st.Mtim.Sec != want.Time.Unix() || st.Mtim.Nsec != 0) {
		const layout = "2006-01-02T15:04:05.999999999Z"
		got := unixTime(st.Mtim)
		found = append(found, damage.Damage{Path: path, Kind: damage.Time, What: fmt.Sprintf("is %s, want %s", got.Format(layout), want.Time.UTC().Format(layout))})
	}
	return found
}

// links verifies that the names of a file are one file.
func (c *checker) links(e tree.Entry, path string, st *unix.Stat_t) (found []damage.Damage) {
	if !c.view.First(e) {
		dir, name, err := first(c.root, c.view, e)
		var other unix.Stat_t
		if err == nil {
			err = unix.Fstatat(dir, name, &other, unix.AT_SYMLINK_NOFOLLOW)
			unix.Close(dir)
		}
		if err != nil || other.Dev != st.Dev || other.Ino != st.Ino {
			return []damage.Damage{{Path: path, Kind: damage.Link, What: fmt.Sprintf("is a file of its own, want another name of %q", c.firstPath(e))}}
		}
		return nil
	}
	if want := c.view.Links(e); int(st.Nlink) != want {
		var names []string
		for n := range c.view.Names(uint32(e.Number)) {
			names = append(names, fmt.Sprintf("%q", c.view.Path(n)))
		}
		found = append(found, damage.Damage{Path: path, Kind: damage.Link, What: fmt.Sprintf("has %d names, want %d: %s", st.Nlink, want, strings.Join(names, ", "))})
	}
	return found
}

func (c *checker) firstPath(e tree.Entry) string {
	for n := range c.view.Names(uint32(e.Number)) {
		return c.view.Path(n)
	}
	return ""
}

// xattrs compares the extended attributes that a file should have.
func (c *checker) xattrs(fd int, path string, want map[string]string) (found []damage.Damage) {
	buf := make([]byte, 256)
	for name, value := range want {
		n, err := unix.Fgetxattr(fd, name, buf)
		switch got := string(buf[:max(n, 0)]); {
		case err != nil:
			found = append(found, damage.Damage{Path: path, Kind: damage.Xattr, What: fmt.Sprintf("%s: %v", name, err)})
		case got != value:
			found = append(found, damage.Damage{Path: path, Kind: damage.Xattr, What: fmt.Sprintf("%s is %q, want %q", name, got, value)})
		}
	}
	return found
}
