//go:build unix

package results

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// GiveBack gives what root made to the owner of the directory that it was made
// in, so that who ran reckon through sudo, or in a container with a mount, can
// delete it again. It does nothing for anyone but root. Call it last.
func (d *Dir) GiveBack() error {
	if os.Geteuid() != 0 {
		return nil
	}
	info, err := os.Stat(d.madeIn)
	if err != nil {
		return fmt.Errorf("give run to its owner: %w", err)
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || owner.Uid == 0 {
		return nil
	}
	if err := chownTree(d.made, int(owner.Uid), int(owner.Gid)); err != nil {
		return fmt.Errorf("give run to its owner: %w", err)
	}
	link := filepath.Join(filepath.Dir(d.path), latestName)
	if target, err := os.Readlink(link); err == nil && target == filepath.Base(d.path) {
		if err := os.Lchown(link, int(owner.Uid), int(owner.Gid)); err != nil {
			return fmt.Errorf("give run to its owner: %w", err)
		}
	}
	return nil
}

// GiveTree gives what root made at path, and all below it, to the owner of the directory that it
// lies in, as GiveBack does with a run.
func GiveTree(path string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	info, err := os.Stat(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("give %s to its owner: %w", path, err)
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); ok && owner.Uid != 0 {
		return chownTree(path, int(owner.Uid), int(owner.Gid))
	}
	return nil
}

// chownTree changes the owner of the tree and follows no link out of it.
func chownTree(root string, uid, gid int) error {
	return filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err == nil {
			err = os.Lchown(path, uid, gid)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil // gone since it was listed
		}
		return err
	})
}
