package peer

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// control has the kernel end a connection on which data stays unacknowledged.
func control(_, _ string, c syscall.RawConn) (err error) {
	cerr := c.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(userTimeout.Milliseconds()))
	})
	if cerr != nil {
		return cerr
	}
	return err
}
