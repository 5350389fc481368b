package kibishii

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// A file is an open one.
type file struct {
	dir    *dir
	name   string
	fd     int
	passed atomic.Int64 // bytes written or read
	held   atomic.Int32 // by the parts of it that are not done, and by whoever hands them out

	mu    sync.Mutex
	cut   bool   // not all of it was done
	first int64  // the lowest bad block, if there is one
	what  string // is wrong with it
	bad   int64  // how many there are
	fault string // what is wrong with the file as a whole
}

func (f *file) path() string { return f.dir.path + f.name }

func fileName(i int64) string { return "file" + strconv.FormatInt(i, 10) }

const (
	fileFlags = unix.O_NOFOLLOW | unix.O_NONBLOCK | unix.O_CLOEXEC // a pipe holds nobody up

	// syncedAlone is how many bytes a file has that is synced by itself.
	syncedAlone = 1 << 20
)

// open opens the file as the command needs it. False without an error means that it is damaged and
// counted.
func (t *tree) open(f *file) (bool, error) {
	if t.cmd == CmdGenerate {
		err := t.create(f)
		return err == nil, err
	}
	what, err := t.openToRead(f)
	if what != "" {
		t.p.badFile(f.path(), what, t.spec.Length)
	}
	return what == "" && err == nil, err
}

// create opens a new file, or an old one that is to be written over and is no longer than it should
// be.
func (t *tree) create(f *file) error {
	flags := unix.O_WRONLY | fileFlags
	if t.o.syncBlocks {
		flags |= unix.O_SYNC
	}
	anew := func() (err error) {
		f.fd, err = again(func() (int, error) { return unix.Openat(f.dir.fd, f.name, flags|unix.O_CREAT|unix.O_EXCL, 0o666) })
		return err
	}
	err := anew()
	if err == nil {
		return nil
	}
	if !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("create file %s: %w", f.path(), err)
	}
	f.fd, err = again(func() (int, error) { return unix.Openat(f.dir.fd, f.name, flags, 0) })
	if err != nil {
		return fmt.Errorf("open file %s: %s", f.path(), notOpened(f.dir.fd, f.name, unix.S_IFREG, err))
	}
	linked, err := t.fitOld(f)
	if err == nil && linked { // another name of it, perhaps in a backup, keeps what is there
		if err = cmp.Or(unix.Close(f.fd), unix.Unlinkat(f.dir.fd, f.name, 0), anew()); err != nil {
			return fmt.Errorf("replace file %s, which has several links: %w", f.path(), err)
		}
	}
	if err != nil {
		unix.Close(f.fd)
		return fmt.Errorf("open file %s: %w", f.path(), err)
	}
	return nil
}

// fitOld takes from a file what it has too much, and says whether it has other links.
func (t *tree) fitOld(f *file) (linked bool, err error) {
	var st unix.Stat_t
	if err := unix.Fstat(f.fd, &st); err != nil {
		return false, err
	}
	switch {
	case st.Mode&unix.S_IFMT != unix.S_IFREG:
		return false, errors.New(mismatch(st.Mode&unix.S_IFMT, unix.S_IFREG))
	case st.Nlink > 1:
		return true, nil
	case st.Size > t.spec.Length:
		return false, unix.Ftruncate(f.fd, t.spec.Length)
	}
	return false, nil
}

// openToRead opens a file of the right type and length, or says what is wrong. An error is of this
// process.
func (t *tree) openToRead(f *file) (what string, err error) {
	flags := unix.O_RDONLY | fileFlags
	if !t.atime.Load() {
		flags |= unix.O_NOATIME
	}
	f.fd, err = again(func() (int, error) { return unix.Openat(f.dir.fd, f.name, flags, 0) })
	if errors.Is(err, unix.EPERM) && flags&unix.O_NOATIME != 0 { // it is somebody else's file
		t.atime.Store(true)
		f.fd, err = again(func() (int, error) { return unix.Openat(f.dir.fd, f.name, flags&^unix.O_NOATIME, 0) })
	}
	if err != nil {
		if exhausted(err) {
			return "", fmt.Errorf("open file %s: %w", f.path(), err)
		}
		return notOpened(f.dir.fd, f.name, unix.S_IFREG, err), nil
	}
	var st unix.Stat_t
	if err := unix.Fstat(f.fd, &st); err != nil {
		what = unreadable(err)
	} else if is := st.Mode & unix.S_IFMT; is != unix.S_IFREG {
		what = mismatch(is, unix.S_IFREG)
	} else if st.Size != t.spec.Length {
		what = fmt.Sprintf("length %d, want %d", st.Size, t.spec.Length)
	}
	if what != "" {
		unix.Close(f.fd)
	}
	return what, nil
}

// leave closes the file and counts it when nobody holds it any longer. All says that whoever leaves
// did all it had to.
func (t *tree) leave(f *file, all bool) error {
	if !all {
		f.mu.Lock()
		f.cut = true
		f.mu.Unlock()
	}
	if f.held.Add(-1) > 0 {
		return nil
	}
	var err error
	if t.cmd == CmdGenerate && !f.cut && t.spec.Length >= syncedAlone {
		_, err = again(func() (int, error) { return 0, unix.Fsync(f.fd) })
	}
	if err = cmp.Or(err, unix.Close(f.fd)); err != nil && t.cmd == CmdGenerate {
		return fmt.Errorf("sync file %s: %w", f.path(), err)
	}
	if f.cut {
		return nil
	}
	rest := t.spec.Length - f.passed.Load()
	if what := f.damage(); what != "" {
		t.p.badFile(f.path(), what, rest)
	} else {
		t.p.goodFile(t.cmd)
	}
	return nil
}

// badBlock notes what is wrong with block n.
func (f *file) badBlock(n int64, what string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.bad++; f.bad == 1 || n < f.first {
		f.first, f.what = n, what
	}
}

// broken notes what is wrong with the file as a whole.
func (f *file) broken(what string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fault = what
}

// damage is all that is wrong, in a few words.
func (f *file) damage() string {
	switch {
	case f.fault != "":
		return f.fault
	case f.bad > 1:
		return fmt.Sprintf("%s, and %d more blocks", f.what, f.bad-1)
	}
	return f.what
}

// writeAt writes all of p, or says why not.
func writeAt(fd int, p []byte, offset int64) error {
	for len(p) > 0 {
		n, err := again(func() (int, error) { return unix.Pwrite(fd, p, offset) })
		if err != nil {
			return err
		}
		if n == 0 {
			return io.ErrShortWrite
		}
		p, offset = p[n:], offset+int64(n) // a full disk takes a part of it, and says so only then
	}
	return nil
}

// readAt fills p, or says why not; io.ErrUnexpectedEOF if the file ends before.
func readAt(fd int, p []byte, offset int64) error {
	for len(p) > 0 {
		n, err := again(func() (int, error) { return unix.Pread(fd, p, offset) })
		if err != nil {
			return err
		}
		if n == 0 {
			return io.ErrUnexpectedEOF
		}
		p, offset = p[n:], offset+int64(n)
	}
	return nil
}
