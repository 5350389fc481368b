package faults_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/seed"
)

const (
	tableBegins = "<!-- The table is written by go test ./faults -run Documentation -rewrite. -->\n"
	tableEnds   = "<!-- Here it ends. -->\n"
)

// The table in docs/faults.md says what the catalogue says and what the words do, asked of them.
func TestDocumentation(t *testing.T) {
	const path = "../docs/faults.md"
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(b), tableBegins)
	have, after, ends := strings.Cut(rest, tableEnds)
	if !ok || !ends {
		t.Fatalf("%s has no table between %q and %q", path, tableBegins, tableEnds)
	}
	want := table(t)
	if have == want {
		return
	}
	if rewriting() {
		if err := os.WriteFile(path, []byte(before+tableBegins+want+tableEnds+after), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Errorf("%s is stale: go test ./faults -run Documentation -rewrite\nhave\n%s\nwant\n%s", path, have, want)
}

// rewriting reports whether the tests write anew what they compare.
func rewriting() bool { return flag.Lookup("rewrite").Value.String() == "true" }

func table(t *testing.T) string {
	var b strings.Builder
	b.WriteString("| word | when | what | nodes | target | flags | from |\n| --- | --- | --- | --- | --- | --- | --- |\n")
	for _, w := range reckon.Faults.Words() {
		if w.Source == "" {
			t.Errorf("%s has no source", w.Name)
		}
		var flags []string
		w.Flags().VisitAll(func(f *pflag.Flag) { flags = append(flags, "`--"+f.Name+"`") })
		when, nodes, target := asked(w)
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s | %s |\n", w.Name, when, w.Doc, nodes, target, strings.Join(flags, " "), w.Source)
	}
	return b.String()
}

// asked is what the word says when it is asked: when it strikes, of how many nodes, and whom it can
// strike instead.
func asked(w reckon.Word[reckon.Fault]) (when, nodes, target string) {
	f := w.New(pflag.NewFlagSet(w.Name, pflag.ContinueOnError))
	needs := func(n int, target string) bool {
		s := setting(n, time.Minute)
		s.Target = target
		return f.(reckon.Validator).Validate(s) == nil
	}
	const most = 9
	least, last := 0, 0
	for n := most; n > 0; n-- {
		if needs(n, "") {
			least, last = n, max(last, n)
		}
	}
	if least == 0 { // a timeline is nothing without its file
		return "as the file says", "as its words", "as the file says"
	}
	switch {
	case least == last:
		nodes = fmt.Sprint(least)
	case least == 1:
		nodes = "any"
	default:
		nodes = fmt.Sprintf("%d or more", least)
	}
	target = "-"
	switch {
	case needs(max(least, 3), "majority"):
		target = "any"
	case needs(max(least, 3), "n1"):
		target = "one node"
	}
	strikes := f.Strikes(setting(least, time.Minute), seed.Stream(1, w.Name))
	if len(strikes) == 0 {
		return "-", nodes, target
	}
	from, to := strikes[0].From, strikes[0].To
	for _, s := range strikes {
		to = max(to, s.To)
	}
	if from == to {
		return part(from), nodes, target
	}
	return part(from) + " to " + part(to), nodes, target
}

// part is a time of a load of a minute, as a part of the load's T.
func part(d time.Duration) string {
	switch d {
	case 0:
		return "0"
	case 20 * time.Second:
		return "T/3"
	case 21 * time.Second:
		return "T/3 + 1 s"
	case 40 * time.Second:
		return "2T/3"
	case time.Minute:
		return "T"
	}
	return "before 2T/3"
}
