package userspace_test

import (
	"os"
	"testing"

	"github.com/reckon-bench/reckon/reckon/host"
	"github.com/reckon-bench/reckon/reckon/link/linktest"
	"github.com/reckon-bench/reckon/reckon/link/userspace"
)

var setup = linktest.Setup{
	Start: func(hub *host.Host, seed uint64) (linktest.Fabric, error) {
		return userspace.Start(hub, seed, os.Stderr)
	},
	Seeded: true,
	Causes: true,
	Switch: func(f linktest.Fabric) int { return userspace.PID(f.(*userspace.Fabric)) },
}

func TestConformance(t *testing.T) { linktest.Run(t, setup) }

// BenchmarkLinks prints what the fabric reaches of what is asked of it; run it with -benchtime 1x.
//
// On a virtual machine of two processors, three rows were seen to stay short of their targets; why was measured. TCP without delay: every byte is copied
// into the switch and out of it, on processors that the sender and the receiver fill already, so half of the bridge's rate is what is left. Requests:
// the switch is woken twice, and from a packet's arrival to its being read that is some 30 us each, which a bridge has not. Round trips after a rest of 100 ms: packets leave within 2 us
// of being due, but the kernel's way to the receiver is in no cache then, and takes 54 us instead of 5 (27 when rehearsed).
func BenchmarkLinks(b *testing.B) { linktest.Bench(b, setup) }
