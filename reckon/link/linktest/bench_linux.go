package linktest

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"

	"golang.org/x/sys/unix"

	"github.com/reckon-bench/reckon/reckon/host/hosttest"
)

// Bench compares the fabric with a plain bridge, and prints a table of results beside their
// targets. It never fails for being slow; the table shows it. On a machine with virtual time it
// measures only what is exact there.
//
// Run it with -benchtime 1x; each row has its own number of rounds.
func Bench(b *testing.B, s Setup) {
	hosttest.Need(b)
	t := &table{setup: s}
	before := machine()
	for _, m := range []struct {
		name    string
		measure func(*table)
		virtual bool // whether the row has a meaning in virtual time
	}{
		{"rtt", (*table).roundTrips, true},
		{"rtt-loaded", (*table).loadedRoundTrips, false},
		{"loss", (*table).lossRows, true},
		{"bursts", (*table).burstRow, true},
		{"tcp", (*table).throughput, false},
		{"tcp-10ms", (*table).longPipe, false},
		{"requests", (*table).requests, false},
		{"small-packets", (*table).smallPackets, false},
		{"hosts", (*table).manyHosts, false},
	} {
		b.Run(m.name, func(b *testing.B) {
			if exact && !m.virtual {
				b.Skip("has no meaning in virtual time")
			}
			t.b = b
			before := cpu()
			for b.Loop() {
				if err := t.try(m.measure); err != nil {
					b.Fatal(err)
				}
			}
			after := cpu()
			for i := range t.rows {
				if r := &t.rows[i]; r.others < 0 {
					r.others = after.others(before)
				}
			}
			b.ReportMetric(0, "ns/op")
		})
	}
	fmt.Printf("\n%s\nbefore: %s\nafter:  %s\n\n", t, before, machine())
}

// A table collects the results.
type table struct {
	setup Setup
	b     *testing.B
	root  *Lab // closes the others
	rows  []row
}

type row struct {
	what, target, reached string
	ok                    bool
	others                float64 // share of the processors that other programs took; negative until known
}

// add adds a row, or replaces an earlier measurement of it.
func (t *table) add(ok bool, what, target, reached string, args ...any) {
	t.rows = slices.DeleteFunc(t.rows, func(r row) bool { return r.what == what })
	t.rows = append(t.rows, row{what: what, target: target, reached: fmt.Sprintf(reached, args...), ok: ok, others: -1})
}

// try runs a measurement that may fail as rules do.
func (t *table) try(measure func(*table)) error {
	return Rule{test: func(l *Lab) { t.root = l; measure(t) }}.Check(t.setup)
}

// labs returns a fabric and a bridge with n hosts each; try closes them.
func (t *table) labs(n int) (fabric, plain *Lab) {
	fabric, plain = t.lab(), t.lab()
	fabric.start(testSeed, n)
	plain.startBridge(n)
	return fabric, plain
}

// lab returns a lab that is not started; try closes it.
func (t *table) lab() *Lab {
	l := &Lab{setup: t.setup}
	t.root.later(l.close)
	return l
}

func (t *table) String() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "what\ttarget\treached\tmet\tCPU taken by others")
	for _, r := range t.rows {
		mark := "yes"
		if !r.ok {
			mark = "NO"
		}
		if r.target == "" {
			mark = ""
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%.0f %%\n", r.what, r.target, r.reached, mark, 100*r.others)
	}
	w.Flush() // to a strings.Builder
	return b.String()
}

// A cpuTime is how long the processors have worked so far, in seconds.
type cpuTime struct{ all, busy, ours float64 }

func cpu() (c cpuTime) {
	b, _ := os.ReadFile("/proc/stat")
	line, _, _ := strings.Cut(string(b), "\n")
	for i, field := range strings.Fields(line)[1:9] { // user nice system idle iowait irq softirq steal
		ticks, _ := strconv.ParseFloat(field, 64)
		c.all += ticks / 100 // USER_HZ
		if i != 3 && i != 4 {
			c.busy += ticks / 100
		}
	}
	for _, who := range []int{unix.RUSAGE_SELF, unix.RUSAGE_CHILDREN} {
		var u unix.Rusage
		unix.Getrusage(who, &u)
		c.ours += float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
	}
	return c
}

// others returns the share that other programs have taken since.
func (c cpuTime) others(since cpuTime) float64 {
	return max(0, (c.busy-since.busy-(c.ours-since.ours))/(c.all-since.all))
}

// machine describes the machine and its load.
func machine() string {
	var u unix.Utsname
	unix.Uname(&u)
	load, _ := os.ReadFile("/proc/loadavg")
	return fmt.Sprintf("kernel %s, %d processors, load %s", unix.ByteSliceToString(u.Release[:]), runtime.NumCPU(), strings.TrimSpace(string(load)))
}
