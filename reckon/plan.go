package reckon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/reckon-bench/reckon/reckon/check"
	"github.com/reckon-bench/reckon/reckon/link"
	"github.com/reckon-bench/reckon/reckon/seed"
)

// Words are what a run is named by. Workload and Fault may be comma lists: all
// of them run, or strike, together.
type Words struct {
	System   string `json:"system"`
	Topology string `json:"topology"`
	Workload string `json:"workload"`
	Fault    string `json:"fault"`
}

// List is the words in order.
func (w Words) List() []string { return []string{w.System, w.Topology, w.Workload, w.Fault} }

func (w Words) String() string { return strings.Join(w.List(), " ") }

// Flags are the flags of a run by name, each with the values given to it in order.
type Flags map[string][]string

// A Plan is a run before it is run: everything that follows from words, flags
// and seed. Making one touches nothing.
type Plan struct {
	Words   Words
	Flags   Flags    // every flag that the words understand, so that a later default changes nothing
	Given   []string // those that were given, in order of name; the others have their defaults
	Options Options
	Setting Setting
	Links   link.Matrix
	Hosts   []Host
	Members []Member // without their directories, which the run gives them
	Strikes []Planned
	Bounds  Bounds
	// Prepared is the program that the system runs, where it had to be found or made; nil before Prepare.
	Prepared *Prepared

	parts
}

// Host is one namespace of the run.
type Host struct {
	Name string     `json:"name"`
	Addr netip.Addr `json:"addr"`
	Role string     `json:"role"` // "member", "client", or "idle" where the system does not use the node
}

// Planned is one strike as it shows in a plan.
type Planned struct {
	Fault string
	Name  string
	From  time.Duration
	To    time.Duration
}

// Bounds are what the run's own machinery must keep to; past one of them the
// run is no result.
type Bounds struct {
	// Lag is how long after its due time the generator may dispatch, at p99.
	Lag time.Duration
	// Late is how long after its due time the fabric may deliver, at p99.
	Late time.Duration
	// InFlight is how many operations of one client may be under way at once. Each ends
	// by its time-out, so only a client that overstays gets there.
	InFlight int
	// Settle is how long the cluster may take to settle after the load.
	Settle time.Duration
	// Ready is how long it may take to be ready after its start.
	Ready time.Duration
	// Preload is how long it may take to write every key before the load, and Final to read every key through
	// every member at the end and to collect what the store says of its past.
	Preload, Final time.Duration
}

// parts are the values behind the words.
type parts struct {
	system    System
	topology  Topology
	workloads []named[Workload]
	faults    []named[Fault]
	strikes   []strike
}

type named[T any] struct {
	name  string
	value T
}

// strike is a Strike with its place in the plan.
type strike struct {
	Strike
	fault string // the word
	line  string // of all strikes of the run, those that wait for each other
	index int    // among all strikes of the run
}

// NewPlan makes the plan. Its errors are one line each, for the person who wrote the words.
func NewPlan(w Words, given Flags) (*Plan, error) {
	p := &Plan{Words: w, Flags: given, Given: slices.Sorted(maps.Keys(given))}
	if err := p.assemble(); err != nil {
		return nil, err
	}
	if err := p.Options.validate(); err != nil {
		return nil, err
	}
	layout, err := p.topology.Layout()
	if err != nil {
		return nil, fmt.Errorf("topology %s: %w", w.Topology, err)
	}
	if err := layout.Links.Validate(); err != nil {
		return nil, fmt.Errorf("topology %s: %w", w.Topology, err)
	}
	if err := p.place(layout); err != nil {
		return nil, err
	}
	if err := cmp.Or(p.reachable(), p.answerable(), p.targetable()); err != nil {
		return nil, err
	}
	if err := p.ask(); err != nil {
		return nil, err
	}
	return p, p.schedule()
}

// assemble finds the words and gives each the flags it understands. A flag that
// none of them understands is an error that says which words would.
func (p *Plan) assemble() error {
	a := &assembler{given: p.Flags, effective: Flags{}}
	a.flags("", func(fs *pflag.FlagSet) { p.Options.bind(fs) })
	p.system = pick(a, &Systems, p.Words.System)
	p.Words.System = canonical(&Systems, p.Words.System)
	p.topology = pick(a, &Topologies, p.Words.Topology)
	p.workloads = pickAll(a, &Workloads, p.Words.Workload)
	p.faults = pickAll(a, &Faults, p.Words.Fault)
	if len(a.errs) == 0 {
		a.leftOver(p.Words)
	}
	p.Flags = a.effective
	return cmp.Or(slices.Concat(a.errs, []error{nil})...)
}

// An assembler collects what is wrong with the words and flags, all of it.
type assembler struct {
	given     Flags
	effective Flags // every flag that is understood; without values where it has none
	errs      []error
}

// flags declares the flags of one word and sets those that were given.
func (a *assembler) flags(word string, declare func(*pflag.FlagSet)) {
	fs := pflag.NewFlagSet(word, pflag.ContinueOnError)
	declare(fs)
	fs.VisitAll(func(f *pflag.Flag) {
		for _, v := range a.given[f.Name] {
			if err := fs.Set(f.Name, v); err != nil {
				a.errs = append(a.errs, fmt.Errorf("--%s %s: %w", f.Name, v, said(err)))
			}
		}
		a.effective[f.Name] = FlagValues(f)
	})
}

// FlagValues are the values that the flag has, in order: none where it is empty.
func FlagValues(f *pflag.Flag) []string {
	if s, ok := f.Value.(pflag.SliceValue); ok {
		return s.GetSlice()
	}
	if v := f.Value.String(); v != "" {
		return []string{v}
	}
	return nil
}

// said is what a value said of itself: pflag wraps it in a line of its own.
func said(err error) error {
	var invalid *pflag.InvalidValueError
	if errors.As(err, &invalid) {
		return invalid.Unwrap()
	}
	return err
}

func pick[T any](a *assembler, c *Catalogue[T], name string) (value T) {
	w, err := c.Lookup(name)
	if err != nil {
		a.errs = append(a.errs, err)
		return value
	}
	a.flags(name, func(fs *pflag.FlagSet) { value = w.New(fs) })
	return value
}

// canonical is the word as it goes on the record: an argument after an @ means the same wherever it is read.
func canonical[T any](c *Catalogue[T], name string) string {
	if w, err := c.Lookup(name); err == nil && strings.Contains(name, "@") {
		return w.Name
	}
	return name
}

func pickAll[T any](a *assembler, c *Catalogue[T], list string) (all []named[T]) {
	seen := map[string]bool{}
	for name := range strings.SplitSeq(list, ",") {
		if seen[name] {
			a.errs = append(a.errs, fmt.Errorf("%s %q: named twice", c.Kind, name))
			continue
		}
		seen[name] = true
		all = append(all, named[T]{name, pick(a, c, name)})
	}
	return all
}

func (a *assembler) leftOver(w Words) {
	for _, name := range slices.Sorted(maps.Keys(a.given)) {
		if _, understood := a.effective[name]; understood {
			continue
		}
		err := fmt.Errorf("--%s: %s does not understand it", name, w)
		if others := understanding(name); len(others) > 0 {
			err = fmt.Errorf("--%s: none of %q understands it; these do: %s", name, w.List(), strings.Join(others, ", "))
		}
		a.errs = append(a.errs, err)
	}
}

// place gives hosts their addresses and the system its members.
func (p *Plan) place(l Layout) error {
	members := l.Nodes
	if placer, ok := p.system.(Placer); ok {
		members = placer.Place(l.Nodes)
	}
	for i, n := range l.Nodes {
		h := Host{Name: n, Addr: address(1, i), Role: "idle"}
		if slices.Contains(members, n) {
			h.Role = "member"
			p.Members = append(p.Members, Member{Name: n, Addr: h.Addr})
		}
		p.Hosts = append(p.Hosts, h)
	}
	for i, c := range l.Clients {
		p.Hosts = append(p.Hosts, Host{Name: c, Addr: address(2, i), Role: "client"})
	}
	p.Links = l.Links
	p.Setting = Setting{
		Seed: p.Options.Seed, Duration: p.Options.Duration, OpTimeout: p.Options.OpTimeout,
		ElectionTimeout: p.Options.FailureTimeout,
		Nodes:           members, Clients: l.Clients, Nearest: beside(l.Nearest, members), Links: l.Links,
		FaultAt: p.Options.FaultAt, FaultFor: p.Options.FaultFor,
		Pinned: p.Options.pinned(),
	}
	for _, w := range p.workloads {
		_, crew := w.value.(Launcher)
		p.Setting.HasWorkers = p.Setting.HasWorkers || crew
	}
	if e, ok := p.system.(Endpointer); ok {
		p.Setting.Endpoints = e.Endpoints(p.Members)
	}
	return nil
}

// beside moves clients whose nearest node is no member to one that is, in turn.
func beside(near map[string]string, members []string) map[string]string {
	out := map[string]string{}
	for i, c := range slices.SortedFunc(maps.Keys(near), link.CompareHosts) {
		out[c] = near[c]
		if !slices.Contains(members, near[c]) {
			out[c] = members[i%len(members)]
		}
	}
	return out
}

// address is the i-th host's of group g, 10.g.0.1 on: only ever used inside namespaces of the run's own.
func address(g byte, i int) netip.Addr {
	i++
	return netip.AddrFrom4([4]byte{10, g, byte(i >> 8), byte(i)})
}

// reachable refuses links on which no leader can stand: its heartbeats would come
// back later than its followers wait.
func (p *Plan) reachable() error {
	for _, a := range p.Members {
		for _, b := range p.Members {
			if et, trip := p.Options.FailureTimeout, p.trip(a.Name, b.Name); trip >= et {
				return fmt.Errorf("--failure-timeout %v: a round trip from %s to %s takes %v, so no leader could stand; at least %v", et, a.Name, b.Name, trip, 10*trip)
			}
		}
	}
	return nil
}

// trip is the round trip between two hosts.
func (p *Plan) trip(a, b string) time.Duration {
	there := link.Path{From: a, To: b}
	return p.Links[there].Delay + p.Links[there.Back()].Delay
}

// answerable refuses time-outs within which no answer can come back to a client.
func (p *Plan) answerable() error {
	for _, c := range p.Setting.Clients {
		for _, m := range p.Setting.Used(c) {
			if trip := p.trip(c, m); trip >= p.Options.OpTimeout {
				return fmt.Errorf("--op-timeout %v: a round trip from %s to %s takes %v, so no answer could come", p.Options.OpTimeout, c, m, trip)
			}
		}
	}
	return nil
}

// targetable refuses a client program where it would not know whom to ask.
func (p *Plan) targetable() error {
	if p.Options.ClientCmd != "" && len(p.Setting.Endpoints) == 0 {
		return fmt.Errorf("--client-cmd: system %s has no API that a client program could use; etcd has", p.Words.System)
	}
	return nil
}

// ask asks every word whether it can do with the setting.
func (p *Plan) ask() error {
	all := []named[any]{{"system " + p.Words.System, p.system}}
	for _, w := range p.workloads {
		all = append(all, named[any]{"workload " + w.name, w.value})
	}
	for _, f := range p.faults {
		all = append(all, named[any]{"fault " + f.name, f.value})
	}
	for _, x := range all {
		if n, ok := x.value.(Validator); ok {
			if err := n.Validate(p.Setting); err != nil {
				return fmt.Errorf("%s: %w", x.name, err)
			}
		}
	}
	return nil
}

// schedule lists the strikes of all faults and sets the bounds.
func (p *Plan) schedule() error {
	p.strikes = p.strikesOf()
	for _, s := range p.strikes {
		if s.From < 0 || s.To < s.From || s.To > p.Options.Duration {
			return fmt.Errorf("fault %s: a strike from %v to %v lies outside the run, which lasts %v; --fault-at moves it and --fault-for sets its length", s.fault, s.From, s.To, p.Options.Duration)
		}
		p.Strikes = append(p.Strikes, Planned{s.fault, s.Name, s.From, s.To})
	}
	et := p.Options.FailureTimeout
	p.Bounds = Bounds{
		Lag: et / 10, Late: et / 10,
		InFlight: maxInFlight,
		Settle:   30*time.Second + 20*et,
		Ready:    60*time.Second + 10*et,
	}
	keys, clients := p.keys(), max(len(p.Setting.Clients), 1)
	p.Bounds.Preload = p.Bounds.Ready + p.inTurn((keys+clients-1)/clients)
	if p.Options.ClientCmd != "" {
		p.Bounds.Preload += p.Options.ClientReady
	}
	p.Bounds.Final = p.Bounds.Settle + collectBound + p.inTurn(keys)
	return nil
}

// collectBound is how long collecting may take, and so may what workers have left to do.
const collectBound = 2 * time.Minute

// atOnce is how many operations of one client are under way at once before and after the load.
const atOnce = 64

// inTurn is how long so many operations of one client may take before or after the load: a second, or a fifth of
// the time-out, for each atOnce of them is many times what they take, even where the quorum is far.
func (p *Plan) inTurn(n int) time.Duration {
	return time.Duration((n+atOnce-1)/atOnce) * max(time.Second, p.Options.OpTimeout/5)
}

// keys is how many keys there are, as far as workloads say.
func (p *Plan) keys() (n int) {
	for _, w := range p.workloads {
		if b, ok := w.value.(Bookends); ok {
			for range b.Final(p.Setting) {
				n++
			}
		}
	}
	return n
}

// strikesOf asks all faults for their strikes. Those of two calls share nothing.
func (p *Plan) strikesOf() (all []strike) {
	for _, f := range p.faults {
		for _, s := range f.value.Strikes(p.Setting, seed.Stream(p.Options.Seed, "fault "+f.name)) {
			all = append(all, strike{s, cmp.Or(s.Word, f.name), f.name + " " + s.Line, len(all)})
		}
	}
	return all
}

// maxInFlight is generous: 100,000 operations a second that all hang until a
// time-out of five seconds. Each costs some 10 KiB.
const maxInFlight = 500_000

// Checks are the promises that the record is held to: those of the plan's workloads, and that the store recovers.
func (p *Plan) Checks() (all []Check) {
	for _, w := range p.workloads {
		for _, c := range w.value.Checks(p.Setting) {
			if len(p.workloads) > 1 {
				c.Name = w.name + " " + c.Name
			}
			all = append(all, told(c))
		}
	}
	return append(all, Check{Name: "recovers", Run: func(_ context.Context, h *History) check.Result { return check.Recovers(h) }})
}

// told has the check judge what clients told, and not pass for what they did not.
func told(c Check) Check {
	run := c.Run
	c.Run = func(ctx context.Context, h *History) check.Result {
		rest, untold := h.Observed()
		r := run(ctx, rest)
		if untold > 0 && !c.Unobserved && r.Verdict != check.Invalid {
			r.Verdict, r.Detail = check.Unknown, fmt.Sprintf("not decided: the client program does not tell what %d reads answered; the rest: %s", untold, r.Detail)
		}
		return r
	}
	return c
}

// FlagValue is a flag with a value that a plan gives it.
type FlagValue struct {
	Name, Value string
	Given       bool // it is not the default
}

// Effective lists every flag that has a value, in order of name.
func (p *Plan) Effective() (all []FlagValue) {
	for _, name := range slices.Sorted(maps.Keys(p.Flags)) {
		for _, v := range p.Flags[name] {
			all = append(all, FlagValue{name, v, slices.Contains(p.Given, name)})
		}
	}
	return all
}

// Prepare finds or makes the program that the system runs, and has the plan name it exactly. It is
// called before anything is started; its error is for the person who wrote the words. progress
// gets a line for people where it takes its time.
func (p *Plan) Prepare(ctx context.Context, progress io.Writer) error {
	system, ok := p.system.(Preparer)
	if !ok {
		return nil
	}
	found, err := system.Prepare(ctx, progress)
	if err != nil {
		return fmt.Errorf("system %s: %w", p.Words.System, err)
	}
	if found != nil {
		p.Words.System = found.Word
	}
	p.Use(found)
	return nil
}

// Use has the plan run what was prepared for it, perhaps in another process; nil is nothing.
func (p *Plan) Use(found *Prepared) {
	if system, ok := p.system.(Preparer); ok && found != nil {
		p.Prepared = found
		system.Use(*found)
	}
}

// SystemVersion is the version of the store that the plan runs, "" where its system does not say.
func (p *Plan) SystemVersion() (string, error) {
	v, ok := p.system.(Versioner)
	if !ok {
		return "", nil
	}
	return v.Version()
}
