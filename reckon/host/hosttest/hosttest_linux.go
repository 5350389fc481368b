package hosttest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/moby/sys/reexec"

	"github.com/reckon-bench/reckon/reckon/host"
)

// errNoTree is why this process may make no hosts; nil if it may.
var errNoTree = errors.New("TestMain does not call hosttest.Main")

// Main runs the package's tests in a private tree, and every re-executed role in its own. Where the
// machine permits no private tree the tests run outside, and Need skips.
func Main(m *testing.M) {
	if reexec.Init() {
		os.Exit(0)
	}
	if host.Isolated() {
		errNoTree = host.Settle()
		os.Exit(m.Run())
	}
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err := host.RunIsolated(cmd)
	var exit *exec.ExitError
	switch {
	case err == nil:
		os.Exit(0)
	case errors.As(err, &exit):
		os.Exit(max(exit.ExitCode(), 1)) // -1 after a signal
	case errors.Is(err, host.ErrNotPermitted):
		errNoTree = err
		os.Exit(m.Run())
	}
	fmt.Fprintln(os.Stderr, "run the tests in a private tree:", err)
	os.Exit(1)
}

// Need skips the test, with the reason, where no hosts can be made. With CI=true in the environment
// it fails instead: there, a test that does not run must not look like one that passes.
func Need(t testing.TB) {
	t.Helper()
	if errNoTree == nil {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatal(errNoTree)
	}
	t.Skip(errNoTree)
}
