package report

import (
	"fmt"

	"github.com/reckon-bench/reckon/results"
	"github.com/reckon-bench/reckon/results/summary"
)

// A partRow is the outage of a part on the page.
type partRow struct{ Name, Gap, From, To, Usual, Reads, Writes, Good string }

// partRows lists the outage of all operations, of reads and writes, and of every part.
func partRows(s results.Summary) []partRow {
	u := s.Unavailability
	total := results.Gap{Length: u.LongestGap, At: u.Gap, Usual: u.Usual}
	o := s.Outages
	all := rowOf("all", &total)
	all.Reads, all.Writes = gapCell(o.Reads), gapCell(o.Writes)
	if s.Degradation != nil {
		all.Good = goodCell(s.Degradation.Good.During)
	}
	rows := []partRow{all}
	for _, group := range []struct {
		what  string
		parts []results.Part
	}{{"client ", o.Clients}, {"through ", o.Members}, {"", o.Regions}} {
		for i := range group.parts {
			p := &group.parts[i]
			r := rowOf(group.what+p.Name, &p.Gap)
			if p.Region != "" {
				r.Name += ", " + p.Region
			}
			r.Reads, r.Writes, r.Good = gapCell(p.Reads), gapCell(p.Writes), goodCell(p.Good.During)
			rows = append(rows, r)
		}
	}
	return rows
}

func rowOf(name string, g *results.Gap) partRow {
	r := partRow{Name: name, Gap: gapCell(g), From: showSeconds(g.At[0]), To: showSeconds(g.At[1]), Usual: "-", Reads: "-", Writes: "-", Good: "-"}
	if g.Usual != nil {
		r.Usual = summary.Length(*g.Usual)
	}
	if g.Lasted {
		r.To += " (end)"
	}
	return r
}

func gapCell(g *results.Gap) string {
	if g == nil {
		return "-"
	}
	return summary.Length(g.Length)
}

func goodCell(s *results.Share) string {
	if s == nil {
		return "-"
	}
	return summary.Percent(s.Ratio) + " %"
}

// besideLoad says what the checks count that these numbers leave out.
func besideLoad(s results.Summary) string {
	p, f := s.Stages.Preload, s.Stages.Final
	if p.Offered+f.Offered == 0 {
		return ""
	}
	return fmt.Sprintf("These numbers are of the load; the checks also count the %s writes acknowledged in the preload, and %s final reads.",
		showNumber(float64(p.Writes)), showNumber(float64(f.Offered)))
}
