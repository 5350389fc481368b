package results

import (
	"fmt"
	"os"
	"path/filepath"
)

// latestName is the link beside the runs that points to the last one.
const latestName = "latest"

// PointLatest makes the link "latest", beside the run's directory, point to it.
// It replaces an older link, but nothing else of that name.
func PointLatest(dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("point to latest run: %w", err)
	}
	link := filepath.Join(filepath.Dir(dir), latestName)
	if info, err := os.Lstat(link); err == nil && info.Mode()&os.ModeSymlink == 0 {
		return fmt.Errorf("point to latest run: %s is not a link", link)
	}
	// A link cannot be overwritten, but renamed over: it is never missing.
	fresh := fmt.Sprintf("%s.%d", link, os.Getpid())
	if err := os.Symlink(filepath.Base(dir), fresh); err != nil {
		return fmt.Errorf("point to latest run: %w", err)
	}
	if err := os.Rename(fresh, link); err != nil {
		os.Remove(fresh)
		return fmt.Errorf("point to latest run: %w", err)
	}
	return nil
}

// Latest returns the directory of the last run under runs.
func Latest(runs string) (string, error) {
	dir, err := filepath.EvalSymlinks(filepath.Join(runs, latestName))
	if err != nil {
		return "", fmt.Errorf("find latest run: %w", err)
	}
	return dir, nil
}
