package screen

import (
	"fmt"
	"io"
	"strings"

	"github.com/reckon-bench/reckon/results"
)

// Summary prints the result of the run in dir, the verdict first.
func Summary(out io.Writer, dir *results.Dir, s results.Summary) {
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
	for _, l := range []struct {
		name string
		l    *results.Quantiles
	}{{"all", s.Latency.All}, {"before", s.Latency.Before}, {"during", s.Latency.During}, {"after", s.Latency.After}} {
		if l.l != nil {
			fmt.Fprintf(w, "  latency %s\tp50 %s  p90 %s  p99 %s  p99.9 %s  max %s ms\n", l.name,
				Number(l.l.P50), Number(l.l.P90), Number(l.l.P99), Number(l.l.P999), Number(l.l.Max))
		}
	}
	if s.Ops.OK > 0 {
		fmt.Fprintf(w, "  unavailable\t%s ms at the longest\n", Number(s.Unavailability.LongestGap))
	}
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
	if i < len(s.Unavailability.TTR) && s.Ops.Offered > 0 {
		if ttr := s.Unavailability.TTR[i]; ttr != nil {
			line += fmt.Sprintf("; time to recover %s ms", Number(*ttr))
		} else {
			line += "; service did not recover"
		}
	}
	return line
}
