package gossip

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/reckon-bench/reckon/systems/gossip"
)

// member runs one that is alone, at 127.19.0.I.
func member(t *testing.T, i int) gossip.Options {
	t.Helper()
	o := gossip.Options{Name: fmt.Sprint("m", i), Dir: filepath.Join(t.TempDir(), "data"), Interval: 50 * time.Millisecond,
		ListenPeer: fmt.Sprintf("127.19.0.%d:2380", i), ListenClient: fmt.Sprintf("127.19.0.%d:2379", i)}
	s, err := gossip.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return o
}

// at does commands at the prompt of a member.
func at(t *testing.T, o gossip.Options, lines ...string) string {
	t.Helper()
	var out strings.Builder
	p, err := newPrompt([]string{o.ListenClient}, &out)
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	ok := p.run(strings.NewReader(strings.Join(lines, "\n")), false)
	if ok == strings.Contains(out.String(), "error:") {
		t.Errorf("%q: all succeeded %v, and printed %s", lines, ok, out.String())
	}
	return out.String()
}

// TestDemonstration is the original's, at the prompt: three members join, put on one, get on
// another, show, leave.
func TestDemonstration(t *testing.T) {
	a, b, c := member(t, 1), member(t, 2), member(t, 3)
	if out := at(t, a, `put greeting "hello, a+b"`, "get greeting"); out != "ok\nhello, a+b\n" {
		t.Errorf("%q", out)
	}
	if out := at(t, b, "put mine 1", "join "+a.ListenPeer, "get greeting", "get mine"); out != "ok\nok\nhello, a+b\n1\n" {
		t.Errorf("%q", out)
	}
	if out := at(t, c, "join "+b.ListenPeer, "get greeting", "get mine", "del greeting", "get greeting"); out != "ok\nhello, a+b\n1\nok, 1 deleted\n(none)\n" {
		t.Errorf("%q", out)
	}
	deadline := time.Now().Add(20 * time.Second)
	for {
		out := at(t, a, "get greeting", "show")
		if strings.HasPrefix(out, "(none)\nm1 of cluster gossip serves\n1 keys, 0 deletions") && strings.Count(out, "127.19.0.") >= 6 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s", out)
		}
	}
	if out := at(t, c, "leave"); out != "ok\n" {
		t.Errorf("leave: %q", out)
	}
	if out := at(t, c, "put late 1"); !strings.Contains(out, "leaving") {
		t.Errorf("a member that has left took a write: %q", out)
	}
}

// TestWrongCommands: each gets one line that says what is wanted.
func TestWrongCommands(t *testing.T) {
	o := member(t, 4)
	for line, want := range map[string]string{
		"putt a b": `did you mean "put"`, "put a": "want put KEY VALUE", `get "a`: "quote", "join nowhere": "HOST:PORT", "forget x": "no such", `put "" x`: "key is not provided",
	} {
		if out := at(t, o, line); !strings.Contains(out, want) || strings.Count(out, "\n") != 1 {
			t.Errorf("%s: %q, want %q in it", line, out, want)
		}
	}
}

func TestSplit(t *testing.T) {
	got, err := split(`  put  a\b "c \"d\" \x00" "" e `)
	if want := []string{"put", `a\b`, "c \"d\" \x00", "", "e"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
}
