package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/reckon-bench/reckon/cmd/reckon/screen"
	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/flags"
	"github.com/reckon-bench/reckon/reckon/plan"
	"github.com/reckon-bench/reckon/reckon/runner"
)

// A session is the running cluster that a shell works on.
type session interface {
	// Cluster gives access to the system and its links, as faults have it.
	Cluster() reckon.Cluster
	Status() []runner.NodeStatus
	// Ready waits until every node that is not held serves and one leads.
	Ready(ctx context.Context) error
	// Run runs the line on the host as sh -c would, and interrupts it when ctx ends.
	Run(ctx context.Context, host, line string) error
	// Capture captures the host's packets to the file until stop is called, which returns how many.
	Capture(host, path string) (stop func() (string, error), err error)
}

// A shell carries out typed commands on a session. It can undo in any order what it did to nodes
// and to the links between two hosts.
type shell struct {
	session
	hosts []plan.Host
	out   io.Writer

	holds    map[hold]func(context.Context) error
	overlays []overlay // in the order in which they were laid
	captures map[string]recording
}

func newShell(s session, hosts []plan.Host, out io.Writer) *shell {
	return &shell{session: s, hosts: hosts, out: out, holds: map[hold]func(context.Context) error{}, captures: map[string]recording{}}
}

// A command is a word of the shell itself. A line that begins with anything else begins with a
// host, which runs the rest of the line.
type command struct {
	name, args, doc string
	least, most     int // arguments
	run             func(*shell, context.Context, []string) error
}

var errExit = errors.New("exit")

// commands are the shell's commands in the order of help.
var commands []command

func init() { // which help refers to
	commands = []command{
		{"nodes", "", "hosts, their addresses and what runs on them", 0, 0, (*shell).nodes},
		{"links", "", "what every path does now, and the overlays added here", 0, 0, (*shell).links},
		{"status", "", "the leader, and the state of every node, overlay and capture", 0, 0, (*shell).status},
		{"ready", "", "wait until every node that is not held serves and one leads", 0, 0, (*shell).ready},
		{"kill", "NODE", "kill the node's process (SIGKILL); leader stands for the current leader", 1, 1, holding(reckon.Dead)},
		{"start", "NODE", "start it again, on the same data", 1, 1, releasing(reckon.Dead)},
		{"pause", "NODE", "stop it (SIGSTOP); it keeps its connections", 1, 1, holding(reckon.Paused)},
		{"resume", "NODE", "let it continue", 1, 1, releasing(reckon.Paused)},
		{"cut", cutArgs, "drop every packet between them, both ways or one way, and reset connections; or take down a host's interface; HOST may be a list: n2,n3", 2, 4, (*shell).cut},
		{"shape", "HOST HOST PART=VALUE... [--one-way]", "degrade the links between them further: delay=50ms loss=5", 3, 20, (*shell).shape},
		{"heal", "[HOST [HOST]]", "remove the overlays of cut and shape, everywhere or between two; for one host, bring its interface up again", 0, 2, (*shell).heal},
		{"pcap", "HOST FILE|stop", "capture the host's packets for Wireshark", 2, 2, (*shell).pcap},
		{"help", "", "this list", 0, 0, (*shell).help},
		{"exit", "", "end the cluster and everything that runs on it", 0, 0, func(*shell, context.Context, []string) error { return errExit }},
	}
}

// do carries out one line. Blank lines and comments (#) do nothing.
func (s *shell) do(ctx context.Context, line string) error {
	line = strings.TrimSpace(line)
	if line == "" || line[0] == '#' {
		return nil
	}
	words := strings.Fields(line)
	if i := slices.IndexFunc(commands, func(c command) bool { return c.name == words[0] }); i >= 0 {
		c := commands[i]
		if n := len(words) - 1; n < c.least || n > c.most {
			return fmt.Errorf("want %s", strings.TrimSpace(c.name+" "+c.args))
		}
		return c.run(s, ctx, words[1:])
	}
	if s.host(words[0]) == nil {
		return s.unknown(words[0])
	}
	return s.Run(ctx, words[0], strings.TrimSpace(strings.TrimPrefix(line, words[0])))
}

// unknown returns the error for a line that begins with neither a command nor a host.
func (s *shell) unknown(word string) error {
	var known []string
	for _, c := range commands {
		known = append(known, c.name)
	}
	err := flags.Suggest("command", word, slices.Concat(known, s.names("")))
	return fmt.Errorf("%w; after a host comes what to run there", err)
}

// host returns the host of that name, or nil.
func (s *shell) host(name string) *plan.Host {
	i := slices.IndexFunc(s.hosts, func(h plan.Host) bool { return h.Name == name })
	if i < 0 {
		return nil
	}
	return &s.hosts[i]
}

// names returns the names of the hosts with the role; "" stands for any role.
func (s *shell) names(role string) (names []string) {
	for _, h := range s.hosts {
		if role == "" || h.Role == role {
			names = append(names, h.Name)
		}
	}
	return names
}

func (s *shell) help(context.Context, []string) error {
	w := screen.Table(s.out)
	for _, c := range commands {
		fmt.Fprintf(w, "%s\t%s\n", strings.TrimSpace(c.name+" "+c.args), c.doc)
	}
	fmt.Fprint(w, "HOST COMMAND...\trun the command on that host, by sh -c: n1 ping -c 3 n2\n")
	w.Flush()
	fmt.Fprintf(s.out, "Hosts: %s. Parts of a shape: %s.\n", strings.Join(s.names(""), " "), strings.Join(shapeParts(), " "))
	return nil
}
