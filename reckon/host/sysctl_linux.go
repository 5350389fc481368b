package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// A setting is a sysctl of a network namespace. Settings that the kernel does not have are skipped.
type setting struct{ path, value string }

// applySysctls configures the calling thread's network namespace, which must be new and used by
// nobody else.
func applySysctls() error {
	settings := []setting{
		// IPv6 sends packets of its own accord, which would draw from the links' random streams.
		{"ipv6/conf/all/disable_ipv6", "1"},
		// A connection must not inherit what an earlier one learned under another fault.
		{"ipv4/tcp_no_metrics_save", "1"},
		{"ipv4/ping_group_range", "0 0"},
		// Probes listen on a well-known port; this lets them do so without a capability.
		{"ipv4/ip_unprivileged_port_start", "0"},
	}
	settings = append(settings, buffers(queueLimit())...)
	for _, s := range settings {
		err := os.WriteFile("/proc/sys/net/"+s.path, []byte(s.value), 0)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("set sysctl net/%s: %w", s.path, err)
		}
	}
	return nil
}

// buffers returns the limits of TCP's buffers, given that a packet socket's queue holds at most
// limit bytes. Where the queue is deep, buffers are as large as a path with a large bandwidth-delay
// product needs: 64 MB carry 10 Gbit/s over 50 ms. Where it is not (an ordinary user gets
// net.core.rmem_max), a large send buffer would only produce bursts that overflow the switch's
// socket: losses that nobody configured.
func buffers(limit int) []setting {
	const most = 64 << 20
	receive, send := most, most
	if limit < deepQueue {
		receive, send = 6<<20, min(max(limit/2, 128<<10), 4<<20) // at most the kernel's defaults
	}
	return []setting{
		{"ipv4/tcp_rmem", fmt.Sprintf("4096 131072 %d", receive)},
		{"ipv4/tcp_wmem", fmt.Sprintf("4096 16384 %d", send)},
	}
}

const deepQueue = 32 << 20

// queueLimit returns how many bytes a socket of this process may queue: any number with
// CAP_NET_ADMIN in the machine's own user namespace, otherwise net.core.rmem_max, which not every
// namespace shows.
var queueLimit = sync.OnceValue(func() int {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0
	}
	defer unix.Close(fd)
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, deepQueue) == nil {
		return deepQueue
	}
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, deepQueue) != nil {
		return 0
	}
	got, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
	if err != nil {
		return 0
	}
	return got / 2 // the kernel doubles it, for its own bookkeeping
})
