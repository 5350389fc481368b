package fleet

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestScripts: callers of the original's kind, which are shell scripts with Debian's etcdctl and
// jq.
func TestScripts(t *testing.T) {
	for _, tool := range []string{"etcdctl", "jq"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatalf("CI must have %s (Debian's etcd-client and jq): %v", tool, err)
			}
			t.Skipf("no callers of the original's kind: %v (Debian has them in etcd-client and jq)", err)
		}
	}
	c := newCluster(t, 1)
	roots := c.workers(3)
	call := func(script string, want int, args ...string) {
		t.Helper()
		cmd := exec.Command(filepath.Join("testdata", script), args...)
		cmd.Env = append(os.Environ(), "ENDPOINT=http://"+c.endpoints()[0])
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		if got := cmd.ProcessState.ExitCode(); got != want {
			t.Errorf("%s %v: exit status %d, want %d\n%s", script, args, got, want, out)
		}
	}
	velero := []string{"2", "10", "10", "1024", "1024", "0", "3"}
	call("generate.sh", 0, velero...)
	call("verify.sh", 0, velero...)
	call("verify.sh", 0, "2", "10", "10", "1024", "1024", "0", "2") // three workers are enough for two
	if err := os.Remove(filepath.Join(roots[2], "dir3", "file3")); err != nil {
		t.Fatal(err)
	}
	call("verify.sh", 1, velero...)
	call("generate.sh", 0, velero...)
	call("verify.sh", 0, velero...)
	call("generate.sh", 1, "2", "10", "10", "1025", "1024", "0", "3") // what no worker can do
	call("generate.sh", 101, "2", "10", "10", "1024", "1024", "0", "4")
	call("generate.sh", 0, "3", "0", "0", "0", "0", "0", "3")
}
