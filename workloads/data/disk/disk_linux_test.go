package disk

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reckon-bench/reckon/workloads/data/damage"
	"github.com/reckon-bench/reckon/workloads/data/draw"
	"github.com/reckon-bench/reckon/workloads/data/tree"
)

func spec() tree.Spec {
	return tree.Spec{
		Seed: 12, Size: 24 << 20, Files: 120, Directories: 12, Fanout: 4,
		Symlinks: draw.RateOf(0.05), Holes: draw.RateOf(0.2), HardLinks: draw.RateOf(0.2), Xattrs: draw.RateOf(0.2),
		Change: draw.RateOf(0.1), Growth: draw.RateOf(0.03), Attributes: draw.RateOf(0.1),
		Start: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), Period: 48 * time.Hour,
	}
}

func options() Options { return Options{NoOwners: os.Geteuid() != 0, Workers: 3} }

func view(t *testing.T, s tree.Spec, g int) *tree.View {
	t.Helper()
	tr, err := tree.New(s, 6)
	if err != nil {
		t.Fatal(err)
	}
	v, err := tr.At(g)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func generate(t *testing.T, v *tree.View) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "tree")
	if err := Generate(context.Background(), dir, v, options()); err != nil {
		t.Fatal(err)
	}
	return dir
}

func verify(t *testing.T, dir string, v *tree.View) *damage.Report {
	t.Helper()
	r, err := Verify(context.Background(), dir, v, options())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// right wants the tree to verify, and to be what a plain walk finds.
func right(t *testing.T, dir string, v *tree.View) {
	t.Helper()
	r := verify(t, dir, v)
	want := v.Totals()
	if !r.OK() || r.Files != want.Files || r.Directories != want.Directories || r.Bytes != want.Bytes {
		t.Fatalf("generation %d: %d files, %d directories, %d bytes, want %+v; %v", r.Generation, r.Files, r.Directories, r.Bytes, want, r.Damage)
	}
	var got tree.Totals
	inodes := map[uint64]bool{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir || d.Name() == LabelName {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		info, err := d.Info()
		if err != nil {
			return err
		}
		should, err := fs.Lstat(v.FS(), name)
		if err != nil || should.Mode() != info.Mode() && d.Type() != fs.ModeSymlink || !d.IsDir() && !should.ModTime().Equal(info.ModTime()) {
			t.Errorf("%s: %v, want %v, %v", name, info, should, err)
			return nil
		}
		switch {
		case d.IsDir():
			got.Directories++
			return nil
		case d.Type() == fs.ModeSymlink:
			got.Symlinks++
		default:
			is, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			if said, err := fs.ReadFile(v.FS(), name); err != nil || !bytes.Equal(is, said) {
				t.Errorf("%s: %d bytes, want %d, %v", name, len(is), len(said), err)
			}
			if ino := info.Sys().(*syscall.Stat_t).Ino; !inodes[ino] {
				inodes[ino] = true
				got.Inodes++
				got.Bytes += info.Size()
			}
		}
		got.Files++
		return nil
	})
	if err != nil || got != want {
		t.Errorf("a walk finds %+v, want %+v, %v", got, want, err)
	}
}

func TestGenerations(t *testing.T) {
	for name, change := range map[string]func(*tree.Spec){
		"all":     func(*tree.Spec) {},
		"aligned": func(s *tree.Spec) { s.Spread.Extent, s.Spread.Align = 8192, 4096 },
		"text": func(s *tree.Spec) {
			s.Redundancy, s.Duplication, s.Spread.Extent, s.Spread.Align = draw.One/2, 2, 500, 1
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := spec()
			change(&s)
			dir := generate(t, view(t, s, 0))
			right(t, dir, view(t, s, 0))
			for g := 1; g <= 3; g++ {
				if got, err := Advance(context.Background(), dir, options()); err != nil || got != g {
					t.Fatalf("advanced to %d, %v", got, err)
				}
				right(t, dir, view(t, s, g))
			}
			if r := verify(t, dir, view(t, s, 2)); r.OK() {
				t.Error("generation 3 passes for generation 2")
			}
			right(t, generate(t, view(t, s, 3)), view(t, s, 3))
		})
	}
}

// What does not change is not written to.
func TestAdvanceTouchesOnlyWhatChanges(t *testing.T) {
	s := spec()
	dir := generate(t, view(t, s, 0))
	written := func() map[string]syscall.Timespec {
		all := map[string]syscall.Timespec{}
		v := view(t, s, 0)
		_ = fs.WalkDir(v.FS(), ".", func(path string, d fs.DirEntry, err error) error {
			var st syscall.Stat_t
			if syscall.Lstat(filepath.Join(dir, path), &st) == nil && !d.IsDir() {
				all[path] = st.Ctim
			}
			return err
		})
		return all
	}
	before := written()
	if _, err := Advance(context.Background(), dir, options()); err != nil {
		t.Fatal(err)
	}
	old, v := view(t, s, 0), view(t, s, 1)
	_ = old
	kept, changed := 0, 0
	for path, is := range written() {
		e, ok := v.Resolve(path)
		if !ok {
			t.Errorf("%s is still there", path)
			continue
		}
		moved := before[path] != is
		should := v.Changed(e) || !same(old.Attributes(e), v.Attributes(e)) || old.Links(e) != v.Links(e)
		if moved != should {
			t.Errorf("%s: touched %v, want %v", path, moved, should)
		}
		if moved {
			changed++
		} else {
			kept++
		}
	}
	if kept < 30 || changed < 10 {
		t.Errorf("%d kept, %d changed", kept, changed)
	}
}

// A call that was cut short says so, and the same call goes on and does not begin anew.
func TestInterruptedCallsGoOn(t *testing.T) {
	s := spec()
	dir := filepath.Join(t.TempDir(), "tree")
	v := view(t, s, 0)
	cut := func(do func(context.Context, Options) error, after int64) {
		t.Helper()
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		o := options()
		o.Progress = new(Progress)
		ended := make(chan struct{})
		go func() {
			for {
				if files, _ := o.Progress.Done(); files >= after {
					cancel()
					return
				}
				select {
				case <-ended:
					return
				case <-time.After(100 * time.Microsecond):
				}
			}
		}()
		err := do(ctx, o)
		close(ended)
		if err != nil && !strings.Contains(err.Error(), "is there in part, and the same command goes on with it") {
			t.Fatal(err)
		}
	}
	for _, after := range []int64{5, 30, 80} {
		cut(func(ctx context.Context, o Options) error { return Generate(ctx, dir, v, o) }, after)
	}
	if l, err := ReadLabel(dir); err != nil {
		t.Fatal(err)
	} else if l.Writing == 0 {
		if _, err := Advance(context.Background(), dir, options()); err == nil || !strings.Contains(err.Error(), "finish that first") {
			t.Errorf("advanced what is not complete: %v", err)
		}
	}
	if err := Generate(context.Background(), dir, v, options()); err != nil {
		t.Fatal(err)
	}
	right(t, dir, v)
	for _, after := range []int64{5, 30, 80} {
		if l, err := ReadLabel(dir); err != nil || l.Generation == 1 {
			break
		}
		cut(func(ctx context.Context, o Options) error { _, err := Advance(ctx, dir, o); return err }, after)
	}
	if l, _ := ReadLabel(dir); l.Generation == 0 {
		if _, err := Advance(context.Background(), dir, options()); err != nil {
			t.Fatal(err)
		}
	}
	right(t, dir, view(t, s, 1))
}

func TestRefusesOtherDirectories(t *testing.T) {
	s := spec()
	v := view(t, s, 0)
	dir := generate(t, v)
	other := s
	other.Seed++
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "mine"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct {
		dir  string
		v    *tree.View
		want string
	}{
		"another seed":       {dir, view(t, other, 0), "holds a tree of another configuration (seed 12"},
		"another generation": {dir, view(t, s, 1), "holds generation 0; advance takes it to the next"},
		"somebody's files":   {full, v, `has "mine" in it and no label`},
		"a file":             {filepath.Join(full, "mine"), v, "not a directory"},
	} {
		if err := Generate(context.Background(), c.dir, c.v, options()); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", what, err, c.want)
		}
	}
	if _, err := Advance(context.Background(), full, options()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("advance of a directory with no label: %v", err)
	}
	label := filepath.Join(dir, LabelName)
	text, err := os.ReadFile(label)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(label, bytes.Replace(text, []byte(`"format": 1`), []byte(`"format": 99`), 1), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadLabel(dir); err == nil || !strings.Contains(err.Error(), "format 99; this reckon has format 1") {
		t.Errorf("another format: %v", err)
	}
	right(t, generate(t, v), v)
}

// A full disk is said in one line, and with more room the same call goes on.
func TestFullDiskGoesOn(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=5m"); err != nil {
		t.Skipf("wants to mount a small file system: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	s := spec()
	s.Size, s.Xattrs = 8<<20, 0
	v := view(t, s, 0)
	into := filepath.Join(dir, "tree")
	err := Generate(context.Background(), into, v, options())
	if !errors.Is(err, unix.ENOSPC) || !strings.Contains(err.Error(), "generation 0 is there in part, and the same command goes on with it") || strings.Contains(err.Error(), "\n") {
		t.Fatalf("%v", err)
	}
	if r := verify(t, into, v); r.OK() {
		t.Error("what is there in part is said to be whole")
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_REMOUNT, "size=50m"); err != nil {
		t.Fatal(err)
	}
	if err := Generate(context.Background(), into, v, options()); err != nil {
		t.Fatal(err)
	}
	right(t, into, v)
}

// Trees that are too deep for a path, and too wide for a list.
func TestExtremeTrees(t *testing.T) {
	for name, change := range map[string]func(*tree.Spec){
		"deep":  func(s *tree.Spec) { s.Directories, s.Fanout = 700, 1 },
		"huge":  func(s *tree.Spec) { s.Directories, s.Files = 0, 5_000 },
		"empty": func(s *tree.Spec) { s.Directories, s.Files, s.Size = 0, 0, 0 },
		"links": func(s *tree.Spec) { s.HardLinks = draw.One },
		"tiny":  func(s *tree.Spec) { s.Files, s.Size, s.Symlinks = 3, 3, 0 },
	} {
		t.Run(name, func(t *testing.T) {
			s := spec()
			s.Size, s.Files = 1<<20, 500
			change(&s)
			dir := generate(t, view(t, s, 0))
			for g := range 3 {
				if g > 0 {
					if _, err := Advance(context.Background(), dir, options()); err != nil {
						t.Fatal(err)
					}
				}
				v := view(t, s, g)
				r := verify(t, dir, v)
				if want := v.Totals(); !r.OK() || r.Files != want.Files || r.Directories != want.Directories || r.Bytes != want.Bytes {
					t.Errorf("generation %d: %d files, %d directories, %d bytes of %+v; %v", g, r.Files, r.Directories, r.Bytes, want, r.Damage)
				}
			}
		})
	}
}
