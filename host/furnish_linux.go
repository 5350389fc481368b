package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// A setting is a sysctl of a network namespace. Where the kernel does not have
// it there is nothing to set.
type setting struct{ path, value string }

// furnish sets the sysctls of the calling thread's namespace: it is new, and nobody else's.
func furnish() error {
	settings := []setting{
		// IPv6 announces itself unasked, and would draw from the links' random streams.
		{"ipv6/conf/all/disable_ipv6", "1"},
		// A connection must not inherit what an earlier one learnt under another fault.
		{"ipv4/tcp_no_metrics_save", "1"},
		{"ipv4/ping_group_range", "0 0"},
	}
	settings = append(settings, buffers(mayForceBuffers())...)
	for _, s := range settings {
		err := os.WriteFile("/proc/sys/net/"+s.path, []byte(s.value), 0)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("set sysctl net/%s: %w", s.path, err)
		}
	}
	return nil
}

// buffers are TCP's. Where the switch may have deep queues they are as large as a
// long fat path needs: 64 MB carry 10 Gbit/s over 50 ms. Where it may not (an
// ordinary user gets what net.core.rmem_max allows) a large send buffer would only
// make bursts that overflow the switch's socket, losses that nobody asked for.
func buffers(deep bool) []setting {
	if deep {
		return []setting{
			{"ipv4/tcp_rmem", "4096 131072 67108864"},
			{"ipv4/tcp_wmem", "4096 65536 67108864"},
		}
	}
	return []setting{
		{"ipv4/tcp_rmem", "4096 131072 1048576"},
		{"ipv4/tcp_wmem", "4096 16384 131072"},
	}
}

// mayForceBuffers says whether this process may exceed net.core.rmem_max, which
// takes CAP_NET_ADMIN in the machine's own user namespace.
var mayForceBuffers = sync.OnceValue(func() bool {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 1<<20) == nil
})
