package gossip

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/spf13/pflag"

	"github.com/reckon-bench/reckon/reckon/flags"
	"github.com/reckon-bench/reckon/systems/gossip/core"
	"github.com/reckon-bench/reckon/systems/gossip/recon"
	"github.com/reckon-bench/reckon/systems/gossip/wal"
)

// Tuning are the options that matter to what a cluster promises and costs. Every member should have
// the same.
type Tuning struct {
	Ack, Reconcile, Durability string
	Interval                   time.Duration
	Contacts, Fanout           int
	MaxOffset, AckTimeout      time.Duration
	Defect                     string
}

// Bind declares the flags.
func (u *Tuning) Bind(fs *pflag.FlagSet) {
	flags.ChoiceVar(fs, &u.Ack, "ack", "local", core.Acks, "how many durable copies precede the answer to a write: the member's own, one more, a majority, all")
	flags.ChoiceVar(fs, &u.Reconcile, "reconcile", "riblt", recon.Methods, "how members find what they lack of each other")
	flags.ChoiceVar(fs, &u.Durability, "durability", "sync", wal.Durabilities, "what a write waits for: the disk, or the page cache, synced every 100 ms or never")
	flags.LatencyVar(fs, &u.Interval, "gossip-interval", 250*time.Millisecond, "time between two rounds of anti-entropy")
	fs.IntVar(&u.Contacts, "gossip-contacts", 2, "members with whom a round reconciles")
	fs.IntVar(&u.Fanout, "gossip-fanout", 3, "members to whom a new entry is pushed")
	flags.LatencyVar(fs, &u.MaxOffset, "max-clock-offset", 500*time.Millisecond, "how far ahead of the local clock a stamp may be")
	flags.LatencyVar(fs, &u.AckTimeout, "ack-timeout", time.Second, "how long a write waits for other members' copies until its outcome is unknown")
	fs.StringVar(&u.Defect, "gossip-defect", "", "build in a defect, to see the checks catch it: "+fmt.Sprint(core.Defects))
	_ = fs.MarkHidden("gossip-defect") // the flag is there
}

// Args are the flags again.
func (u *Tuning) Args() []string {
	args := []string{
		"--ack=" + u.Ack, "--reconcile=" + u.Reconcile, "--durability=" + u.Durability, "--gossip-interval=" + u.Interval.String(),
		fmt.Sprint("--gossip-contacts=", u.Contacts), fmt.Sprint("--gossip-fanout=", u.Fanout),
		"--max-clock-offset=" + u.MaxOffset.String(), "--ack-timeout=" + u.AckTimeout.String(),
	}
	if u.Defect != "" {
		args = append(args, "--gossip-defect="+u.Defect)
	}
	return args
}

// apply puts the tuning into the options.
func (u *Tuning) apply(o *Options) {
	o.Ack, o.Reconcile, o.Durability, o.Interval, o.Contacts, o.Fanout = u.Ack, u.Reconcile, u.Durability, u.Interval, u.Contacts, u.Fanout
	o.MaxOffset, o.AckTimeout, o.Defect = u.MaxOffset, u.AckTimeout, u.Defect
}

// Valid reports what is wrong with the tuning.
func (u *Tuning) Valid() error {
	o := Options{Name: "n", Dir: "d", ListenPeer: "h:1", ListenClient: "h:2"}
	u.apply(&o)
	switch {
	case u.Interval < 4*time.Millisecond:
		return fmt.Errorf("--gossip-interval %v: must be at least 4ms", u.Interval)
	case u.Contacts < 1 || u.Fanout < 1:
		return fmt.Errorf("--gossip-contacts %d, --gossip-fanout %d: must be at least 1", u.Contacts, u.Fanout)
	case u.AckTimeout < 4*time.Millisecond:
		return fmt.Errorf("--ack-timeout %v: must be at least 4ms", u.AckTimeout)
	}
	return o.Fill()
}

// Flags declares the flags of a member, and returns a function that makes options of them once they
// are parsed.
func Flags(fs *pflag.FlagSet) func() (Options, error) {
	var o Options
	var u Tuning
	var memory uint64
	fs.StringVar(&o.Name, "name", "", "the member's name, unique in its cluster")
	fs.StringVar(&o.Dir, "data-dir", "", "directory of its data (default NAME.gossip)")
	fs.StringVar(&o.Cluster, "cluster", "gossip", "name of the cluster; members of others are refused")
	fs.StringVar(&o.ListenPeer, "listen-peer", "127.0.0.1:2380", "address on which peers are served")
	fs.StringVar(&o.ListenClient, "listen-client", "127.0.0.1:2379", "address on which clients are served, by etcd's v3 API")
	fs.StringVar(&o.AdvertisePeer, "advertise-peer", "", "address at which peers reach it (default: that on which it listens)")
	fs.StringVar(&o.AdvertiseClient, "advertise-client", "", "address at which clients reach it (default: that on which it listens)")
	fs.StringSliceVar(&o.Initial, "initial-cluster", nil, "members of a new cluster, all of them, as NAME=PEERADDRESS,...; used once, on an empty directory")
	fs.StringSliceVar(&o.Join, "join", nil, "peer addresses of members of a cluster to join; used once, on an empty directory")
	flags.SizeVar(fs, &memory, "max-memory", 0, "entries in memory beyond which writes are refused; 0: no limit")
	u.Bind(fs)
	return func() (Options, error) {
		u.apply(&o)
		o.MaxBytes = int(memory)
		if o.Dir == "" && o.Name != "" {
			o.Dir = o.Name + ".gossip"
		}
		if err := u.Valid(); err != nil {
			return o, err
		}
		return o, o.Fill()
	}
}

// gcPercent trades processor time for memory: the state is large and long-lived.
const gcPercent = 50

// Serve runs a member until it is told to stop (SIGINT, SIGTERM) or fails. It logs to w.
func Serve(o Options, w io.Writer) error {
	o.Logf = func(format string, args ...any) {
		fmt.Fprintf(w, "%s gossip %s: %s\n", time.Now().UTC().Format("2006-01-02T15:04:05.000Z"), o.Name, fmt.Sprintf(format, args...))
	}
	debug.SetGCPercent(gcPercent)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	s, err := Start(o)
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Wait() }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return s.Close()
	}
}
