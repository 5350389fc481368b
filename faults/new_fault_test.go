package faults_test

import (
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/reckon-bench/reckon/reckon"
)

// newFault is the variable that has this test binary register one more fault, of its name.
const newFault = "RECKON_TEST_NEW_FAULT"

func init() {
	if name := os.Getenv(newFault); name != "" {
		reckon.Faults.Register(reckon.Word[reckon.Fault]{
			Name: name, Doc: "strikes, and does nothing", Source: "this test",
			New: func(*pflag.FlagSet) reckon.Fault { return idle{} },
		})
	}
}

type idle struct{}

func (idle) Validate(s reckon.Setting) error {
	if s.Target != "" {
		return errors.New("it has no target")
	}
	return nil
}

func (idle) HealsItself() bool { return true }

func (idle) Strikes(s reckon.Setting, _ *rand.Rand) []reckon.Strike {
	from, to := s.Window(s.Duration/3, 2*s.Duration/3)
	return []reckon.Strike{{From: from, To: to, Name: "do nothing"}}
}

// A fault that has just been registered needs no other file: the table and the transcript of churn,
// which draws it, are written anew, and then every test passes that asks something of every word.
func TestNewFaultNeedsNoOtherFile(t *testing.T) {
	const table = "../docs/faults.md"
	dir := copied(t)
	run := func(tests string, args ...string) string {
		cmd := exec.Command(os.Args[0], append([]string{"-test.v", "-test.run", "^(" + tests + ")$"}, args...)...)
		cmd.Dir, cmd.Env = filepath.Join(dir, "faults"), append(os.Environ(), newFault+"=brand-new")
		out, err := cmd.CombinedOutput()
		if err != nil {
			return string(out)
		}
		for name := range strings.SplitSeq(tests, "|") {
			if !strings.Contains(string(out), "--- PASS: "+name+" ") {
				t.Errorf("%s did not run\n%s", name, out)
			}
		}
		return ""
	}
	const written = "TestDocumentation|TestTranscripts"
	if out := run(written); !strings.Contains(out, "brand-new") {
		t.Errorf("the table lacks a word, and passes:\n%s", out)
	}
	if out := run(written, "-rewrite"); out != "" {
		t.Errorf("cannot be written: %s", out)
	}
	if out := run(written + "|TestFaultsHealThemselves|TestEveryWordJudgesItsTarget|TestExampleTimeline"); out != "" {
		t.Errorf("with a new fault: %s", out)
	}
	changed := func(name string) (added, removed []string) {
		return linesBeyond(t, filepath.Join(dir, "faults", name), name), linesBeyond(t, name, filepath.Join(dir, "faults", name))
	}
	if added, removed := changed(table); len(removed) != 0 || len(added) != 1 || added[0] != "| `brand-new` | T/3 to 2T/3 | strikes, and does nothing | any | - |  | this test |" {
		t.Errorf("the table gains %q and loses %q", added, removed)
	}
	names, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(names) < 20 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		added, _ := changed(name)
		for _, line := range added { // an error lists every word
			if name != "testdata/churn.txt" && !strings.Contains(line, "; known: brand-new, ") {
				t.Errorf("%s gains %q", name, line)
			}
		}
	}
}

// linesBeyond returns the lines of the one file that the other does not have.
func linesBeyond(t *testing.T, one, other string) (all []string) {
	t.Helper()
	a, err := os.ReadFile(one)
	b, berr := os.ReadFile(other)
	if err != nil || berr != nil {
		t.Fatal(err, berr)
	}
	known := map[string]bool{}
	for line := range strings.Lines(string(b)) {
		known[line] = true
	}
	for line := range strings.Lines(string(a)) {
		if !known[line] {
			all = append(all, strings.TrimSuffix(line, "\n"))
		}
	}
	return all
}
