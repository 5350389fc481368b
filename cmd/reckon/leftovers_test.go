package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/reckon-bench/reckon/reckon/seed"
)

// TestKillLeavesNothing kills the outermost process of a run at ten random
// moments, from before there is a namespace to the middle of the load, and wants every process
// of it gone, with them every namespace, and no interface or mount more than before.
func TestKillLeavesNothing(t *testing.T) {
	t.Parallel()
	if ok, err := hosts(); err != nil {
		t.Fatal(err)
	} else if !ok {
		t.Skip("no namespaces here; reckon doctor says why")
	}
	interfaces, mounts := interfaceNames(t), mountTable(t)
	rng := seed.Stream(1, "kill moments")
	for i := range 10 {
		moment := time.Duration(rng.Int64N(int64(4 * time.Second)))
		t.Run(fmt.Sprintf("%d after %v", i, moment.Round(time.Millisecond)), func(t *testing.T) {
			t.Parallel()
			mark := "RECKON_TEST_RUN=" + strconv.Itoa(os.Getpid()) + "." + strconv.Itoa(i)
			killRun(t, mark, moment)
			awaitNobody(t, mark)
			if got := interfaceNames(t); !slices.Equal(got, interfaces) {
				t.Errorf("interfaces %v, want %v", got, interfaces)
			}
			if got := mountTable(t); got != mounts {
				t.Errorf("mounts\n%s\nwant\n%s", got, mounts)
			}
		})
	}
}

// killRun starts a run whose processes all carry the mark in their environment, and kills the
// outermost one.
func killRun(t *testing.T, mark string, after time.Duration) {
	cmd := exec.Command(commandLink(t), "etcd", "simple", "uniform", "leader", "--duration", "6s", "--result-location", filepath.Join(t.TempDir(), "run"))
	cmd.Env = append(os.Environ(), mark)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(after) // the moment is the point of the test, not a condition
	if err := cmd.Process.Kill(); err != nil {
		t.Fatalf("the run ended by itself: %v\n%s", err, out.String())
	}
	_ = cmd.Wait() // it was killed
}

// awaitNobody waits until no process carries the mark.
func awaitNobody(t *testing.T, mark string) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		left := carrying(mark)
		if len(left) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("still there: %v", left)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// carrying lists the processes with the mark in their environment.
func carrying(mark string) (left []string) {
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, f := range files {
		env, err := os.ReadFile(f)
		if err != nil || !bytes.Contains(env, []byte(mark)) {
			continue
		}
		cmdline, _ := os.ReadFile(filepath.Join(filepath.Dir(f), "cmdline"))
		left = append(left, filepath.Base(filepath.Dir(f))+" "+string(bytes.ReplaceAll(cmdline, []byte{0}, []byte{' '})))
	}
	return left
}

func interfaceNames(t *testing.T) (names []string) {
	t.Helper()
	all, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range all {
		names = append(names, i.Name)
	}
	slices.Sort(names)
	return names
}

// mountTable is the mounts of this process without what changes by itself.
func mountTable(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(b))
}
