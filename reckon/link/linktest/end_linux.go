package linktest

import (
	"errors"
	"os"
	"slices"
	"strconv"

	"github.com/reckon-bench/reckon/reckon/link"
)

var endRules = []Rule{
	{"Close leaves nothing", "one run's leftovers would disturb the next run", closeLeavesNothing},
	{"a path that does not exist is refused", "a fault on a host that does not exist would seem to be injected", refuses},
}

func closeLeavesNothing(l *Lab) {
	before := l.processes()
	l.start(testSeed, 3)
	l.both(shapes[len(shapes)-1])
	f := l.flow(there)
	f.send(50)
	l.must("close a socket", errors.Join(f.from.Close(), f.to.Close())) // otherwise its namespace would remain
	for range 2 {                                                       // closing twice does nothing more
		l.must("close the fabric", l.fabric.Close())
	}
	for _, h := range l.hosts {
		l.must("close a host", h.Close())
	}
	l.await("the hub has no interface but lo", func() bool {
		links, err := l.hub.Netlink().LinkList()
		return err == nil && len(links) == 1 && links[0].Attrs().Name == "lo"
	})
	ctx, cancel := l.ctx()
	defer cancel()
	if _, err := l.fabric.Counters(ctx); err == nil {
		l.fail("a closed fabric returns counters")
	}
	l.must("close the hub", l.hub.Close())
	l.await("all processes that were started are gone", func() bool { return slices.Equal(before, l.processes()) })
}

// processes returns all processes in this private tree.
func (l *Lab) processes() (pids []int) {
	entries, err := os.ReadDir("/proc")
	l.must("list the processes", err)
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return pids
}

func refuses(l *Lab) {
	l.start(testSeed, 2)
	for _, m := range []link.Matrix{
		{{From: "n1", To: "n9"}: {}},
		{{From: "n9", To: "n1"}: {Cut: true}},
		{{From: "n1", To: "n1"}: {}},
		{there: {Loss: 1.5}},
		{there: {Delay: -1}},
	} {
		ctx, cancel := l.ctx()
		if l.fabric.Apply(ctx, m) == nil {
			l.fail("it applied %v", m)
		}
		cancel()
	}
	l.ping("n2", 0) // and nothing has changed
}
