// Package driver is the load driver, a process in a client's namespace that offers the load by
// reckon's own client or by somebody's program, and the runner's end of it, a Fleet.
//
// A driver gets commands as lines on its standard input, and answers on its standard output:
//
//	-> {job}               <- ready
//	-> preload             <- preloaded
//	-> load NANOSECONDS    <- operations, one JSON object a line, and progress lines
//	                       <- done {report}
//	-> stop                   (ends a load early)
//
// Anything that goes wrong is "failed REASON", and the end of the input ends the process.
package driver

import (
	"encoding/json"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/plan"
)

// Role is the name under which reckon's binary is a load driver.
const Role = "reckon-load"

// A Job is what a driver needs to know.
type Job struct {
	Words   plan.Words
	Flags   plan.Flags
	Setting reckon.Setting
	Members []reckon.Member
	Client  int           // index in Setting.Clients
	Epoch   time.Duration // on CLOCK_MONOTONIC
}

// name returns the client host's name.
func (j Job) name() string { return j.Setting.Clients[j.Client] }

// A Report is what a driver reports of its load; lag in microseconds.
type Report struct {
	Offered                int
	LagP50, LagP99, LagMax float64
	Error                  string // why the load is not what was planned
}

// newReport returns the report of a load; lag is in nanoseconds.
func newReport(offered int, lag *hdrhistogram.Histogram, err error) Report {
	us := func(q float64) float64 { return float64(lag.ValueAtQuantile(q)) / 1e3 }
	r := Report{Offered: offered, LagP50: us(50), LagP99: us(99), LagMax: us(100)}
	if err != nil {
		r.Error = err.Error()
	}
	return r
}

// write writes the report as the line that the runner expects.
func (r Report) write(out *lineWriter) {
	b, _ := json.Marshal(r) // numbers and a string always marshal
	out.line("done " + string(b))
}
