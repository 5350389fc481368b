package fleet

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// lock keeps other processes off the tree below root while a node works on it: a worker that was
// stopped for longer than its lease, and goes on, would otherwise write beside its successor. The
// lock is the kernel's (flock(2)) on the root directory itself, so it ends with its holder, and
// leaves no file. It is waited for as long as a lease lasts.
func lock(ctx context.Context, root string, patience time.Duration) (unlock func(), err error) {
	fd, err := unix.Open(root, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open root %s: %w", root, err)
	}
	giveUp := time.Now().Add(patience)
	for {
		err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case err == nil:
			return func() { _ = unix.Close(fd) }, nil // which lets go of the lock
		case errors.Is(err, unix.ENOLCK), errors.Is(err, unix.ENOTSUP), errors.Is(err, unix.ENOSYS):
			return func() { _ = unix.Close(fd) }, nil // a file system without locks: the lease alone must do
		case !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR):
			err = fmt.Errorf("lock root %s: %w", root, err)
		case time.Now().After(giveUp):
			err = fmt.Errorf("lock root %s: another process still works on it after %v", root, patience)
		case rest(ctx, firstPause):
			continue
		default:
			err = fmt.Errorf("lock root %s: %w", root, context.Cause(ctx))
		}
		_ = unix.Close(fd)
		return nil, err
	}
}
