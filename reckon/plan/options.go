package plan

import (
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/flags"
)

// Options are the flags that every run understands.
type Options struct {
	Seed           uint64
	Duration       time.Duration
	FailureTimeout time.Duration
	OpTimeout      time.Duration
	Links          string
	Endpoints      string
	ClientCmd      string // "": reckon's own client
	ClientReady    time.Duration
	Pcap           bool
	PcapLimit      uint64         // bytes
	FaultAt        *time.Duration // nil: at each fault's own time
	FaultFor       *time.Duration // nil: each fault's own length
}

// bind declares the options with their defaults.
func (o *Options) bind(fs *pflag.FlagSet) {
	reckon.SeedVar(fs, &o.Seed)
	flags.SecondsVar(fs, &o.Duration, "duration", time.Minute, "how long the load lasts")
	reckon.FailureTimeoutVar(fs, &o.FailureTimeout)
	flags.SecondsVar(fs, &o.OpTimeout, "op-timeout", 5*time.Second, "how long a client waits for one operation")
	flags.ChoiceVar(fs, &o.Links, "links", "auto", []string{"auto", "userspace", "netem"}, "what carries the packets; auto takes what this machine has")
	flags.ChoiceVar(fs, &o.Endpoints, "endpoints", "balanced", []string{"balanced", "pinned"}, "which members a client uses: all in turn, or the one beside it")
	fs.StringVar(&o.ClientCmd, "client-cmd", "", "a program that offers the load from each client host in place of reckon's client, over frames of JSON on its standard input and output; {targets} and {id} are filled in")
	flags.SecondsVar(fs, &o.ClientReady, "client-ready", 30*time.Second, "how long the program of --client-cmd may take to read its operations and to report that it is ready")
	fs.BoolVar(&o.Pcap, "pcap", false, "record every host's packets in pcap/HOST.pcapng, which Wireshark reads; lost ones carry a comment (with netem only those sent into a cut)")
	flags.MaybeSecondsVar(fs, &o.FaultAt, "fault-at", "when the faults strike, from the start of the load (default: each fault's own time)")
	flags.MaybeSecondsVar(fs, &o.FaultFor, "fault-for", "how long the faults last (default: each fault's own length)")
	flags.SizeVar(fs, &o.PcapLimit, "pcap-limit", 64<<20, "how large the file of one host may become; it ends there")
}

// Pinned reports whether a client uses only the member nearest to it.
func (o Options) Pinned() bool { return o.Endpoints == "pinned" }

// maxOpTimeout bounds how long a run waits for its last operations.
const maxOpTimeout = 10 * time.Minute

func (o Options) validate() error {
	switch {
	case o.Duration < time.Second:
		return fmt.Errorf("--duration %v: must be at least 1s", o.Duration)
	case o.Duration > 24*time.Hour:
		return fmt.Errorf("--duration %v: must be at most 24h", o.Duration)
	case o.OpTimeout < time.Millisecond:
		return fmt.Errorf("--op-timeout %v: must be at least 1ms", o.OpTimeout)
	case o.OpTimeout > maxOpTimeout:
		return fmt.Errorf("--op-timeout %v: must be at most %v", o.OpTimeout, maxOpTimeout)
	case o.FailureTimeout < 10*time.Millisecond:
		return fmt.Errorf("--failure-timeout %v: must be at least 10ms", o.FailureTimeout)
	case o.FaultAt != nil && *o.FaultAt >= o.Duration:
		return fmt.Errorf("--fault-at %v: outside the run, which lasts %v", *o.FaultAt, o.Duration)
	case o.FaultFor != nil && (*o.FaultFor == 0 || *o.FaultFor > o.Duration):
		return fmt.Errorf("--fault-for %v: must be above 0 and at most %v, which the run lasts", *o.FaultFor, o.Duration)
	case o.ClientReady < 100*time.Millisecond || o.ClientReady > time.Hour:
		return fmt.Errorf("--client-ready %v: must be from 100ms to 1h", o.ClientReady)
	case o.PcapLimit < reckon.LeastPcapLimit:
		return fmt.Errorf("--pcap-limit %s: must be at least %s", flags.Size(o.PcapLimit), flags.Size(reckon.LeastPcapLimit))
	}
	return validClientCmd(o.ClientCmd)
}

// Defaults returns the options without any flag given.
func Defaults() (o Options) {
	o.bind(pflag.NewFlagSet("run", pflag.ContinueOnError))
	return o
}

// OptionFlags returns the flags that every run understands, with their defaults.
func OptionFlags() *pflag.FlagSet {
	fs := pflag.NewFlagSet("run", pflag.ContinueOnError)
	new(Options).bind(fs)
	return fs
}
