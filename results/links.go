package results

import (
	"fmt"
	"strings"
)

// Links is the proof of the links: what was measured before the load beside what the
// plan says, and the fabric's own account since it was made.
type Links struct {
	Backend string `json:"backend"`
	// Details are priority, seed and kernel, as the backend reports them.
	Details  string    `json:"details,omitempty"`
	Late     *Lateness `json:"late_us"` // from due to delivered, in microseconds
	Packets  float64   `json:"packets"`
	Lost     float64   `json:"lost"`     // by the loss that the plan asks for
	Cut      float64   `json:"cut"`      // by cuts
	Overflow float64   `json:"overflow"` // because queues were full

	Probed *Probed    `json:"probed"` // null where the links were never measured
	Paths  []LinkPath `json:"paths"`  // those that were measured or carried anything, in order
}

// Probed is how much was measured before the load.
type Probed struct {
	Paths   int     `json:"paths"`  // between all hosts
	Probed  int     `json:"probed"` // of those, measured
	Packets int     `json:"packets"`
	Took    float64 `json:"took_s"`
}

// A LinkPath is one ordered path: planned, measured before the load, and counted since the links
// were made. Delays are one way, in milliseconds; the plan's is what the shape asks for on average.
// Losses are shares, from 0 to 1.
type LinkPath struct {
	Path         string      `json:"path"`
	Shape        string      `json:"shape"` // the plan's, "20ms ±2ms, loss 1%"
	Planned      *float64    `json:"planned_ms"`
	Measured     *Measured   `json:"measured_ms"`
	Bounds       *[2]float64 `json:"bounds_ms"` // on the measured median
	PlannedLoss  *float64    `json:"planned_loss"`
	MeasuredLoss *float64    `json:"measured_loss"`
	LostBounds   *[2]int     `json:"probes_lost_bounds"`
	ProbesSent   int         `json:"probes"`
	ProbesLost   int         `json:"probes_lost"`
	Packets      float64     `json:"packets"`
	Lost         float64     `json:"lost"`
	Cut          float64     `json:"cut"`
	Overflow     float64     `json:"overflow"`

	// As the plan asked; netem does not count them.
	Duplicated float64 `json:"duplicated,omitempty"`
	Corrupted  float64 `json:"corrupted,omitempty"`
	Reordered  float64 `json:"reordered,omitempty"`

	// Jittered: as planned, so the median of few probes is off in any case.
	Jittered bool `json:"-"`
}

// Measured is the delay of a path's probes.
type Measured struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"` // of ten probes, the slowest
}

// Lateness of what should have been on time.
type Lateness struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

// Ends are the hosts of the path.
func (p LinkPath) Ends() (from, to string) {
	from, to, _ = strings.Cut(p.Path, ">")
	return from, to
}

// Wrong says what of the path's measurement cannot be if the path does what the plan says, "" for
// nothing.
func (p LinkPath) Wrong() string {
	switch {
	case p.ProbesSent == 0:
		return ""
	case p.LostBounds != nil && (p.ProbesLost < p.LostBounds[0] || p.ProbesLost > p.LostBounds[1]):
		return fmt.Sprintf("lost %d of %d probes, expected %s", p.ProbesLost, p.ProbesSent, fromTo(p.LostBounds[0], p.LostBounds[1]))
	case p.Measured == nil || p.Bounds == nil:
		return ""
	case p.Measured.P50 < p.Bounds[0]:
		return fmt.Sprintf("delays by only %.3g ms", p.Measured.P50)
	case p.Measured.P50 > p.Bounds[1]:
		return fmt.Sprintf("delays by %.3g ms, the bound is %.4g ms", p.Measured.P50, p.Bounds[1])
	}
	return ""
}

func fromTo(least, most int) string {
	if least == most {
		return fmt.Sprint(least)
	}
	return fmt.Sprintf("%d to %d", least, most)
}

// Off is by how much the measured median misses the plan, in milliseconds, 0 where one of them is
// missing.
func (p LinkPath) Off() float64 {
	if p.Measured == nil || p.Planned == nil {
		return 0
	}
	return p.Measured.P50 - *p.Planned
}

// A Captured is what became of the packets of a host that were recorded.
type Captured struct {
	Host      string  `json:"host"`
	Packets   float64 `json:"packets"`   // that are in the file
	Bytes     float64 `json:"bytes"`     // of the file
	Dropped   float64 `json:"dropped"`   // for want of room to keep them until they were written
	Unwritten float64 `json:"unwritten"` // that came when the file had reached its limit
}
