package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/reckon-bench/reckon/results"
)

// printSummary says what came of the run: the verdict first.
func printSummary(out io.Writer, dir *results.Dir, s results.Summary) {
	fmt.Fprintf(out, "\n%s  %s\n", strings.ToUpper(s.Verdict.String()), s.Reason)
	w := table(out)
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
	w = table(out)
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
	for _, l := range []struct {
		name string
		l    *results.Quantiles
	}{{"all", s.Latency.All}, {"before", s.Latency.Before}, {"during", s.Latency.During}, {"after", s.Latency.After}} {
		if l.l != nil {
			fmt.Fprintf(w, "  latency %s\tp50 %s  p90 %s  p99 %s  p99.9 %s  max %s ms\n", l.name,
				number(l.l.P50), number(l.l.P90), number(l.l.P99), number(l.l.P999), number(l.l.Max))
		}
	}
	if s.Ops.OK > 0 {
		fmt.Fprintf(w, "  unavailable\t%s ms at the longest\n", number(s.Unavailability.LongestGap))
	}
}

// printPasses says what came of the workers' passes.
func printPasses(w io.Writer, k *results.Kibishii) {
	fmt.Fprintf(w, "  passes\t%d generated, %d verified, %d failed; %d files of %s MB right, %d missing, %d corrupted, %d extra\n",
		k.Generate.OK, k.Verify.OK, k.Generate.Failed+k.Verify.Failed, k.Files, number(float64(k.Bytes)/1e6), k.Missing, k.Corrupted, k.Extra)
	for _, p := range []struct {
		name string
		t    *results.PassTime
		s    *float64
	}{{"before", k.Time.Before, k.Standstill.Before}, {"during", k.Time.During, k.Standstill.During}, {"after", k.Time.After, k.Standstill.After}} {
		if p.t != nil {
			fmt.Fprintf(w, "  pass %s\tp50 %s  max %s ms of %d\n", p.name, number(p.t.P50), number(p.t.Max), p.t.N)
		}
		if p.s != nil && (p.t == nil || *p.s > p.t.Max) {
			fmt.Fprintf(w, "  pass %s\tstood still for %s ms at the longest\n", p.name, number(*p.s))
		}
	}
}

func strikeLine(s results.Summary, i int, st results.Strike) string {
	if st.Struck == nil {
		return fmt.Sprintf("%s: never struck%s", st.Fault, because(st.Missed))
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
	if i < len(s.Unavailability.TTR) && s.Ops.Offered > 0 {
		if ttr := s.Unavailability.TTR[i]; ttr != nil {
			line += fmt.Sprintf("; time to recover %s ms", number(*ttr))
		} else {
			line += "; service never came back"
		}
	}
	return line
}

func because(why string) string {
	if why == "" {
		return ""
	}
	return ": " + why
}

// number is x with three significant digits, and with all of those before the point.
func number(x float64) string {
	switch {
	case x >= 100:
		return fmt.Sprintf("%.0f", x)
	case x >= 10:
		return fmt.Sprintf("%.1f", x)
	}
	return fmt.Sprintf("%.2f", x)
}
