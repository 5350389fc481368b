package wal

import (
	"os"

	"golang.org/x/sys/unix"
)

// syncData has what was written, and the file's size, on the disk.
func syncData(f *os.File) error { return unix.Fdatasync(int(f.Fd())) }

// lockFile fails where another process has locked the file.
func lockFile(f *os.File) error { return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) }
