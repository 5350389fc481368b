package netem_test

import (
	"os"
	"testing"

	"github.com/reckon-bench/reckon/host"
	"github.com/reckon-bench/reckon/host/hosttest"
	"github.com/reckon-bench/reckon/link/linktest"
	"github.com/reckon-bench/reckon/link/netem"
)

func TestMain(m *testing.M) { hosttest.Main(m) }

// need skips the test where the kernel has no netem. In the lab it has.
func need(t *testing.T) {
	t.Helper()
	hosttest.Need(t)
	if err := netem.Available(); err != nil {
		if os.Getenv("RECKON_LAB") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
}

func TestConformance(t *testing.T) {
	need(t)
	linktest.Run(t, linktest.Setup{
		Start:  func(hub *host.Host, seed uint64) (linktest.Fabric, error) { return netem.Start(hub, seed) },
		Seeded: true,
		Causes: true,
	})
}
