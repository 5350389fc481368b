package screen

import (
	"fmt"
	"io"
	"strings"

	"github.com/reckon-bench/reckon/results"
	"github.com/reckon-bench/reckon/results/summary"
)

// Summary prints the result of the run in dir: what happened, the verdict, and then what they come of.
func Summary(out io.Writer, dir *results.Dir, s results.Summary) {
	if s.Answer != "" {
		fmt.Fprintf(out, "\n%s\n", s.Answer)
	}
	fmt.Fprintf(out, "\n%s  %s\n", strings.ToUpper(s.Verdict.String()), s.Reason)
	w := Table(out)
	for _, h := range s.Harness {
		fmt.Fprintf(w, "  harness\t%s\n", h)
	}
	for _, n := range s.Notes {
		fmt.Fprintf(w, "  note\t%s\n", n)
	}
	for _, c := range s.Checks {
		fmt.Fprintf(w, "  %s\t%s\t%s\n", c.Name, c.Verdict, c.Detail)
	}
	w.Flush()
	fmt.Fprintln(out)
	w = Table(out)
	if s.Ops.Offered > 0 || s.Kibishii == nil {
		printOps(w, s)
	}
	if s.Kibishii != nil {
		printPasses(w, s.Kibishii)
	}
	for i, st := range s.Strikes {
		fmt.Fprintf(w, "  strike %d\t%s\n", i+1, strikeLine(s, i, st))
	}
	w.Flush()
	fmt.Fprintf(out, "\nreport: %s\n", dir.Path("report.html"))
}

func printOps(w io.Writer, s results.Summary) {
	fmt.Fprintf(w, "  operations\t%d offered: %d ok, %d failed, %d unknown\n", s.Ops.Offered, s.Ops.OK, s.Ops.Failed, s.Ops.Unknown)
	if p, f := s.Stages.Preload, s.Stages.Final; p.Offered+f.Offered > 0 {
		fmt.Fprintf(w, "  beside the load\t%d of the preload, %d final reads; the checks judge these too\n", p.Offered, f.Offered)
	}
	for i, e := range s.Errors[:min(len(s.Errors), errorsShown)] {
		name := map[bool]string{true: "errors"}[i == 0]
		fmt.Fprintf(w, "  %s\t%d %s: %s\n", name, e.N, e.Outcome, e.Text)
	}
	for _, l := range []struct {
		name string
		l    *results.Quantiles
	}{{"all", s.Latency.All}, {"before", s.Latency.Before}, {"during", s.Latency.During}, {"after", s.Latency.After}} {
		if l.l != nil {
			fmt.Fprintf(w, "  latency %s\tp50 %s  p90 %s  p99 %s  p99.9 %s  max %s ms\n", l.name,
				Number(l.l.P50), Number(l.l.P90), Number(l.l.P99), Number(l.l.P999), Number(l.l.Max))
		}
	}
	if s.Ops.Offered > 0 {
		printOutages(w, s)
	}
}

// errorsShown is how many errors are printed; summary.json has more.
const errorsShown = 5

// printOutages says for how long nothing was acknowledged: of all operations, and of the part that
// was worst off.
func printOutages(w io.Writer, s results.Summary) {
	total := summary.Length(s.Unavailability.LongestGap) + " at the longest"
	if u := s.Unavailability.Usual; u != nil {
		total += ", " + summary.Length(*u) + " is usual"
	}
	fmt.Fprintf(w, "  unavailable\t%s\n", total)
	for _, g := range []struct {
		name string
		g    *results.Gap
	}{{"reads", s.Outages.Reads}, {"writes", s.Outages.Writes}} {
		if g.g != nil {
			fmt.Fprintf(w, "    %s\t%s\n", g.name, gapWords(*g.g))
		}
	}
	for _, parts := range []struct {
		name string
		all  []results.Part
	}{{"worst client", s.Outages.Clients}, {"worst member", s.Outages.Members}, {"worst region", s.Outages.Regions}} {
		if p := results.Worst(parts.all); p != nil && len(parts.all) > 1 {
			fmt.Fprintf(w, "    %s\t%s: %s\n", parts.name, p.Name, gapWords(p.Gap))
		}
	}
	if d := s.Degradation; d != nil {
		fmt.Fprintf(w, "  good operations\t%s; good is acknowledged within %s\n", goodWords(d.Good), summary.Length(d.Limit))
		if d.From != nil && d.Degraded != nil && d.Lost != nil {
			fmt.Fprintf(w, "  degraded\t%s in all, from %.2f to %.2f s; %.2f s of service lost\n", summary.Length(*d.Degraded), *d.From, *d.To, *d.Lost)
		}
	}
}

func gapWords(g results.Gap) string {
	line := fmt.Sprintf("%s, from %.2f to %.2f s", summary.Length(g.Length), g.At[0], g.At[1])
	if g.Lasted {
		line += ", when the load ended"
	}
	return line
}

// goodWords lists the shares of good operations by phase: "100 % before, 66.8 % during, 100 % after".
func goodWords(g results.ByPhase[*results.Share]) string {
	if g.During == nil && g.After == nil && g.All != nil {
		return summary.Percent(g.All.Ratio) + " %"
	}
	var parts []string
	for _, p := range []struct {
		name string
		s    *results.Share
	}{{"before", g.Before}, {"during", g.During}, {"after", g.After}} {
		if p.s != nil {
			parts = append(parts, summary.Percent(p.s.Ratio)+" % "+p.name)
		}
	}
	return strings.Join(parts, ", ")
}

// printPasses prints the results of the workers' passes.
func printPasses(w io.Writer, k *results.Kibishii) {
	fmt.Fprintf(w, "  passes\t%d generated, %d verified, %d failed; %d files of %s MB right, %d missing, %d corrupted, %d extra\n",
		k.Generate.OK, k.Verify.OK, k.Generate.Failed+k.Verify.Failed, k.Files, Number(float64(k.Bytes)/1e6), k.Missing, k.Corrupted, k.Extra)
	for _, p := range []struct {
		name string
		t    *results.PassTime
		s    *float64
	}{{"before", k.Time.Before, k.Standstill.Before}, {"during", k.Time.During, k.Standstill.During}, {"after", k.Time.After, k.Standstill.After}} {
		if p.t != nil {
			fmt.Fprintf(w, "  pass %s\tp50 %s  max %s ms of %d\n", p.name, Number(p.t.P50), Number(p.t.Max), p.t.N)
		}
		if p.s != nil && (p.t == nil || *p.s > p.t.Max) {
			fmt.Fprintf(w, "  pass %s\tstood still for %s ms at the longest\n", p.name, Number(*p.s))
		}
	}
}

func strikeLine(s results.Summary, i int, st results.Strike) string {
	if st.Struck == nil {
		line := st.Fault + ": never injected"
		if st.Missed != "" {
			line += ": " + st.Missed
		}
		return line
	}
	line := fmt.Sprintf("%s: %s at %.2f s", st.Fault, st.Detail, *st.Struck)
	if st.Healed != nil {
		line += fmt.Sprintf(", healed at %.2f s", *st.Healed)
	}
	if st.Verified {
		line += ", verified"
	} else {
		line += ", not verified"
	}
	if s.Ops.Offered > 0 {
		line += recoveryWords(s, i)
	}
	for _, m := range st.Served {
		line += fmt.Sprintf("; %s served again %.2f s after the heal", m.Member, m.After)
	}
	return line
}

// recoveryWords says how service came back from the strike; "" where that was not measured.
func recoveryWords(s results.Summary, i int) string {
	if words := summary.RecoveryWords(s, i); words != "" {
		return "; time to recover: " + words
	}
	return ""
}
