package data

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/reckon-bench/reckon/cmd/reckon/exit"
)

// A running is a command that serves until something ends it.
type running struct {
	first string // the first line that it printed
	rest  chan string
	ended chan error
	stop  context.CancelFunc
}

// start runs a command until it has printed a line, which it does when it serves.
func start(t *testing.T, args ...string) *running {
	t.Helper()
	root := New("", func(_ *cobra.Command, err error) error { return err })
	root.SilenceErrors, root.SilenceUsage = true, true
	root.SetArgs(args)
	in, out := io.Pipe()
	root.SetOut(out)
	ctx, stop := context.WithCancel(context.Background())
	r := &running{rest: make(chan string, 1), ended: make(chan error, 1), stop: stop}
	go func() {
		err := root.ExecuteContext(ctx)
		_ = out.CloseWithError(io.EOF)
		r.ended <- err
	}()
	lines := bufio.NewReader(in)
	var err error
	if r.first, err = lines.ReadString('\n'); err != nil {
		t.Fatalf("%v: %v", args, <-r.ended)
	}
	go func() {
		all, _ := io.ReadAll(lines)
		r.rest <- string(all)
	}()
	t.Cleanup(stop)
	return r
}

func TestServesUntilItIsInterrupted(t *testing.T) {
	r := start(t, "serve", "--listen", "127.0.0.1:0", "--size", "1MiB", "--files", "20", "--directories", "2", "--generations", "1")
	url := strings.TrimSpace(strings.TrimPrefix(r.first, "serving at "))
	resp, err := http.Get(url + "gen1/")
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil || resp.StatusCode != http.StatusOK || strings.Count(string(text), "href") < 5 {
		t.Errorf("%d %s %v", resp.StatusCode, text, err)
	}
	r.stop()
	if err := <-r.ended; err != nil {
		t.Error(err)
	}
}

// mountable skips where nothing can be mounted.
func mountable(t *testing.T) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("wants root, to mount")
	}
	f, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("there is no FUSE here: %v", err)
	}
	f.Close()
	return t.TempDir()
}

// shell runs a script, as another process: this one serves the mount.
func shell(t *testing.T, dir, script string) {
	t.Helper()
	if out, err := exec.Command("sh", "-ec", `cd "$0"; `+script, dir).CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", script, err, out)
	}
}

func TestMountExpectsRestores(t *testing.T) {
	small := []string{"--size", "2MiB", "--files", "40", "--directories", "4"}
	dir := mountable(t)
	r := start(t, append([]string{"mount", dir, "--restore", "2", "--generations", "2"}, small...)...)
	shell(t, dir, `cp -a --sparse=always gen2/. restore2; grep -q '"damage": \[\]' restore2.report.json; cd /; umount "$0"`)
	if err, rest := <-r.ended, <-r.rest; err != nil || !strings.Contains(rest, "restore2: generation 2: ok: 40") && !strings.Contains(rest, "restore2: generation 2: ok: 41") {
		t.Errorf("%v, %s", err, rest)
	}
	// The same tree again, of which one file is left out and one is new: interrupted, not unmounted.
	r = start(t, append([]string{"mount", dir, "--restore", "2", "--generations", "2"}, small...)...)
	shell(t, dir, `cp -a --sparse=always gen2/. restore2; f=$(find restore2 -type f | head -1); mv "$f" restore2/other`)
	r.stop()
	err, rest := <-r.ended, <-r.rest
	var status exit.Status
	if !errors.As(err, &status) || status != damaged || !strings.Contains(rest, "missing: was not restored\n") || !strings.Contains(rest, "other: extra: ") {
		t.Errorf("%v, %s", err, rest)
	}
}

func TestExpectOfADirectory(t *testing.T) {
	dir, source := mountable(t), t.TempDir()
	small := []string{"--size", "2MiB", "--files", "40", "--directories", "4", "--directory-fanout", "2", "--generation", "1"}
	gen := start(t, append([]string{"expect", "--to", dir}, small...)...)
	gen.stop()
	<-gen.ended
	lines := strings.Split(<-gen.rest, "\n")
	from, _, _ := strings.Cut(lines[0], ": ") // what is missing first is a directory
	r := start(t, append([]string{"mount", source, "--generations", "1"}, small[:8]...)...)
	e := start(t, append([]string{"expect", "--to", dir, "--from", from}, small...)...)
	shell(t, source, `cp -a --sparse=always "gen1/`+filepath.Base(from)+`/." `+dir)
	e.stop()
	if err, rest := <-e.ended, <-e.rest; err != nil || !strings.Contains(rest, ": generation 1: ok: ") {
		t.Errorf("%v, %s", err, rest)
	}
	r.stop()
	if err := <-r.ended; err != nil {
		t.Error(err)
	}
}
