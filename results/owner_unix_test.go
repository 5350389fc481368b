//go:build unix

package results

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestGiveBackGivesRootsFilesToTheOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	home := t.TempDir()
	const uid, gid = 4711, 4712
	if err := os.Chown(home, uid, gid); err != nil {
		t.Skipf("this root may not give files away: %v", err)
	}
	d, err := Create(filepath.Join(home, "runs", "one"))
	must(t, err)
	must(t, d.WritePlan(PlanFile{}))
	must(t, d.Op(op(1)))
	_, err = d.Scratch("n1")
	must(t, err)
	must(t, d.Close())
	must(t, PointLatest(d.Path()))
	must(t, d.GiveBack())
	must(t, filepath.WalkDir(home, func(path string, e fs.DirEntry, err error) error {
		must(t, err)
		info, err := e.Info()
		must(t, err)
		if s := info.Sys().(*syscall.Stat_t); s.Uid != uid || s.Gid != gid {
			t.Errorf("%s belongs to %d:%d", path, s.Uid, s.Gid)
		}
		return nil
	}))
}
