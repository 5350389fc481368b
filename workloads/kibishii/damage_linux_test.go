package kibishii

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// damageSpec has 3 directories, 8 files, 10 blocks a file.
var damageSpec = Spec{Levels: 2, Dirs: 3, Files: 2, Length: 10240, BlockSize: 1024, Pass: 3}

// Each row damages a sound tree in one way. What verifying makes of it is exact: nothing else is
// wrong, and it never aborts.
func TestDamage(t *testing.T) {
	flip := func(name string, at int) func(*testTree) {
		return func(t *testTree) {
			b := t.read(name)
			b[at] ^= 1
			t.write(name, b)
		}
	}
	other := func(s Spec, id Identity, path string) []byte { return content(s, id, path) }
	pass2 := damageSpec
	pass2.Pass = 2
	for _, c := range []struct {
		name   string
		spoil  func(*testTree)
		damage string // path: what; sorted, a line each
		counts string // missing, corrupted, extra files, missing directories
	}{
		{"nothing", func(*testTree) {}, "", "0 0 0 0"},
		{"a bit of the text", flip("dir1/file0", 7*1024+100), "dir1/file0: corrupt: block 7: sha1", "0 1 0 0"},
		{"a bit of the header", flip("file0", 3), "file0: corrupt: block 0: sha1", "0 1 0 0"},
		{"a bit of the zeros", flip("file0", 1024-30), "file0: corrupt: block 0: sha1", "0 1 0 0"},
		{"the last bit", flip("file1", 10239), "file1: corrupt: block 9: sha1", "0 1 0 0"},
		{"several blocks", func(t *testTree) {
			for _, n := range []int{5, 2, 8} {
				flip("file0", n*1024+50)(t)
			}
		}, "file0: corrupt: block 2: sha1, and 2 more blocks", "0 1 0 0"},
		{"blocks that changed places", func(t *testTree) {
			b := t.read("file0")
			t.write("file0", slices.Concat(b[:2048], b[4096:5120], b[3072:4096], b[2048:3072], b[5120:]))
		}, "file0: corrupt: block 2: offset 4096, want 2048, and 1 more blocks", "0 1 0 0"},
		{"an older pass", func(t *testTree) { t.write("dir0/file1", other(pass2, ours, "dir0/file1")) },
			"dir0/file1: corrupt: block 0: pass 2, want 3, and 9 more blocks", "0 1 0 0"},
		{"a hole", func(t *testTree) { t.write("file0", append(t.read("file0")[:9*1024], make([]byte, 1024)...)) },
			"file0: corrupt: block 9: sha1", "0 1 0 0"},
		{"every file", func(t *testTree) { everyFile(damageSpec, func(p string) { flip(p, 100)(t) }) }, // the original calls that success
			"dir0/file0: corrupt: block 0: sha1\ndir0/file1: corrupt: block 0: sha1\ndir1/file0: corrupt: block 0: sha1\ndir1/file1: corrupt: block 0: sha1\n" +
				"dir2/file0: corrupt: block 0: sha1\ndir2/file1: corrupt: block 0: sha1\nfile0: corrupt: block 0: sha1\nfile1: corrupt: block 0: sha1", "0 8 0 0"},
		{"a byte too many", func(t *testTree) { t.write("file0", append(t.read("file0"), 0)) }, "file0: length 10241, want 10240", "0 1 0 0"},
		{"a stale tail", func(t *testTree) { // as the original leaves it when a shorter tree is generated
			long := damageSpec
			long.Length *= 2
			t.write("file0", append(t.read("file0"), other(long, ours, "file0")[10240:]...))
		}, "file0: length 20480, want 10240", "0 1 0 0"},
		{"too short", func(t *testTree) { t.must(os.Truncate(t.path("file0"), 9216)) }, "file0: length 9216, want 10240", "0 1 0 0"},
		{"empty", func(t *testTree) { t.must(os.Truncate(t.path("file0"), 0)) }, "file0: length 0, want 10240", "0 1 0 0"},
		{"no file", func(t *testTree) { t.must(os.Remove(t.path("dir2/file1"))) }, "dir2/file1: missing", "1 0 0 0"},
		{"no directory", func(t *testTree) { t.must(os.RemoveAll(t.path("dir1"))) }, "dir1: missing", "2 0 0 1"},
		{"extra file", func(t *testTree) { t.write("dir1/file2", nil) }, "dir1/file2: extra", "0 0 1 0"},
		{"odd numbers", func(t *testTree) {
			t.write("file01", nil)
			t.write("file+1", nil)
			t.write("file-0", nil)
		}, "file+1: extra\nfile-0: extra\nfile01: extra", "0 0 3 0"},
		{"extra directory", func(t *testTree) {
			t.must(os.MkdirAll(t.path("dir3/more"), 0o777))
			t.must(os.Mkdir(t.path("dir0/dir0"), 0o777))
		}, "dir0/dir0: extra\ndir3: extra", "0 0 2 0"},
		{"a volume's own directory", func(t *testTree) { t.must(os.Mkdir(t.path("lost+found"), 0o700)) }, "", "0 0 0 0"},
		{"lost+found where none belongs", func(t *testTree) {
			t.must(os.Mkdir(t.path("dir0/lost+found"), 0o700))
			t.write("lost+found", nil)
		}, "dir0/lost+found: extra\nlost+found: extra", "0 0 2 0"},
		{"files that changed places", func(t *testTree) {
			t.must(os.Rename(t.path("file0"), t.path("x")))
			t.must(os.Rename(t.path("dir2/file1"), t.path("file0")))
			t.must(os.Rename(t.path("x"), t.path("dir2/file1")))
		}, "dir2/file1: identity: block 0 is n1/data:file0, want n1/data:dir2/file1, and 9 more blocks\n" +
			"file0: identity: block 0 is n1/data:dir2/file1, want n1/data:file0, and 9 more blocks", "0 2 0 0"},
		{"another node's file", func(t *testTree) { t.write("file0", other(damageSpec, theirs, "file0")) },
			"file0: identity: block 0 is n2/data:file0, want n1/data:file0, and 9 more blocks", "0 1 0 0"},
		{"nobody's file", func(t *testTree) { t.write("file0", other(damageSpec, Identity{}, "file0")) },
			"file0: identity: block 0 is nobody's, want n1/data:file0, and 9 more blocks", "0 1 0 0"},
		{"a directory for a file", func(t *testTree) { t.replace("file0", func(p string) error { return os.Mkdir(p, 0o777) }) },
			"file0: a directory, want a file", "0 1 0 0"},
		{"a file for a directory", func(t *testTree) { t.replace("dir0", func(p string) error { return os.WriteFile(p, nil, 0o666) }) },
			"dir0: a file, want a directory", "2 0 0 1"},
		{"a pipe", func(t *testTree) { t.replace("file0", func(p string) error { return syscall.Mkfifo(p, 0o666) }) },
			"file0: a named pipe, want a file", "0 1 0 0"},
		{"a socket", func(t *testTree) {
			t.replace("file0", func(p string) error { return unix.Mknod(p, unix.S_IFSOCK|0o666, 0) })
		}, "file0: a socket, want a file", "0 1 0 0"},
		{"a link to the very file", func(t *testTree) {
			t.must(os.Rename(t.path("file0"), t.root+".kept"))
			t.must(os.Symlink(t.root+".kept", t.path("file0")))
		}, "file0: a symbolic link, want a file", "0 1 0 0"},
		{"a link to the very directory", func(t *testTree) {
			t.must(os.Rename(t.path("dir2"), t.root+".dir"))
			t.must(os.Symlink(t.root+".dir", t.path("dir2")))
		}, "dir2: a symbolic link, want a directory", "2 0 0 1"},
		{"a link to nowhere", func(t *testTree) { t.replace("file0", func(p string) error { return os.Symlink("nowhere", p) }) },
			"file0: a symbolic link, want a file", "0 1 0 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := Options{Identity: ours}
			tree := planted(t, damageSpec, o)
			c.spoil(tree)
			r := tree.verify(damageSpec, o)
			if got := damageOf(r); got != c.damage {
				t.Errorf("damage\n%s\nwant\n%s", got, c.damage)
			}
			if got := fmt.Sprint(r.MissingFiles, r.CorruptedFiles, r.ExtraFiles, r.MissingDirs); got != c.counts {
				t.Errorf("counts %s, want %s", got, c.counts)
			}
			if r.Success() != (c.damage == "") {
				t.Errorf("success %v", r.Success())
			}
		})
	}
}

// damageOf is the damage, sorted, a line each.
func damageOf(r Result) string {
	var lines []string
	for _, d := range r.Damage {
		lines = append(lines, d.String())
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// replace puts something else in the place of what is there.
func (t *testTree) replace(name string, put func(path string) error) {
	t.Helper()
	t.must(os.RemoveAll(t.path(name)))
	t.must(put(t.path(name)))
}

// Without an identity files without one may change places: they are the same. Of files with one, as
// of all, only header and checksum count.
func TestWithoutIdentity(t *testing.T) {
	tree := planted(t, damageSpec, Options{Identity: theirs})
	tree.must(os.Rename(tree.path("file0"), tree.path("dir1/file1")))
	tree.write("file0", content(damageSpec, Identity{}, "file0"))
	tree.sound(damageSpec, Options{})
	b := tree.read("dir1/file1")
	b[5*1024+70] ^= 4
	tree.write("dir1/file1", b)
	if got := damageOf(tree.verify(damageSpec, Options{})); got != "dir1/file1: corrupt: block 5: sha1" {
		t.Error(got)
	}
}

// A volume that was swapped for another one is found as a whole.
func TestSwappedVolumes(t *testing.T) {
	tree := planted(t, damageSpec, Options{Identity: Identity{"n1", "data"}})
	r := tree.verify(damageSpec, Options{Identity: Identity{"n1", "log"}})
	if r.CorruptedFiles != damageSpec.Size().Files || r.Success() {
		t.Errorf("%v", r)
	}
}

func TestAllowExtra(t *testing.T) {
	tree := planted(t, damageSpec, Options{})
	tree.write("dir0/notes", nil)
	tree.sound(damageSpec, Options{AllowExtra: true})
	if r := tree.verify(damageSpec, Options{}); r.Success() {
		t.Error("extra files are a success")
	}
}

// Blocks larger than a piece are judged as a whole, too.
func TestLargeBlockDamage(t *testing.T) {
	s := Spec{Files: 2, Length: 3 * (3*pieceSize + 7), BlockSize: 3*pieceSize + 7, Pass: 1}
	for _, id := range []Identity{{}, ours} {
		o := Options{Identity: id}
		tree := planted(t, s, o)
		for _, at := range []int64{s.BlockSize, s.BlockSize + pieceSize + 5, 2*s.BlockSize - 1} {
			whole := tree.read("file1")
			spoiled := slices.Clone(whole)
			spoiled[at] ^= 0x80
			tree.write("file1", spoiled)
			if got := damageOf(tree.verify(s, o)); got != "file1: corrupt: block 1: sha1" {
				t.Errorf("byte %d: %s", at, got)
			}
			tree.write("file1", whole)
		}
		tree.write("file0", content(s, theirs, "file0"))
		want := ""
		if id == ours {
			want = "file0: identity: block 0 is n2/data:file0, want n1/data:file0, and 2 more blocks"
		}
		if got := damageOf(tree.verify(s, o)); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// The damage in parts of a file adds up.
func TestPartsDamage(t *testing.T) {
	s := Spec{Files: 1, Length: 4 * partBytes, BlockSize: 1 << 20, Pass: 1}
	tree := planted(t, s, Options{})
	b := tree.read("file0")
	for _, n := range []int{15, 6, 11} {
		b[n<<20+500] ^= 1
	}
	tree.write("file0", b)
	if got := damageOf(tree.verify(s, Options{})); got != "file0: corrupt: block 6: sha1, and 2 more blocks" {
		t.Error(got)
	}
}

// However much is wrong, a result stays small and says how much more there is.
func TestDamageIsBounded(t *testing.T) {
	r := grown(t).verify(Spec{Levels: 1, Files: 150, Length: 40, BlockSize: 40}, Options{})
	if len(r.Damage) != 100 || r.MoreDamage != 50 || r.MissingFiles != 150 {
		t.Errorf("%d damages and %d more, %v", len(r.Damage), r.MoreDamage, r)
	}
}

// A tree that is not there at all is counted, not walked: this one has 10^15 files.
func TestHugeMissingTree(t *testing.T) {
	s := Spec{Levels: 15, Dirs: 10, Files: 1, Length: 40, BlockSize: 40}
	r := grown(t).verify(s, Options{})
	if r.MissingDirs != s.Size().Dirs || r.MissingFiles != s.Size().Files {
		t.Errorf("%v", r)
	}
}

// A shorter pass leaves nothing of the longer one before it.
func TestShorterPass(t *testing.T) {
	long, short := damageSpec, damageSpec
	long.Length, long.Pass = 4*10240, 2
	tree := planted(t, long, Options{Identity: ours})
	tree.generate(short, Options{Identity: ours})
	tree.sound(short, Options{Identity: ours})
	if n := len(tree.read("dir2/file1")); n != 10240 {
		t.Errorf("%d bytes", n)
	}
}

// What is left of a larger tree stays, because it might be somebody's; verifying names it.
func TestSmallerTree(t *testing.T) {
	small := damageSpec
	small.Dirs = 2
	tree := planted(t, damageSpec, Options{})
	tree.generate(small, Options{})
	if got := damageOf(tree.verify(small, Options{})); got != "dir2: extra" {
		t.Error(got)
	}
}

// A file with several names gets one of its own: the others may be a backup's.
func TestHardLinks(t *testing.T) {
	tree := planted(t, damageSpec, Options{})
	backup := filepath.Join(t.TempDir(), "file0")
	tree.must(os.Link(tree.path("file0"), backup))
	before := tree.read("file0")
	next := damageSpec
	next.Pass++
	tree.generate(next, Options{})
	tree.sound(next, Options{})
	after, err := os.ReadFile(backup)
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the other link changed: %v", err)
	}
}

// Generating writes through no link, and says what is in its way.
func TestGenerateInTheWay(t *testing.T) {
	for _, c := range []struct {
		name string
		put  func(path string) error
		want string
	}{
		{"file1", func(p string) error { return os.Symlink("/dev/null", p) }, "open file file1: a symbolic link, want a file"},
		{"file1", func(p string) error { return os.Mkdir(p, 0o777) }, "open file file1: a directory, want a file"},
		{"file1", func(p string) error { return syscall.Mkfifo(p, 0o666) }, "open file file1: a named pipe, want a file"},
		{"dir1", func(p string) error { return os.Symlink("/", p) }, "open directory dir1: a symbolic link, want a directory"},
		{"dir1", func(p string) error { return os.WriteFile(p, nil, 0o666) }, "open directory dir1: a file, want a directory"}, // the original does not look
	} {
		tree := planted(t, damageSpec, Options{})
		tree.replace(c.name, c.put)
		if r := tree.fail(CmdGenerate, damageSpec, Options{}); r.Error != c.want {
			t.Errorf("%s, want %s", r.Error, c.want)
		}
	}
}

func TestBadRoot(t *testing.T) {
	tree := grown(t)
	tree.write("file", nil)
	for root, want := range map[string]string{
		tree.path("absent"): "does not exist; it must be a directory",
		tree.path("file"):   "is not a directory",
	} {
		for _, cmd := range []Command{CmdGenerate, CmdVerify} {
			bad := &testTree{t, root}
			if r := bad.fail(cmd, Spec{}, Options{}); r.Error != "root "+root+": "+want {
				t.Errorf("%s", r.Error)
			}
		}
	}
	tree.must(os.Symlink(tree.root, tree.path("link"))) // a root may be reached through one
	tree.must(os.Remove(tree.path("file")))
	(&testTree{t, tree.path("link")}).generate(Spec{Files: 1, Length: 40, BlockSize: 40}, Options{})
}

// Both refuse an identity that a block cannot hold.
func TestIdentityFits(t *testing.T) {
	s := Spec{Levels: 2, Dirs: 11, Files: 101, Length: 82, BlockSize: 82}
	for _, cmd := range []Command{CmdGenerate, CmdVerify} {
		r := grown(t).fail(cmd, s, Options{Identity: ours})
		want := "block size 82: must be at least 83 to hold the identity n1/data with the longest path of this tree" // \nn1/data:dir10/file100\n
		if r.Error != want {
			t.Errorf("%s", r.Error)
		}
	}
	s.Length, s.BlockSize = 83, 83
	tree := planted(t, s, Options{Identity: ours})
	tree.sound(s, Options{Identity: ours})
	tree.must(os.Rename(tree.path("dir10/file100"), tree.path("dir10/file10")))
	if r := tree.verify(s, Options{Identity: ours}); r.CorruptedFiles != 1 || r.MissingFiles != 1 {
		t.Errorf("%v", r)
	}
}
