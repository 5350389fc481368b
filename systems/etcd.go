package systems

import (
	"cmp"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/moby/sys/reexec"
	"github.com/spf13/pflag"
	"go.etcd.io/etcd/server/v3/embed"
	"go.etcd.io/etcd/server/v3/etcdmain"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/flags"
	"github.com/reckon-bench/reckon/reckon/link"
)

// EtcdRole is the name under which reckon's binary is etcd.
const EtcdRole = "reckon-etcd"

func init() {
	reexec.Register(EtcdRole, func() { etcdmain.Main(os.Args) })
	registerEtcd("etcd", true, "etcd, built into reckon, with pre-vote (its default since 3.5)")
	registerEtcd("etcd-no-pre-vote", false, "etcd without pre-vote (its default up to 3.4): a member that was cut off forces an election when it comes back")
}

// registerEtcd registers a word. With an argument it is another etcd than the built-in one.
func registerEtcd(name string, preVote bool, doc string) {
	reckon.Systems.Register(reckon.Word[reckon.System]{
		Name: name, Doc: doc,
		New:       func(fs *pflag.FlagSet) reckon.System { return newEtcd(fs, name, preVote, edition{}) },
		Arguments: []string{"VERSION", "PATH"},
		With: func(argument string) (string, func(*pflag.FlagSet) reckon.System, error) {
			ed, err := parseEdition(argument)
			return ed.String(), func(fs *pflag.FlagSet) reckon.System { return newEtcd(fs, name, preVote, ed) }, err
		},
	})
}

// etcd is the System of both words.
type etcd struct {
	word            string // without its argument
	preVote         bool
	edition         edition         // which etcd, by the word
	program         reckon.Prepared // what Prepare found
	electionTimeout time.Duration
	binary          binaryPath // --etcd-binary: another way to write etcd@PATH
	flags           etcdFlags
	watches         int // how many Changes has open at once

	mu    sync.Mutex
	conns map[string]*memberConn // for questions to single members, by address
}

func newEtcd(fs *pflag.FlagSet, word string, preVote bool, ed edition) *etcd {
	e := &etcd{word: word, preVote: preVote, edition: ed, watches: watchesAhead, conns: map[string]*memberConn{}}
	reckon.FailureTimeoutVar(fs, &e.electionTimeout)
	fs.Var(&e.binary, "etcd-binary", "another etcd to run, instead of the one that is built in")
	fs.Var(&e.flags, "etcd-flag", "a flag for etcd, as name=value; may be repeated")
	return e
}

const (
	// maxElection is etcd's own limit (maxElectionMs in embed/config.go).
	maxElection = 50 * time.Second
	// electionGrain makes the heartbeat, a tenth of the election timeout, whole milliseconds, which
	// is what etcd counts in. It matters: etcd divides one by the other and rounds down, so 1005 ms
	// would be 1000 ms.
	electionGrain = 10 * time.Millisecond
	// quota is the size at which etcd turns read-only: the largest that it takes without a warning,
	// so that a long run is not ended by the 2 GiB of the default.
	quota = 8 << 30
)

// Command returns etcd's command line. It is the same for the user's own etcd as for the built-in
// one, except for flags that have another name in that version.
func (e *etcd) Command(m reckon.Member, peers []reckon.Member) reckon.Command {
	args := []string{EtcdRole}
	for _, f := range e.commandFlags(m, peers) {
		args = append(args, f.String())
	}
	return reckon.Command{Path: e.path(), Args: args}
}

// commandFlags returns reckon's flags and the user's, which override them.
func (e *etcd) commandFlags(m reckon.Member, peers []reckon.Member) (effective etcdFlags) {
	var all etcdFlags
	for _, f := range append(e.own(m, peers), e.flags...) {
		name, renamed := e.program.Renamed[f.name]
		switch {
		case !renamed:
			all = append(all, f)
		case name != "":
			all = append(all, etcdFlag{name, f.value})
		}
	}
	for i, f := range all {
		overridden := slices.ContainsFunc(all[i+1:], func(later etcdFlag) bool { return later.name == f.name })
		if !overridden {
			effective = append(effective, f)
		}
	}
	return effective
}

// own returns the flags that reckon itself gives to etcd.
func (e *etcd) own(m reckon.Member, peers []reckon.Member) etcdFlags {
	var cluster []string
	for _, p := range peers {
		cluster = append(cluster, p.Name+"="+peerURL(p))
	}
	return etcdFlags{
		{"name", m.Name},
		{"data-dir", m.Dir},
		{"listen-peer-urls", peerURL(m)},
		{"initial-advertise-peer-urls", peerURL(m)},
		{"listen-client-urls", clientURL(m)},
		{"advertise-client-urls", clientURL(m)},
		{"initial-cluster", strings.Join(cluster, ",")},
		{"initial-cluster-state", "new"}, // ignored once there is data, so a restart uses the same command
		{"initial-cluster-token", "reckon"},
		{"heartbeat-interval", milliseconds(e.electionTimeout / 10)},
		{"election-timeout", milliseconds(e.electionTimeout)},
		{"pre-vote", strconv.FormatBool(e.preVote)}, // always given, because its default differs between versions
		{"auto-compaction-retention", "0"},          // none: the record of changes reaches back to the first
		{"quota-backend-bytes", strconv.Itoa(quota)},
		{"logger", "zap"},
		{"log-outputs", "stderr"},
	}
}

// Endpoints returns the members' client URLs.
func (e *etcd) Endpoints(members []reckon.Member) (urls []string) {
	for _, m := range members {
		urls = append(urls, clientURL(m))
	}
	return urls
}

func peerURL(m reckon.Member) string   { return "http://" + hostPort(m.Addr, peerPort) }
func clientURL(m reckon.Member) string { return "http://" + clientAddress(m) }

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// Validate returns an error for what etcd would refuse when it starts, and for what would make the
// plan differ from what runs.
func (e *etcd) Validate(s reckon.Setting) error {
	return cmp.Or(e.needsEdition(), e.needsTimeout(), e.needsFlags(), needsEnviron(os.Environ()), needsNear(s))
}

// needsNear returns an error for links over which no client would ever connect.
func needsNear(s reckon.Setting) error {
	for _, c := range s.Clients {
		for _, n := range s.Used(c) {
			there := link.Path{From: c, To: n}
			if trip := s.Links[there].Delay + s.Links[there.Back()].Delay; trip > longestTrip {
				return fmt.Errorf("a round trip from %s to %s takes %v: clients give an attempt to connect %v, which is enough for up to %v", c, n, trip, connectTimeout, longestTrip)
			}
		}
	}
	return nil
}

func (e *etcd) needsTimeout() error {
	switch d := e.electionTimeout; {
	case d < electionGrain || d%electionGrain != 0:
		return fmt.Errorf("--failure-timeout %v: must be a multiple of %v, as the heartbeat is a tenth of it and etcd counts milliseconds", d, electionGrain)
	case d > maxElection:
		return fmt.Errorf("--failure-timeout %v: etcd's election timeout is at most %v", d, maxElection)
	}
	return nil
}

// settled are the flags of etcd that --etcd-flag may not set, with the reason.
var settled = map[string]string{
	"name":                        "reckon names the members",
	"data-dir":                    "reckon gives each member its directory",
	"listen-peer-urls":            "reckon gives each member its address",
	"initial-advertise-peer-urls": "reckon gives each member its address",
	"listen-client-urls":          "reckon gives each member its address",
	"advertise-client-urls":       "reckon gives each member its address",
	"initial-cluster":             "reckon lists the members",
	"initial-cluster-state":       "reckon starts the cluster anew",
	"force-new-cluster":           "reckon starts the cluster anew",
	"config-file":                 "with a file etcd ignores all flags, those of reckon too",
	"election-timeout":            "--failure-timeout sets it, for the run's bounds too",
	"pre-vote":                    "the words etcd and etcd-no-pre-vote set it",
	"logger":                      "reckon keeps the log",
	"log-outputs":                 "reckon keeps the log",
	"version":                     "etcd would print it and end",
}

func (e *etcd) needsFlags() error {
	known := builtInFlags()
	for _, f := range e.flags {
		if why, ok := settled[f.name]; ok {
			return fmt.Errorf("--etcd-flag %s: not possible: %s", f.name, why)
		}
		if err := f.valid(known); err != nil && e.builtIn() { // any other etcd checks its flags itself when it is prepared
			return fmt.Errorf("--etcd-flag %s=%s: %w", f.name, f.value, err)
		}
		if err := e.heartbeats(f); err != nil {
			return fmt.Errorf("--etcd-flag %s=%s: %w", f.name, f.value, err)
		}
	}
	return nil
}

// heartbeats checks an overridden heartbeat by etcd's rule (Validate in embed/config.go).
func (e *etcd) heartbeats(f etcdFlag) error {
	if f.name != "heartbeat-interval" {
		return nil
	}
	ms, err := strconv.ParseUint(f.value, 10, 32)
	if most := e.electionTimeout.Milliseconds() / 5; err != nil || ms < 1 || int64(ms) > most {
		return fmt.Errorf("must be from 1 to %d milliseconds, a fifth of the election timeout", most)
	}
	return nil
}

// builtInFlags returns the flags of the built-in etcd, for trying values.
func builtInFlags() *flag.FlagSet {
	fs := flag.NewFlagSet("etcd", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	embed.NewConfig().AddFlags(fs)
	return fs
}

// needsEnviron returns an error for environment variables that etcd would read as flags: it exits
// on one that contradicts its command line, and any other would be missing from the record of the
// run.
func needsEnviron(environ []string) error {
	for _, v := range environ {
		name, _, _ := strings.Cut(v, "=")
		if strings.HasPrefix(name, "ETCD_") && name != "ETCD_UNSUPPORTED_ARCH" && name != "ETCD_VERIFY" {
			return fmt.Errorf("the environment variable %s would reach etcd unrecorded: unset it, and use --etcd-flag", name)
		}
	}
	return nil
}

// etcdFlag is one flag of etcd.
type etcdFlag struct{ name, value string }

func (f etcdFlag) String() string { return "--" + f.name + "=" + f.value }

// valid returns an error if etcd's own flags do not accept it.
func (f etcdFlag) valid(known *flag.FlagSet) error {
	if known.Lookup(f.name) == nil {
		var names []string
		known.VisitAll(func(k *flag.Flag) { names = append(names, k.Name) })
		return fmt.Errorf("etcd has no such flag%s", flags.DidYouMean(f.name, names))
	}
	return known.Set(f.name, f.value)
}

// etcdFlags is the value of --etcd-flag.
type etcdFlags []etcdFlag

func (l *etcdFlags) Type() string { return "name=value" }

func (l *etcdFlags) String() string {
	var s []string
	for _, f := range *l {
		s = append(s, f.name+"="+f.value)
	}
	return strings.Join(s, " ")
}

func (l *etcdFlags) Set(s string) error {
	name, value, ok := strings.Cut(strings.TrimLeft(s, "-"), "=")
	if !ok || name == "" {
		return fmt.Errorf("want name=value, such as snapshot-count=5000")
	}
	*l = append(*l, etcdFlag{name, value})
	return nil
}

// Append, Replace and GetSlice make it a list for pflag (pflag.SliceValue): its values are taken
// apart again as they were given.
func (l *etcdFlags) Append(s string) error { return l.Set(s) }

func (l *etcdFlags) Replace(all []string) error {
	*l = nil
	for _, s := range all {
		if err := l.Set(s); err != nil {
			return err
		}
	}
	return nil
}

func (l *etcdFlags) GetSlice() (all []string) {
	for _, f := range *l {
		all = append(all, f.name+"="+f.value)
	}
	return all
}
