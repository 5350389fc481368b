package faults_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"github.com/spf13/pflag"

	_ "github.com/reckon-bench/reckon/faults"
	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/link"
	"github.com/reckon-bench/reckon/reckon/plan"
	"github.com/reckon-bench/reckon/reckon/seed"
)

// A trial is a comma list of words on a cluster that takes notes.
type trial struct {
	words   string
	flags   plan.Flags
	setting reckon.Setting
	cluster *cluster
	later   string // who leads after the first strike; "" still the same
}

// TestTranscripts plays every fault on a cluster that takes notes, strikes and heals in the order
// of their times. --seed is 1 and the load lasts 30 s unless said otherwise.
//
// Example:
//
//	strikes leader nodes=3 leader=n2
//	strikes leader,lossy nodes=5 leader=n2 dead=(n3) busy=(n5) later=n1 fails=(hold-n2,cut)
//	strikes pause nodes=3 leader=n2 target=follower at=5 for=10 duration=60 timeout=2 latency=0 --cut=reset
func TestTranscripts(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		if strings.HasSuffix(path, ".yaml") {
			return
		}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			x := newTrial(t, d)
			switch d.Cmd {
			case "strikes":
				return x.play(t.Context())
			case "timeline":
				x.words, x.flags = "timeline", plan.Flags{"faults": {file(t, d.Input)}}
				return x.play(t.Context())
			}
			d.Fatalf(t, "unknown command %s", d.Cmd)
			return ""
		})
	})
}

func newTrial(t *testing.T, d *datadriven.TestData) *trial {
	t.Helper()
	c := &cluster{dead: map[string]int{}, paused: map[string]int{}}
	x := &trial{cluster: c, flags: plan.Flags{}}
	var nodes int
	seconds := map[string]float64{"duration": 30, "timeout": 1, "latency": 0.02, "at": -1, "for": -1}
	s := &x.setting
	s.Seed = 1
	for i, a := range d.CmdArgs {
		switch {
		case i == 0 && d.Cmd == "strikes":
			x.words = a.Key
		case strings.HasPrefix(a.Key, "--"):
			x.flags[strings.TrimPrefix(a.Key, "--")] = a.Vals
		case a.Key == "nodes":
			d.ScanArgs(t, "nodes", &nodes)
		case a.Key == "seed":
			d.ScanArgs(t, "seed", &s.Seed)
		case a.Key == "leader":
			c.leader = a.Vals[0]
		case a.Key == "later":
			x.later = a.Vals[0]
		case a.Key == "target":
			s.Target = a.Vals[0]
		case a.Key == "dead":
			for _, n := range a.Vals {
				c.dead[n]++
			}
		case a.Key == "busy":
			c.busy = a.Vals
		case a.Key == "fails":
			for _, v := range a.Vals {
				c.fails = append(c.fails, strings.ReplaceAll(v, "-", " "))
			}
		default:
			if _, ok := seconds[a.Key]; !ok {
				d.Fatalf(t, "unknown argument %s", a.Key)
			}
			x, err := strconv.ParseFloat(a.Vals[0], 64)
			if err != nil {
				d.Fatalf(t, "%s: %v", a.Key, err)
			}
			seconds[a.Key] = x
		}
	}
	span := func(key string) time.Duration { return time.Duration(seconds[key] * float64(time.Second)) }
	s.Duration, s.ElectionTimeout, s.OpTimeout = span("duration"), span("timeout"), 5*time.Second
	if seconds["at"] >= 0 {
		at := span("at")
		s.FaultAt = &at
	}
	if seconds["for"] >= 0 {
		length := span("for")
		s.FaultFor = &length
	}
	base := setting(nodes, s.Duration)
	s.Nodes, s.Clients, s.Links, s.HasWorkers = base.Nodes, base.Clients, base.Links, base.HasWorkers
	if seconds["latency"] == 0 {
		s.Links = link.Matrix{}
	}
	c.names, c.links = s.Nodes, s.Links
	return x
}

// list asks the words what they need, and lists their strikes: what a plan does.
func (x *trial) list() (all []reckon.Strike, err error) {
	for word := range strings.SplitSeq(x.words, ",") {
		w, err := reckon.Faults.Lookup(word)
		if err != nil {
			return nil, err
		}
		fs := pflag.NewFlagSet(word, pflag.ContinueOnError)
		f := w.New(fs)
		for name, values := range x.flags {
			if fs.Lookup(name) == nil {
				continue
			}
			if err := fs.Set(name, values[0]); err != nil {
				var invalid *pflag.InvalidValueError
				if errors.As(err, &invalid) {
					err = invalid.Unwrap()
				}
				return nil, fmt.Errorf("--%s: %w", name, err)
			}
		}
		if n, ok := f.(reckon.Validator); ok {
			if err := n.Validate(x.setting); err != nil {
				return nil, fmt.Errorf("%s: %w", word, err)
			}
		}
		for _, s := range f.Strikes(x.setting, seed.Stream(x.setting.Seed, "fault "+word)) {
			s.Word = cmp.Or(s.Word, word)
			all = append(all, s)
		}
	}
	return all, nil
}

// moment is one end of a strike.
type moment struct {
	at     time.Duration
	strike int
	heal   bool
}

// play lists the strikes and carries them out in the order of their times.
func (x *trial) play(ctx context.Context) string {
	all, err := x.list()
	if err != nil {
		return err.Error()
	}
	if len(all) == 0 {
		return "nothing\n"
	}
	var b strings.Builder
	var moments []moment
	for i, s := range all {
		line := ""
		if s.Line != "" {
			line = ", line " + strings.TrimSpace(s.Line)
		}
		fmt.Fprintf(&b, "[%v, %v) %s: %s%s\n", s.From.Round(time.Millisecond), s.To.Round(time.Millisecond), s.Word, s.Name, line)
		moments = append(moments, moment{s.From, i, false}, moment{s.To, i, true})
	}
	slices.SortStableFunc(moments, func(a, b moment) int {
		return cmp.Or(cmp.Compare(a.at, b.at), -cmp.Compare(rank(a.heal), rank(b.heal)))
	})
	heals := make([]func(context.Context) error, len(all))
	instant := time.Duration(-1)
	for _, m := range moments {
		if !m.heal && m.at != instant {
			instant = m.at
			x.cluster.freeze()
		}
		x.cluster.notes = nil
		var said string
		if m.heal {
			if heals[m.strike] == nil {
				continue
			}
			said = "healed"
			if err := heals[m.strike](ctx); err != nil {
				said = "heal: " + strings.ReplaceAll(err.Error(), "\n", "; ")
			}
		} else {
			in, err := all[m.strike].Inject(ctx, x.cluster)
			heals[m.strike], said = in.Heal, in.Detail
			if err != nil {
				said, heals[m.strike] = "missed: "+err.Error(), nil
			} else {
				x.cluster.leader = cmp.Or(x.later, x.cluster.leader)
			}
		}
		fmt.Fprintf(&b, "%-6v %s\n", m.at.Round(time.Millisecond), said)
		for _, n := range x.cluster.notes {
			fmt.Fprintf(&b, "       | %s\n", n)
		}
	}
	return b.String()
}

func rank(heal bool) int {
	if heal {
		return 1
	}
	return 0
}

// file writes the text to a file and returns its name.
func file(t *testing.T, text string) string {
	path := t.TempDir() + "/faults.yaml"
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// What a plan writes down of the example that comes with reckon is no file, and makes the same
// strikes.
func TestExampleTimeline(t *testing.T) {
	w, err := reckon.Faults.Lookup("timeline")
	if err != nil {
		t.Fatal(err)
	}
	plan := func(value string) (written, strikes string) {
		x := &trial{words: "timeline", flags: plan.Flags{"faults": {value}}, setting: setting(5, time.Minute), cluster: &cluster{}}
		all, err := x.list()
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range all {
			strikes += fmt.Sprintf("%v %v %s %s %s\n", s.From, s.To, s.Word, s.Name, s.Line)
		}
		fs := pflag.NewFlagSet("timeline", pflag.ContinueOnError)
		w.New(fs)
		if err := fs.Set("faults", value); err != nil {
			t.Fatal(err)
		}
		return fs.Lookup("faults").Value.String(), strikes
	}
	written, strikes := plan("../examples/timeline.yaml")
	again, same := plan(written)
	if again != written || same != strikes {
		t.Errorf("%s\nwrites itself down as\n%s\nand does\n%s\nnot\n%s", written, again, same, strikes)
	}
	if n := strings.Count(strikes, "\n"); n != 12 {
		t.Errorf("%d strikes:\n%s", n, strikes)
	}
}

// gripper is a cluster that holds several nodes at once.
type gripper struct {
	*cluster
	held [][]reckon.Node
}

func (g *gripper) HoldAll(_ context.Context, nodes []reckon.Node, _ reckon.State) (func(context.Context) error, error) {
	g.held = append(g.held, nodes)
	return func(context.Context) error { g.held = nil; return nil }, nil
}

// Words that hold several nodes do so at once where the cluster can.
func TestNodesAreHeldAtOnce(t *testing.T) {
	for word, want := range map[string]int{"restart-all": 5, "kill-n": 4, "leader": 3, "pause": 3} {
		x := &trial{words: word, flags: plan.Flags{"kill-n": {"4"}}, setting: setting(5, time.Minute)}
		if want == 3 {
			x.setting.Target = "majority"
		}
		all, err := x.list()
		if err != nil {
			t.Fatal(err)
		}
		g := &gripper{cluster: &cluster{names: x.setting.Nodes}}
		in, err := all[0].Inject(t.Context(), g)
		if err != nil || len(g.held) != 1 || len(g.held[0]) != want {
			t.Errorf("%s holds %v, %v", word, g.held, err)
			continue
		}
		if err := in.Heal(t.Context()); err != nil || len(g.held) != 0 {
			t.Errorf("%s does not let go: %v", word, err)
		}
	}
}

// A word that took no notice of its target would strike somebody whom the timeline did not mean.
func TestEveryWordJudgesItsTarget(t *testing.T) {
	for _, w := range reckon.Faults.Words() {
		for _, target := range []string{"nobody", "n9"} {
			s := setting(5, time.Minute)
			s.Target = target
			n, ok := w.New(pflag.NewFlagSet(w.Name, pflag.ContinueOnError)).(reckon.Validator)
			if !ok || n.Validate(s) == nil {
				t.Errorf("%s takes the target %s", w.Name, target)
			}
		}
	}
}

// setting is one of so many nodes and one client, all 20 ms apart.
func setting(nodes int, duration time.Duration) reckon.Setting {
	s := reckon.Setting{Seed: 1, Duration: duration, ElectionTimeout: time.Second, OpTimeout: 5 * time.Second, Clients: []string{"c1"}, Links: link.Matrix{}, HasWorkers: true}
	for i := range nodes {
		s.Nodes = append(s.Nodes, fmt.Sprintf("n%d", i+1))
	}
	hosts := slices.Concat(s.Nodes, s.Clients)
	for p := range link.Cut(hosts, hosts) {
		s.Links[p] = link.Shape{Delay: 20 * time.Millisecond}
	}
	return s
}
