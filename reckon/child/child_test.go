package child_test

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/moby/sys/reexec"

	"github.com/reckon-bench/reckon/reckon/child"
)

const role = "child-test"

func TestMain(m *testing.M) {
	reexec.Register(role, func() {
		fmt.Println(os.Args)
		if os.Args[1] == "wait" {
			select {}
		}
		os.Exit(7)
	})
	if reexec.Init() {
		return
	}
	os.Exit(m.Run())
}

// The child is this binary under the name; watch sees its end, and its exit status is the error.
func TestRun(t *testing.T) {
	cmd := child.Command(role, "one", "two")
	var out bytes.Buffer
	cmd.Stdout = &out
	watched := false
	err := child.Run(cmd, func(ended <-chan struct{}) {
		<-ended
		watched = true
	})
	if err == nil || err.Error() != "exit status 7" || !watched || out.String() != "["+role+" one two]\n" {
		t.Errorf("%v, watched %t, output %q", err, watched, out.String())
	}
}

// watch may end the child.
func TestRunIsEndedByWatch(t *testing.T) {
	cmd := child.Command(role, "wait")
	err := child.Run(cmd, func(ended <-chan struct{}) {
		if err := cmd.Process.Kill(); err != nil {
			t.Error(err)
		}
		<-ended
	})
	if err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("got %v", err)
	}
}

// A child that cannot be started is an error, and nothing is watched.
func TestRunWithoutAProgram(t *testing.T) {
	cmd := child.Command(role)
	cmd.Path = "/nowhere"
	err := child.Run(cmd, func(<-chan struct{}) { t.Error("it is watched") })
	if err == nil || !strings.HasPrefix(err.Error(), "start "+role+": ") {
		t.Errorf("got %v", err)
	}
}
