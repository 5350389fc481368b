package host_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strconv"
	"sync"
	"testing"

	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/reckon-bench/reckon/reckon/host"
)

// A host on the process's main thread would never end.
func TestNoHostOnTheMainThread(t *testing.T) {
	hub := newHost(t, "hub")
	before := namespaceOf(t, os.Getpid()) // the main thread's
	for range 20 {
		hosts, err := host.Star(hub, seats(5))
		if err != nil {
			t.Fatal(err)
		}
		if err := host.CloseAll(hosts); err != nil {
			t.Fatal(err)
		}
		awaitLinks(t, hub, 1)
	}
	if after := namespaceOf(t, os.Getpid()); after != before {
		t.Errorf("the process moved from %s to %s", before, after)
	}
}

// namespaceOf identifies the network namespace of a process's main thread.
func namespaceOf(t testing.TB, pid int) string {
	t.Helper()
	handle, err := netns.GetFromPid(pid)
	if err != nil {
		t.Fatal(err)
	}
	defer handle.Close()
	return handle.UniqueId()
}

// namespaceOfThread identifies the network namespace of one of the test's own threads; "" if that
// has ended.
func namespaceOfThread(t testing.TB, tid int) string {
	t.Helper()
	handle, err := netns.GetFromThread(os.Getpid(), tid)
	switch {
	case errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH):
		return ""
	case err != nil:
		t.Fatal(err)
	}
	defer handle.Close()
	return handle.UniqueId()
}

// namespaceOfHost identifies the network namespace of the host's thread.
func namespaceOfHost(t testing.TB, h *host.Host) (id string) {
	t.Helper()
	if err := h.Do(func() error {
		id = namespaceOfThread(t, unix.Gettid())
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return id
}

// threadsIn counts the test's own threads in each network namespace.
func threadsIn(t testing.TB) map[string]int {
	t.Helper()
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	n := map[string]int{}
	for _, task := range tasks {
		tid, err := strconv.Atoi(task.Name())
		if err != nil {
			t.Fatal(err)
		}
		n[namespaceOfThread(t, tid)]++
	}
	return n
}

// A thread that dialled from a host would take its namespace to whatever goroutine runs on it next,
// so after many dials the host's own thread is the only one in its namespace.
func TestDialLeavesNoThreadBehind(t *testing.T) {
	h := newHost(t, "n1")
	var dials sync.WaitGroup
	for range 100 {
		dials.Go(func() {
			if c, err := h.Dial(context.Background(), "tcp", "127.0.0.1:1"); err == nil {
				c.Close()
				t.Error("a port on which nobody listens accepted a connection")
			}
		})
	}
	dials.Wait()
	if n := threadsIn(t)[namespaceOfHost(t, h)]; n != 1 {
		t.Errorf("%d threads are in the host's namespace, want its own only", n)
	}
}

// Close while others dial: each dial gets its connection refused, or learns that the host is
// closed. Nobody enters a namespace by a descriptor that Close has closed.
func TestCloseWhileDialling(t *testing.T) {
	for range 10 {
		h := newHost(t, "n1")
		var dials sync.WaitGroup
		begun := make(chan struct{}, 20)
		for range 20 {
			dials.Go(func() {
				for first := true; ; first = false {
					_, err := h.Dial(context.Background(), "tcp", "127.0.0.1:1")
					if first {
						begun <- struct{}{}
					}
					if errors.Is(err, host.ErrClosed) {
						return
					}
					if !errors.Is(err, unix.ECONNREFUSED) {
						t.Errorf("dial: %v", err)
						return
					}
				}
			})
		}
		<-begun
		if err := h.Close(); err != nil {
			t.Fatal(err)
		}
		dials.Wait()
	}
}
