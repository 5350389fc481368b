package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/reckon-bench/reckon/cmd/reckon/doctor"
	"github.com/reckon-bench/reckon/cmd/reckon/screen"
	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/plan"
	"github.com/reckon-bench/reckon/reckon/preview"
	"github.com/reckon-bench/reckon/results"
)

// autoLinks returns what --links auto selects on the examined machine, and why.
func autoLinks(found []doctor.Finding) string {
	for _, f := range found {
		switch {
		case f.Needed && !f.OK:
			return "nothing on this machine: " + f.Detail
		case f.What == reckon.KernelLinks && f.OK:
			return "netem on this machine: " + f.Detail
		case f.What == reckon.KernelLinks:
			return "userspace on this machine: " + f.Detail
		}
	}
	return "userspace on this machine"
}

// printPlan prints what a run would do, without doing anything.
func printPlan(cmd *cobra.Command, p *plan.Plan, _ local) error {
	out := cmd.OutOrStdout()
	fmt.Fprintf(out, "seed %d  %s\n\nHosts\n", p.Options.Seed, p.Words)
	w := screen.Table(out)
	for _, h := range p.Hosts {
		fmt.Fprintf(w, "  %s\t%s\t%s\n", h.Name, h.Addr, h.Role)
	}
	w.Flush()
	fmt.Fprintf(out, "\nLinks, one way\n%s", indent(p.Links.Table()))
	if p.Options.Links == "auto" { // not part of the plan, which is the same on every machine
		fmt.Fprintln(cmd.ErrOrStderr(), "--links auto takes", autoLinks(doctor.Examine()))
	}
	fmt.Fprintf(out, "\nTimeline, from the start of the load\n")
	w = screen.Table(out)
	fmt.Fprintf(w, "  %v\t\tload starts\n", time.Duration(0))
	for _, s := range strikeRows(p.Strikes) {
		fmt.Fprintf(w, "  %v\t%v\t%s: %s\n", round(s.From), round(s.To), s.Fault, s.Name)
	}
	fmt.Fprintf(w, "  %v\t\tload ends; every fault is healed, and the cluster settles within %v\n", p.Options.Duration, p.Bounds.Settle)
	w.Flush()
	printPreview(out, p)
	fmt.Fprintf(out, "\nBounds, beyond which the run is inconclusive\n")
	w = screen.Table(out)
	for _, b := range results.BoundsOf(p) {
		fmt.Fprintf(w, "  %s\t%s\n", b.Name, b.Value)
	}
	w.Flush()
	fmt.Fprintf(out, "\nFlags (* given)\n")
	w = screen.Table(out)
	for _, f := range p.Effective() {
		mark := " "
		if f.Given {
			mark = "*"
		}
		fmt.Fprintf(w, " %s--%s\t%s\n", mark, f.Name, f.Value)
	}
	w.Flush()
	fmt.Fprintf(out, "\nChecks\n")
	for _, c := range p.Checks() {
		fmt.Fprintf(out, "  %s\n", c.Name)
	}
	return nil
}

// strikeRows returns the strikes, with repetitions of the same one in a single row.
func strikeRows(all []plan.Strike) (rows []plan.Strike) {
	for len(all) > 0 {
		n := 1
		for n < len(all) && all[n].Fault == all[0].Fault && all[n].Name == all[0].Name {
			n++
		}
		row := all[0]
		if n > 2 {
			row.Name = fmt.Sprintf("%s, for %v; and %d more times, the last at %v", row.Name, round(row.To-row.From), n-1, round(all[n-1].From))
			row.To = all[n-1].To
			rows, all = append(rows, row), all[n:]
			continue
		}
		rows, all = append(rows, row), all[1:]
	}
	return rows
}

// printPreview draws which nodes are still connected during each fault.
func printPreview(out io.Writer, p *plan.Plan) {
	scenes := preview.Of(p)
	if len(scenes) == 0 {
		return
	}
	fmt.Fprintf(out, "\nConnectivity during the faults if %s leads, and after it the first node that can (✓ connected, ✗ cut, † dead, + degraded by)\n", p.Members[0].Name)
	for i, s := range scenes {
		if i > 0 {
			fmt.Fprintln(out)
		}
		fmt.Fprintf(out, "  %s\n%s", s.Title(), indent(indent(s.String())))
	}
}

func round(d time.Duration) time.Duration { return d.Round(time.Millisecond) }

func indent(s string) string {
	var b strings.Builder
	for l := range strings.Lines(s) {
		b.WriteString("  " + l)
	}
	return b.String()
}
