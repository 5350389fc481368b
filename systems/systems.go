// Package systems holds the stores that reckon can measure, one file or family
// of files a word, each registered in its init:
//
//	etcd, etcd-no-pre-vote   etcd.go (what to run), etcd_edition.go and etcd_build.go (another version or binary),
//	                         etcd_client.go (operations), etcd_member.go (questions to one member)
//	memory, memory-liar      memory.go (word and client), memory_server.go (the server)
//
// A process of a system that comes with reckon is reckon's own binary run under
// another name ([EtcdRole], [MemoryRole]), so a program or test that runs
// systems calls reexec.Init first of all in main, and returns where that says true.
//
// The package owns no processes: it says what to run, and queries members and sends them operations
// once they run. It checks nothing, but it alone decides which error of a store means that an
// operation definitely had no effect.
package systems

import (
	"net"
	"net/netip"
	"strconv"

	"github.com/reckon-bench/reckon/reckon"
)

// Every system listens where etcd does, on its host's address.
const (
	clientPort = 2379
	peerPort   = 2380
)

func hostPort(a netip.Addr, port uint16) string {
	return net.JoinHostPort(a.String(), strconv.Itoa(int(port)))
}

// clientAddress returns the address at which the member serves clients.
func clientAddress(m reckon.Member) string { return hostPort(m.Addr, clientPort) }
