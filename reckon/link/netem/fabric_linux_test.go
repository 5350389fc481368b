package netem_test

import (
	"os"
	"testing"

	"github.com/reckon-bench/reckon/reckon/host"
	"github.com/reckon-bench/reckon/reckon/host/hosttest"
	"github.com/reckon-bench/reckon/reckon/link/linktest"
	"github.com/reckon-bench/reckon/reckon/link/netem"
)

func TestMain(m *testing.M) { hosttest.Main(m) }

// need skips the test where the kernel has no netem. The lab's kernel has it.
func need(t testing.TB) {
	t.Helper()
	hosttest.Need(t)
	if err := netem.Available(); err != nil {
		if os.Getenv("RECKON_LAB") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
}

// setup states what the fabric guarantees on this machine's kernel.
func setup(t testing.TB) linktest.Setup {
	t.Helper()
	need(t)
	hub, err := host.New("hub")
	if err != nil {
		t.Fatal(err)
	}
	defer hub.Close()
	f, err := netem.Start(hub, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	t.Log(f.Describe())
	return linktest.Setup{
		Start:  func(hub *host.Host, seed uint64) (linktest.Fabric, error) { return netem.Start(hub, seed) },
		Seeded: f.Describe().Seeded,
		Causes: true,
	}
}

func TestConformance(t *testing.T) { linktest.Run(t, setup(t)) }

func BenchmarkLinks(b *testing.B) { linktest.Bench(b, setup(b)) }
