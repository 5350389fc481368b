package testbed

import (
	"bufio"
	"context"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/reckon-bench/reckon/reckon/clock"
	"github.com/reckon-bench/reckon/reckon/history"
)

// noiseEvery is how often the machine's noise is sampled.
const noiseEvery = 250 * time.Millisecond

// sampleNoise records what else the machine was doing: time that the hypervisor took away (steal,
// proc(5)), time in which all processors together were busy, and the share of time in which some
// task waited for processor, disk or memory (pressure stall information, the kernel's
// Documentation/accounting/psi.rst).
func sampleNoise(ctx context.Context, event func(history.Event)) {
	last := readNoise()
	clock.Every(ctx, noiseEvery, func() {
		now := readNoise()
		if data := now.since(last); len(data) > 0 {
			event(history.NewNoise(data))
		}
		last = now
	})
}

// noise is a reading of the machine's counters.
type noise struct {
	at                 time.Time
	total, idle, steal float64            // jiffies
	pressure           map[string]float64 // microseconds stalled since boot, by resource
}

func readNoise() noise {
	n := noise{at: time.Now(), pressure: map[string]float64{}}
	if b, err := os.ReadFile("/proc/stat"); err == nil {
		n.readStat(string(b))
	}
	for _, resource := range []string{"cpu", "io", "memory"} {
		if b, err := os.ReadFile("/proc/pressure/" + resource); err == nil {
			if us, ok := someTotal(string(b)); ok {
				n.pressure[resource] = us
			}
		}
	}
	return n
}

// readStat reads the first line of /proc/stat: cpu user nice system idle iowait irq softirq steal
// ...
func (n *noise) readStat(s string) {
	line, _, _ := strings.Cut(s, "\n")
	fields := strings.Fields(line)
	for i, f := range fields {
		if i == 0 || i > 8 { // guest time is in user time already
			continue
		}
		x, err := strconv.ParseFloat(f, 64)
		if err != nil {
			return
		}
		n.total += x
		switch i {
		case 4, 5:
			n.idle += x
		case 8:
			n.steal = x
		}
	}
}

// someTotal finds "total=" of the line "some ..." of a pressure file.
func someTotal(s string) (us float64, ok bool) {
	sc := bufio.NewScanner(strings.NewReader(s))
	for sc.Scan() {
		if _, v, found := strings.Cut(sc.Text(), "total="); found && strings.HasPrefix(sc.Text(), "some ") {
			us, err := strconv.ParseFloat(v, 64)
			return us, err == nil
		}
	}
	return 0, false
}

func (n noise) since(last noise) map[string]float64 {
	data := map[string]float64{}
	if total := n.total - last.total; total > 0 {
		data["steal_pct"] = 100 * (n.steal - last.steal) / total
		data["busy_pct"] = 100 * (1 - (n.idle-last.idle)/total)
	}
	elapsed := float64(n.at.Sub(last.at).Microseconds())
	for resource, us := range n.pressure {
		if before, ok := last.pressure[resource]; ok && elapsed > 0 {
			data["psi_"+resource+"_pct"] = min(100, 100*(us-before)/elapsed)
		}
	}
	return data
}
