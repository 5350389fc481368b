package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/flags"
	"github.com/reckon-bench/reckon/reckon/link"
	"github.com/reckon-bench/reckon/reckon/plan"
	"github.com/reckon-bench/reckon/reckon/runner"
)

// A session is what a shell has before it.
type session interface {
	// Cluster is what may be done to the system and its links, as faults do it.
	Cluster() reckon.Cluster
	Status() []runner.NodeStatus
	// Ready waits until every node that nobody holds serves, and one leads.
	Ready(ctx context.Context) error
	// Run runs the line on the host as sh -c would; when ctx ends it is interrupted.
	Run(ctx context.Context, host, line string) error
	// Capture captures the host's packets in the file until stop is called, which says what became of them.
	Capture(host, path string) (stop func() (string, error), err error)
}

// A shell does what people type to a session. What it did to a node, or to the
// links between two hosts, it can undo in any order.
type shell struct {
	session
	hosts []plan.Host
	out   io.Writer

	holds    map[hold]func(context.Context) error
	overlays []overlay // in the order in which they were laid
	captures map[string]recording
}

type hold struct {
	node  string
	state reckon.State
}

// overlay lies between two hosts.
type overlay struct {
	hosts [2]string
	links link.Matrix
	heal  func(context.Context) error
}

type recording struct {
	path string
	stop func() (string, error)
}

func newShell(s session, hosts []plan.Host, out io.Writer) *shell {
	return &shell{session: s, hosts: hosts, out: out, holds: map[hold]func(context.Context) error{}, captures: map[string]recording{}}
}

// A command is one word of the shell's own. Whatever else begins a line is a host, which runs the rest of it.
type command struct {
	name, args, doc string
	least, most     int // arguments
	run             func(*shell, context.Context, []string) error
}

var errExit = errors.New("exit")

// commands lists them in the order in which help does.
var commands []command

func init() { // which help refers to
	commands = []command{
		{"nodes", "", "hosts, their addresses and what runs on them", 0, 0, (*shell).nodes},
		{"links", "", "what every path does now, and what was laid over it here", 0, 0, (*shell).links},
		{"status", "", "who leads, who serves, who is held; what is captured", 0, 0, (*shell).status},
		{"ready", "", "wait until every node that is not held serves, and one leads", 0, 0, (*shell).ready},
		{"kill", "NODE", "kill the node's process (SIGKILL); leader is whoever leads", 1, 1, holding(reckon.Dead)},
		{"start", "NODE", "start it again, on the same data", 1, 1, releasing(reckon.Dead)},
		{"pause", "NODE", "stop it (SIGSTOP); it keeps its connections", 1, 1, holding(reckon.Paused)},
		{"resume", "NODE", "let it continue", 1, 1, releasing(reckon.Paused)},
		{"cut", cutArgs, "lose every packet between them, or one way, and reset connections; or take one host's interface down; HOST may be a list: n2,n3", 2, 4, (*shell).cut},
		{"shape", "HOST HOST PART=VALUE... [--one-way]", "worsen the links between them, beyond what they are: delay=50ms loss=5", 3, 20, (*shell).shape},
		{"heal", "[HOST [HOST]]", "take away what cut and shape laid over the links, everywhere or between two; of one host, have its interface up again", 0, 2, (*shell).heal},
		{"pcap", "HOST FILE|stop", "capture the host's packets for Wireshark", 2, 2, (*shell).pcap},
		{"help", "", "this list", 0, 0, (*shell).help},
		{"exit", "", "end the cluster and everything that runs on it", 0, 0, func(*shell, context.Context, []string) error { return errExit }},
	}
}

// do does one line. Blank lines and comments (#) are nothing to do.
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

// unknown says what the word might have been.
func (s *shell) unknown(word string) error {
	var names []string
	for _, c := range commands {
		names = append(names, c.name)
	}
	hint := ""
	if near := flags.Nearest(word, slices.Concat(names, s.names(""))); near != "" {
		hint = fmt.Sprintf(", did you mean %q?", near)
	}
	return fmt.Errorf("unknown command %q%s; known: %s; or a host (%s) and what to run there", word, hint,
		strings.Join(names, ", "), strings.Join(s.names(""), ", "))
}

// host is the host of that name, nil where there is none.
func (s *shell) host(name string) *plan.Host {
	i := slices.IndexFunc(s.hosts, func(h plan.Host) bool { return h.Name == name })
	if i < 0 {
		return nil
	}
	return &s.hosts[i]
}

// names are those of the hosts with the role, "" being any.
func (s *shell) names(role string) (names []string) {
	for _, h := range s.hosts {
		if role == "" || h.Role == role {
			names = append(names, h.Name)
		}
	}
	return names
}

func (s *shell) help(context.Context, []string) error {
	w := table(s.out)
	for _, c := range commands {
		fmt.Fprintf(w, "%s\t%s\n", strings.TrimSpace(c.name+" "+c.args), c.doc)
	}
	fmt.Fprint(w, "HOST COMMAND...\trun the command on that host, by sh -c: n1 ping -c 3 n2\n")
	w.Flush()
	fmt.Fprintf(s.out, "Hosts: %s. Parts of a shape: %s.\n", strings.Join(s.names(""), " "), strings.Join(shapeParts(), " "))
	return nil
}

func (s *shell) nodes(context.Context, []string) error {
	pids := map[string]string{}
	for _, n := range s.Status() {
		if !n.Dead && n.Fell == nil {
			pids[n.Name] = fmt.Sprintf("process %d", n.PID)
		}
	}
	w := table(s.out)
	for _, h := range s.hosts {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", h.Name, h.Addr, h.Role, pids[h.Name])
	}
	return w.Flush()
}

func (s *shell) links(context.Context, []string) error {
	fmt.Fprint(s.out, s.Cluster().Links().Table())
	for _, o := range s.overlays {
		fmt.Fprintf(s.out, "laid over them: %s\n", strings.ReplaceAll(o.links.String(), "\n", "; "))
	}
	return nil
}

func (s *shell) status(context.Context, []string) error {
	w := table(s.out)
	for _, n := range s.Status() {
		fmt.Fprintf(w, "%s\t%s\n", n.Name, conditionOf(n))
	}
	w.Flush()
	for _, o := range s.overlays {
		fmt.Fprintf(s.out, "links: %s\n", strings.ReplaceAll(o.links.String(), "\n", "; "))
	}
	for _, name := range slices.SortedFunc(maps.Keys(s.captures), link.CompareHosts) {
		fmt.Fprintf(s.out, "capturing: %s to %s\n", name, s.captures[name].path)
	}
	return nil
}

// conditionOf is how a node is, in a few words.
func conditionOf(n runner.NodeStatus) string {
	switch {
	case n.Dead && n.Paused:
		return "dead, and will be paused when it starts"
	case n.Dead:
		return "dead"
	case n.Fell != nil:
		first, _, _ := strings.Cut(n.Fell.Error(), ";")
		return first
	case n.Paused:
		return "paused"
	case !n.Up:
		return "does not answer"
	case n.Leader:
		return fmt.Sprintf("leads term %d", n.Term)
	case n.Status.Ready:
		return fmt.Sprintf("serves, term %d", n.Term)
	}
	return fmt.Sprintf("answers, but does not serve, term %d", n.Term)
}

func (s *shell) ready(ctx context.Context, _ []string) error { return s.Ready(ctx) }

// node is the member that is named, or leads.
func (s *shell) node(ctx context.Context, name string) (reckon.Node, error) {
	if name == "leader" {
		return s.Cluster().Leader(ctx)
	}
	for _, n := range s.Cluster().Nodes() {
		if n.Name() == name {
			return n, nil
		}
	}
	return nil, fmt.Errorf("no node %q; nodes are %s", name, strings.Join(s.names("member"), ", "))
}

// holding is the command that has a node be dead, or paused.
func holding(state reckon.State) func(*shell, context.Context, []string) error {
	return func(s *shell, ctx context.Context, args []string) error {
		n, err := s.node(ctx, args[0])
		if err != nil {
			return err
		}
		h := hold{n.Name(), state}
		if s.holds[h] != nil {
			return fmt.Errorf("%s is %s already", n.Name(), state)
		}
		release, err := n.Hold(ctx, state)
		if err != nil {
			return err
		}
		s.holds[h] = release
		fmt.Fprintf(s.out, "%s is %s\n", n.Name(), state)
		return nil
	}
}

// releasing is the command that undoes holding. A node whose process ended by itself
// is started as one that was killed is.
func releasing(state reckon.State) func(*shell, context.Context, []string) error {
	return func(s *shell, ctx context.Context, args []string) error {
		n, err := s.node(ctx, args[0])
		if err != nil {
			return err
		}
		h := hold{n.Name(), state}
		release := s.holds[h]
		if release == nil && state == reckon.Dead && s.fell(n.Name()) {
			release, err = n.Hold(ctx, state)
		}
		if err != nil {
			return err
		}
		if release == nil {
			return fmt.Errorf("%s is not %s", n.Name(), state)
		}
		if err := release(ctx); err != nil {
			return err
		}
		delete(s.holds, h)
		fmt.Fprintf(s.out, "%s is no longer %s\n", n.Name(), state)
		return nil
	}
}

func (s *shell) fell(name string) bool {
	return slices.ContainsFunc(s.Status(), func(n runner.NodeStatus) bool { return n.Name == name && n.Fell != nil })
}

const cutArgs = "HOST HOST [--one-way] [--reset] | HOST --link-down"

func (s *shell) cut(ctx context.Context, args []string) error {
	args, oneWay := take(args, "--one-way")
	args, reset := take(args, "--reset")
	args, down := take(args, "--link-down")
	way := reckon.Drop
	if reset {
		way = reckon.Reset
	}
	switch {
	case down && len(args) == 1 && !oneWay && !reset:
		return s.unplug(ctx, args[0])
	case down || len(args) != 2:
		return errors.New("want cut " + cutArgs)
	}
	return s.lay(args[0], args[1], link.Shape{Cut: true}, oneWay, func(m link.Matrix) (func(context.Context) error, error) {
		return s.Cluster().Cut(ctx, m.Paths(), way)
	})
}

// unplug takes the host's interface down, with which all its links are cut.
func (s *shell) unplug(ctx context.Context, name string) error {
	if err := s.missing(name); err != nil {
		return err
	}
	if slices.ContainsFunc(s.overlays, func(o overlay) bool { return o.hosts == unplugged(name) }) {
		return fmt.Errorf("the interface of %s is down already", name)
	}
	m := link.Cut([]string{name}, slices.DeleteFunc(s.names(""), func(n string) bool { return n == name }))
	heal, err := s.Cluster().Cut(ctx, m.Paths(), reckon.LinkDown)
	if err != nil {
		return err
	}
	s.overlays = append(s.overlays, overlay{unplugged(name), m, heal})
	fmt.Fprintln(s.out, m)
	return nil
}

// unplugged is the pair of hosts under which a host's interface is down.
func unplugged(name string) [2]string { return [2]string{name, ""} }

func (s *shell) shape(ctx context.Context, args []string) error {
	args, oneWay := take(args, "--one-way")
	if len(args) < 3 {
		return errors.New("want shape HOST HOST PART=VALUE... [--one-way]")
	}
	shape, err := parseShape(args[2:])
	if err != nil {
		return err
	}
	return s.lay(args[0], args[1], shape, oneWay, func(m link.Matrix) (func(context.Context) error, error) {
		return s.Cluster().Degrade(ctx, m)
	})
}

// take takes the flag out of the arguments, and says whether it was there.
func take(args []string, flag string) (rest []string, found bool) {
	rest = slices.DeleteFunc(slices.Clone(args), func(a string) bool { return a == flag })
	return rest, len(rest) < len(args)
}

// lay lays the shape over the links between the hosts of two lists, an overlay for each pair, so that each can be healed by itself.
func (s *shell) lay(from, to string, shape link.Shape, oneWay bool, by func(link.Matrix) (func(context.Context) error, error)) error {
	pairs, err := s.pairs(from, to)
	if err != nil {
		return err
	}
	for _, p := range pairs {
		m := link.Matrix{{From: p[0], To: p[1]}: shape}
		if !oneWay {
			m[link.Path{From: p[1], To: p[0]}] = shape
		}
		heal, err := by(m)
		if err != nil {
			return err
		}
		s.overlays = append(s.overlays, overlay{p, m, heal})
		fmt.Fprintln(s.out, m)
	}
	return nil
}

// pairs are those of a host of the one list and another of the other, each once.
func (s *shell) pairs(from, to string) (pairs [][2]string, err error) {
	for a := range strings.SplitSeq(from, ",") {
		for b := range strings.SplitSeq(to, ",") {
			if h := cmp.Or(s.missing(a), s.missing(b)); h != nil {
				return nil, h
			}
			if p := [2]string{a, b}; a != b && !slices.ContainsFunc(pairs, func(q [2]string) bool { return same(p, q) }) {
				pairs = append(pairs, p)
			}
		}
	}
	if len(pairs) == 0 {
		return nil, fmt.Errorf("no link leads from %s to itself", from)
	}
	return pairs, nil
}

// missing is an error where there is no such host.
func (s *shell) missing(name string) error {
	if s.host(name) != nil {
		return nil
	}
	return fmt.Errorf("no host %q; hosts are %s", name, strings.Join(s.names(""), ", "))
}

// same says whether the pairs are, whichever way round.
func same(p, q [2]string) bool { return p == q || p == [2]string{q[1], q[0]} }

func (s *shell) heal(ctx context.Context, args []string) error {
	chosen := func([2]string) bool { return true }
	switch len(args) {
	case 1:
		if err := s.missing(args[0]); err != nil {
			return err
		}
		chosen = func(p [2]string) bool { return p == unplugged(args[0]) }
	case 2:
		pairs, err := s.pairs(args[0], args[1])
		if err != nil {
			return err
		}
		chosen = func(p [2]string) bool {
			return slices.ContainsFunc(pairs, func(q [2]string) bool { return same(p, q) })
		}
	}
	var left []overlay
	var errs []error
	for _, o := range s.overlays {
		if chosen(o.hosts) {
			if err := o.heal(ctx); err == nil {
				fmt.Fprintf(s.out, "healed %s\n", strings.ReplaceAll(o.links.String(), "\n", "; "))
				continue
			} else {
				errs = append(errs, err)
			}
		}
		left = append(left, o)
	}
	switch unchanged := len(left) == len(s.overlays) && len(errs) == 0; {
	case unchanged && len(args) == 1:
		return fmt.Errorf("the interface of %s is up; want heal, or heal HOST HOST for links", args[0])
	case unchanged && len(args) == 2:
		return fmt.Errorf("nothing lies between %s and %s", args[0], args[1])
	}
	s.overlays = left
	return errors.Join(errs...)
}

func (s *shell) pcap(_ context.Context, args []string) error {
	name, path := args[0], args[1]
	if err := s.missing(name); err != nil {
		return err
	}
	if path == "stop" {
		return s.endCapture(name)
	}
	if c, ok := s.captures[name]; ok {
		return fmt.Errorf("%s is being captured to %s; pcap %s stop ends that", name, c.path, name)
	}
	stop, err := s.Capture(name, path)
	if err != nil {
		return err
	}
	s.captures[name] = recording{path, stop}
	fmt.Fprintf(s.out, "capturing %s to %s\n", name, path)
	return nil
}

func (s *shell) endCapture(name string) error {
	c, ok := s.captures[name]
	if !ok {
		return fmt.Errorf("%s is not being captured", name)
	}
	delete(s.captures, name)
	account, err := c.stop()
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "%s: %s\n", c.path, account)
	return nil
}

// close ends every capture, so that their files are complete.
func (s *shell) close() error {
	var errs []error
	for _, name := range slices.SortedFunc(maps.Keys(s.captures), link.CompareHosts) {
		errs = append(errs, s.endCapture(name))
	}
	return errors.Join(errs...)
}
