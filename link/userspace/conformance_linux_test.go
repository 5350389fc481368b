package userspace_test

import (
	"os"
	"testing"

	"github.com/reckon-bench/reckon/host"
	"github.com/reckon-bench/reckon/link/linktest"
	"github.com/reckon-bench/reckon/link/userspace"
)

func TestConformance(t *testing.T) {
	linktest.Run(t, linktest.Setup{
		Start: func(hub *host.Host, seed uint64) (linktest.Fabric, error) {
			return userspace.Start(hub, seed, os.Stderr)
		},
		Seeded: true,
		Causes: true,
	})
}
