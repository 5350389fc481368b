package linktest

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"text/tabwriter"

	"golang.org/x/sys/unix"

	"github.com/reckon-bench/reckon/host/hosttest"
)

// Bench measures the fabric beside a plain bridge, and prints a table of what was reached beside what is
// asked. It never fails for being slow: it says so in the table. In a machine of virtual time it measures only what is exact there.
//
// Run it with -benchtime 1x; each row has its own number of rounds.
func Bench(b *testing.B, s Setup) {
	hosttest.Need(b)
	t := &table{setup: s}
	before := machine()
	for _, m := range []struct {
		name    string
		measure func(*table)
		virtual bool // means something in virtual time
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
				b.Skip("says nothing in virtual time")
			}
			t.b = b
			for b.Loop() {
				if err := t.try(m.measure); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(0, "ns/op")
		})
	}
	fmt.Printf("\n%s\nbefore: %s\nafter:  %s\n\n", t, before, machine())
}

// A table collects what was measured.
type table struct {
	setup Setup
	b     *testing.B
	rows  []row
}

type row struct {
	what, target, reached string
	ok                    bool
}

// add adds a row.
func (t *table) add(ok bool, what, target, reached string, args ...any) {
	t.rows = append(t.rows, row{what, target, fmt.Sprintf(reached, args...), ok})
}

// try is a measurement that may fail as rules do.
func (t *table) try(measure func(*table)) error {
	return Rule{test: func(*Lab) { measure(t) }}.Check(t.setup)
}

// labs are a fabric and a bridge with n hosts each.
func (t *table) labs(n int) (fabric, plain *Lab) {
	fabric, plain = &Lab{setup: t.setup}, &Lab{setup: t.setup}
	fabric.start(testSeed, n)
	plain.startBridge(n)
	return fabric, plain
}

func (t *table) String() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "what\ttarget\treached\t")
	for _, r := range t.rows {
		mark := "yes"
		if !r.ok {
			mark = "NO"
		}
		if r.target == "" {
			mark = ""
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", r.what, r.target, r.reached, mark)
	}
	w.Flush() // to a strings.Builder
	return b.String()
}

// machine says what it is, and how busy.
func machine() string {
	var u unix.Utsname
	unix.Uname(&u)
	load, _ := os.ReadFile("/proc/loadavg")
	return fmt.Sprintf("kernel %s, %d processors, load %s", unix.ByteSliceToString(u.Release[:]), runtime.NumCPU(), strings.TrimSpace(string(load)))
}
