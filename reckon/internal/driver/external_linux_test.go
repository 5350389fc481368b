package driver

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/plan"
)

// startExternalProgram starts a client program that is a line of shell, with more operations than a
// pipe holds.
func startExternalProgram(t *testing.T, line string) *external {
	t.Helper()
	f := newExternal(newDriver(plan.Parts{Options: plan.Options{ClientReady: 30 * time.Second}}, Job{}, nil, nil, nil), io.Discard)
	for range 10_000 {
		f.schedule = append(f.schedule, reckon.Op{Kind: history.Read, Key: "k"})
	}
	f.command(line)
	in, err := f.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := f.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := f.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	f.in = in
	t.Cleanup(f.close)
	go f.listen(out)
	return f
}

// sayReady prints the frame that says ready.
const sayReady = `printf '\020\000\000\000{"kind":"ready"}'`

// A program is ready when it has its operations, whatever it says before. Its command is any that a
// shell understands.
func TestExternalReady(t *testing.T) {
	for _, c := range []struct{ name, line, want string }{
		{"reads, and is ready", "MODE=x; cd / && head -c 500000 >/dev/null; " + sayReady + "; cat >/dev/null; true", ""},
		{"is ready, and reads", sayReady + "; cat >/dev/null; true", ""},
		{"is ready, and does not read", "echo bored >&2; " + sayReady + "; sleep 1000; true", "it said that it is ready, and has not read its operations within 30s; it last printed:\n    bored"},
		{"reads, and is not ready", "cat >/dev/null; true", "it did not say that it is ready"},
		{"ends", "false; exit 7", "it ended before it was ready (exit status 7)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			patience := time.Minute
			if strings.HasPrefix(c.name, "is ready, and does not") || strings.HasSuffix(c.name, "is not ready") {
				patience = 3 * time.Second // all of it is waited; what is printed comes before
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			err := startExternalProgram(t, c.line).handOver(ctx)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%v; want %q", err, c.want)
			}
		})
	}
}
