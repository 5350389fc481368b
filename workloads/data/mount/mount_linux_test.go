package mount

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/reckon-bench/reckon/workloads/data/damage"
	"github.com/reckon-bench/reckon/workloads/data/disk"
	"github.com/reckon-bench/reckon/workloads/data/draw"
	"github.com/reckon-bench/reckon/workloads/data/expect"
	"github.com/reckon-bench/reckon/workloads/data/tree"
)

// scene is a mounted tree with some generations, each also to be restored.
type scene struct {
	t        *testing.T
	dir      string
	views    []*tree.View
	restores []*expect.Restore
}

func newScene(t *testing.T, o expect.Options) *scene {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("wants root, to mount")
	}
	if f, err := os.OpenFile(device, os.O_RDWR, 0); err != nil {
		t.Skipf("there is no FUSE here: %v", err)
	} else {
		f.Close()
	}
	tr, err := tree.New(tree.Spec{
		Seed: 12, Size: 12 << 20, Files: 150, Directories: 15, Fanout: 4,
		Symlinks: draw.RateOf(0.05), Holes: draw.RateOf(0.2), HardLinks: draw.RateOf(0.2), Xattrs: draw.RateOf(0.2),
		Change: draw.RateOf(0.1), Growth: draw.RateOf(0.03), Attributes: draw.RateOf(0.1),
		Start: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), Period: 48 * time.Hour,
	}, 4)
	if err != nil {
		t.Fatal(err)
	}
	s := &scene{t: t, dir: t.TempDir()}
	var folders []Folder
	for g := range 5 {
		v, err := tr.At(g)
		if err != nil {
			t.Fatal(err)
		}
		r, err := expect.New(v, ".", o)
		if err != nil {
			t.Fatal(err)
		}
		s.views, s.restores = append(s.views, v), append(s.restores, r)
		name := string(rune('0' + g))
		folders = append(folders, Folder{Name: "gen" + name, View: v}, Folder{Name: "restore" + name, Restore: r})
	}
	server, err := Mount(s.dir, folders)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Unmount(); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	return s
}

func (s *scene) at(parts ...string) string {
	return filepath.Join(append([]string{s.dir}, parts...)...)
}

// run runs a tool in a directory, and skips the test where there is none. A shell changes to the
// directory: if this process did between fork and exec, it would wait for the mount, which it serves itself.
func (s *scene) run(dir string, env []string, name string, args ...string) {
	s.t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		s.t.Skipf("%s is not installed", name)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", append([]string{"-c", `cd "$0" && exec "$@"`, dir, name}, args...)...)
	cmd.Env = append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

// restoredAll wants the restore to be whole and right.
func (s *scene) restoredAll(g int) {
	s.t.Helper()
	r, want := s.restores[g].Report(), s.views[g].Totals()
	for _, d := range r.Damage {
		s.t.Errorf("generation %d: %v", g, d)
	}
	if r.Files != want.Files || r.Directories != want.Directories {
		s.t.Errorf("generation %d: %d files and %d directories are right of %+v", g, r.Files, r.Directories, want)
	}
}

// What is mounted passes the verify that files on a disk pass: bytes, holes, links, attributes.
func TestGenerationsAreFiles(t *testing.T) {
	s := newScene(t, expect.Options{})
	for g, v := range s.views {
		r, err := disk.Verify(context.Background(), s.at("gen"+string(rune('0'+g))), v, disk.Options{})
		if err != nil || !r.OK() || r.Files != v.Totals().Files {
			t.Errorf("generation %d: %v, %v", g, r.Damage, err)
		}
	}
	if err := os.WriteFile(s.at("gen0", "new"), nil, 0o644); err == nil {
		t.Error("a generation can be written to")
	}
	// Inode numbers are of names of one file alike, and differ between all else.
	seen := map[uint64]string{}
	for g, v := range s.views {
		err := fs.WalkDir(v.FS(), ".", func(path string, d fs.DirEntry, err error) error {
			if err != nil || path == "." {
				return err
			}
			var st syscall.Stat_t
			if err := syscall.Lstat(s.at("gen"+string(rune('0'+g)), path), &st); err != nil {
				return err
			}
			e, _ := v.Resolve(path)
			id := v.Tree().Directory(0).Name + string(rune('0'+g)) + e.Kind.String() + string(rune(e.ID()&0xffff)) + string(rune(e.ID()>>32&0xffff))
			if other, ok := seen[st.Ino]; ok && other != id {
				t.Errorf("%s of generation %d has the inode number of %q", path, g, other)
			}
			seen[st.Ino] = id
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
}

// Real tools restore generations, from the mount itself or from backups, and every write is compared.
func TestToolsRestore(t *testing.T) {
	for name, tool := range map[string]func(s *scene, g, from, to string){
		"cp": func(s *scene, _, from, to string) {
			s.run(s.dir, nil, "cp", "-a", "--sparse=always", from+"/.", to)
		},
		"rsync": func(s *scene, _, from, to string) {
			s.run(s.dir, nil, "rsync", "-aHXS", "--numeric-ids", from+"/", to)
		},
		"rsync in place": func(s *scene, _, from, to string) {
			s.run(s.dir, nil, "rsync", "-aHX", "--inplace", "--numeric-ids", from+"/", to)
		},
		"tar": func(s *scene, g, from, to string) {
			archive := filepath.Join(s.t.TempDir(), "archive.tar")
			s.run(from, nil, "tar", "--xattrs", "--format=posix", "--sparse", "--numeric-owner", "-cf", archive, ".")
			s.run(to, nil, "tar", "--xattrs", "--xattrs-include=*", "--numeric-owner", "-xpf", archive, "--warning=no-timestamp")
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, expect.Options{})
			s.t = t
			for g := range s.views {
				n := string(rune('0' + g))
				tool(s, n, s.at("gen"+n), s.at("restore"+n))
				s.restoredAll(g)
			}
		})
	}
}

// Backups of generation 0 to 4, and a restore of each.
func TestBackupsRestore(t *testing.T) {
	for name, tool := range map[string]struct {
		setUp, backUp, restore func(s *scene, repository, g string)
	}{
		"restic": {
			func(s *scene, repository, _ string) {
				s.run(s.dir, env(repository), "restic", "init", "--no-cache", "-q")
			},
			func(s *scene, repository, g string) {
				s.run(s.at("gen"+g), env(repository), "restic", "backup", "--no-cache", "-q", "--tag", "gen"+g, ".")
			},
			func(s *scene, repository, g string) {
				s.run(s.dir, env(repository), "restic", "restore", "--no-cache", "-q", "--tag", "gen"+g, "latest", "--target", s.at("restore"+g))
			},
		},
		"borg": {
			func(s *scene, repository, _ string) {
				s.run(s.dir, env(repository), "borg", "init", "-e", "none", repository)
			},
			func(s *scene, repository, g string) {
				s.run(s.at("gen"+g), env(repository), "borg", "create", "--numeric-ids", repository+"::gen"+g, ".")
			},
			func(s *scene, repository, g string) {
				s.run(s.at("restore"+g), env(repository), "borg", "extract", "--numeric-ids", "--sparse", repository+"::gen"+g)
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, expect.Options{})
			s.t = t
			repository := filepath.Join(t.TempDir(), "repository")
			tool.setUp(s, repository, "")
			for g := range s.views {
				tool.backUp(s, repository, string(rune('0'+g)))
			}
			for g := range s.views {
				tool.restore(s, repository, string(rune('0'+g)))
				s.restoredAll(g)
			}
		})
	}
}

func env(repository string) []string {
	return []string{"RESTIC_REPOSITORY=" + repository, "RESTIC_PASSWORD=x", "BORG_BASE_DIR=" + repository + ".base", "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK=yes"}
}

// A restore of another generation is not accepted: its wrong writes fail, and say where their bytes come from.
func TestWrongRestoreFails(t *testing.T) {
	s := newScene(t, expect.Options{})
	cmd := exec.Command("cp", "-a", s.at("gen1")+"/.", s.at("restore2"))
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "Input/output error") {
		t.Errorf("cp: %v, %s", err, out)
	}
	var r damage.Report
	text, err := os.ReadFile(s.at("restore2" + ReportSuffix))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	kinds := map[damage.Kind]int{}
	stale := 0
	for _, d := range r.Damage {
		kinds[d.Kind]++
		if strings.Contains(d.What, "stale: ") && d.Origin != nil && d.Origin.Last == 1 {
			stale++
		}
	}
	if stale == 0 || kinds[damage.Missing] == 0 || kinds[damage.Extra] == 0 || kinds[damage.Time] == 0 {
		t.Errorf("%d stale, %v", stale, kinds)
	}
}

func TestMountSaysWhatIsMissing(t *testing.T) {
	if _, err := Mount(filepath.Join(t.TempDir(), "absent"), nil); err == nil {
		t.Error("mounted on a directory that is not there")
	} else if !errors.Is(err, fs.ErrNotExist) && !strings.Contains(err.Error(), device) {
		t.Error(err)
	}
}
