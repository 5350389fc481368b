package summary

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/reckon-bench/reckon/reckon/check"
	"github.com/reckon-bench/reckon/results"
)

// answer says in a few sentences what most readers want to know: for how long service was down, in
// total and in parts, what was lost, and who led.
func answer(s *results.Summary) string {
	var say []string
	if s.Ops.Offered > 0 {
		say = append(say, downtime(s)...)
		say = append(say, partial(s)...)
		say = append(say, degradedFor(s)...)
	}
	say = append(say, guarantees(s)...)
	if len(s.Leaders.List) > 0 {
		say = append(say, changed(s.Leaders.Changes))
	}
	return strings.Join(say, " ")
}

// downtime says for how long nothing at all was acknowledged, and after what.
func downtime(s *results.Summary) (say []string) {
	u := s.Unavailability
	struck := slices.ContainsFunc(s.Strikes, func(k results.Strike) bool { return k.Struck != nil })
	if !struck {
		return []string{fmt.Sprintf("Nothing was injected; the longest time without an acknowledgement was %s.", Length(u.LongestGap))}
	}
	of := worstRecovery(u)
	if of < 0 {
		return nil
	}
	fault, back := faultWords(s.Strikes[of]), u.Recoveries[of]
	total := 0.0
	if back.Gap != nil {
		total = 1e3 * (back.Gap[1] - back.Gap[0])
	}
	switch back.Kind {
	case results.NotRecovered:
		say = append(say, fmt.Sprintf("Down after %s, and not back when the load ended %s later.", fault, Length(total)))
	case results.RecoveredAfterHeal:
		say = append(say, fmt.Sprintf("Down for %s: not back while %s lasted, but %s after the heal.", Length(total), fault, Length(*back.AfterHeal)))
	case results.RecoveredInFault:
		say = append(say, fmt.Sprintf("Down for %s after %s.", Length(total), fault))
	default:
		say = append(say, fmt.Sprintf("Never down for all clients at once while %s lasted: no gap above the usual %s.", fault, Length(usualOf(u, s.Load))))
	}
	if h := s.AtHeal; h != nil && back.Kind != results.RecoveredAfterHeal && back.Kind != results.NotRecovered && h.LongestGap > usualOf(u, s.Load) {
		say = append(say, fmt.Sprintf("Down for %s after the heal.", Length(h.LongestGap)))
	}
	return say
}

// worstRecovery returns the strike from which service took the longest to come back; -1 where none
// was measured.
func worstRecovery(u results.Unavailability) int {
	rank := func(i int) (int, float64) {
		b := u.Recoveries[i]
		length := 0.0
		if b.Gap != nil {
			length = b.Gap[1] - b.Gap[0]
		}
		order := []results.RecoveryKind{results.RecoveredNoOutage, results.RecoveredInFault, results.RecoveredAfterHeal, results.NotRecovered}
		return slices.Index(order, b.Kind), length
	}
	worst, kind, length := -1, -1, 0.0
	for i := range u.Recoveries {
		if k, l := rank(i); k > kind || k == kind && k >= 0 && l > length {
			worst, kind, length = i, k, l
		}
	}
	return worst
}

// usualOf returns how long a gap may be and mean nothing, in milliseconds.
func usualOf(u results.Unavailability, l results.Load) float64 {
	if u.Usual != nil {
		return *u.Usual
	}
	return l.Bound / 1e3
}

// faultWords names a strike: "the fault leader (killed n2)".
func faultWords(k results.Strike) string {
	if k.Detail == "" {
		return "the fault " + k.Fault
	}
	return fmt.Sprintf("the fault %s (%s)", k.Fault, k.Detail)
}

// partial says what the total hides: a kind of operation, a client, or a member with an outage that
// is longer.
func partial(s *results.Summary) (say []string) {
	total := s.Unavailability.LongestGap
	longer := func(g *results.Gap) bool { return g.Outage() && g.Length > 1.1*total && g.Length-total > 100 }
	switch o := s.Outages; {
	case longer(o.Writes) && !longer(o.Reads):
		say = append(say, fmt.Sprintf("No write was acknowledged for %s, while reads were.", gapLength(o.Writes)))
	case longer(o.Reads) && !longer(o.Writes):
		say = append(say, fmt.Sprintf("No read was answered for %s, while writes were.", gapLength(o.Reads)))
	}
	if p := results.Worst(s.Outages.Clients); len(s.Outages.Clients) > 1 && p != nil && longer(&p.Gap) {
		say = append(say, fmt.Sprintf("%s itself got no answer for %s.", p.Name, gapLength(&p.Gap)))
	}
	if p := results.Worst(s.Outages.Members); len(s.Outages.Members) > 1 && p != nil && longer(&p.Gap) {
		say = append(say, fmt.Sprintf("%s itself unavailable for %s.", p.Name, gapLength(&p.Gap)))
	}
	return say
}

func gapLength(g *results.Gap) string {
	if g.Lasted {
		return Length(g.Length) + ", until the load ended"
	}
	return Length(g.Length)
}

// degradedFor says how much of the service was left, where that was little for seconds.
func degradedFor(s *results.Summary) []string {
	d := s.Degradation
	if d == nil || d.Degraded == nil || *d.Degraded < 1000 || d.Good.During == nil || d.Good.During.Ratio > 0.99 {
		return nil
	}
	say := fmt.Sprintf("While the fault lasted %s %% of the operations were good (acknowledged within %s)", Percent(d.Good.During.Ratio), Length(d.Limit))
	if d.Good.Before != nil {
		say += fmt.Sprintf("; %s %% before", Percent(d.Good.Before.Ratio))
	}
	return []string{say + "."}
}

// guarantees says what the checks of writes and of order found.
func guarantees(s *results.Summary) (say []string) {
	for _, c := range s.Checks {
		switch {
		case isCheck(c, "durable") && c.Verdict == check.Valid:
			n := grouped(s.Stages.Writes())
			say = append(say, fmt.Sprintf("No acknowledged write lost (%s of %s).", n, n))
		case isCheck(c, "linearizable") && c.Verdict == check.Valid:
			say = append(say, "Linearizable.")
		case c.Verdict == check.Invalid:
			say = append(say, fmt.Sprintf("Violated: %s: %s.", c.Name, strings.TrimSuffix(c.Detail, ".")))
		case c.Verdict == check.Unknown:
			say = append(say, fmt.Sprintf("Not decided: %s.", c.Name))
		}
	}
	return say
}

func changed(n int) string {
	switch n {
	case 0:
		return "No leader change."
	case 1:
		return "One leader change."
	}
	return fmt.Sprintf("%d leader changes.", n)
}

// Length formats milliseconds with three significant digits, in the unit that suits: "1.19 s", "390 ms".
func Length(ms float64) string {
	if ms >= 999.5 {
		return significant(ms/1e3) + " s"
	}
	return significant(ms) + " ms"
}

func significant(x float64) string {
	switch {
	case x >= 99.95:
		return strconv.FormatFloat(math.Round(x), 'f', 0, 64)
	case x >= 9.995:
		return strconv.FormatFloat(x, 'f', 1, 64)
	}
	return strconv.FormatFloat(x, 'f', 2, 64)
}

// Percent formats a share; only all is 100, and only none is 0.
func Percent(share float64) string {
	p := strconv.FormatFloat(100*share, 'f', 1, 64)
	if p == "100.0" && share < 1 {
		return "99.9"
	}
	if p == "0.0" && share > 0 {
		return "0.1"
	}
	return strings.TrimSuffix(p, ".0")
}

// grouped sets thousands apart: 1,586.
func grouped(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// isCheck reports whether the check is the named one, whatever workload stands before its name.
func isCheck(c check.Result, name string) bool {
	return c.Name == name || strings.HasSuffix(c.Name, " "+name)
}

// RecoveryWords says how service came back from the i-th strike: "1.43 s", "none above the usual
// 250 ms", "not while the fault lasted; 1.43 s after the heal", or that it did not before the load
// ended. It returns "" where that was not measured.
func RecoveryWords(s results.Summary, i int) string {
	u := s.Unavailability
	if i >= len(u.Recoveries) || i >= len(u.TTR) {
		return ""
	}
	switch back := u.Recoveries[i]; {
	case back.Kind == results.RecoveredNoOutage:
		return "none above the usual " + Length(usualOf(u, s.Load))
	case back.Kind == results.RecoveredAfterHeal && back.AfterHeal != nil:
		return "not while the fault lasted; " + Length(*back.AfterHeal) + " after the heal"
	case back.Kind == results.NotRecovered:
		return "not before the load ended"
	case u.TTR[i] != nil:
		return Length(*u.TTR[i])
	}
	return ""
}
