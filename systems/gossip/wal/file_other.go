//go:build !linux

package wal

import "os"

func syncData(f *os.File) error { return f.Sync() }

// lockFile does not lock: the store serves on Linux.
func lockFile(*os.File) error { return nil }
