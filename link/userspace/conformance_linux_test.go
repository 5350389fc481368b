package userspace_test

import (
	"os"
	"testing"

	"github.com/reckon-bench/reckon/host"
	"github.com/reckon-bench/reckon/link/linktest"
	"github.com/reckon-bench/reckon/link/userspace"
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
func BenchmarkLinks(b *testing.B) { linktest.Bench(b, setup) }
