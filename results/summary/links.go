package summary

import (
	"cmp"
	"slices"

	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/link"
	"github.com/reckon-bench/reckon/reckon/stats"
	"github.com/reckon-bench/reckon/results"
)

// links takes the worst lateness where several fabrics gave an account.
func (r *Reading) links() results.Links {
	l := results.Links{Backend: r.Info.Backend, Paths: []results.LinkPath{}}
	at := map[string]*results.LinkPath{}
	path := func(name string) *results.LinkPath {
		if at[name] == nil {
			at[name] = r.planned(name)
		}
		return at[name]
	}
	for _, e := range r.H.Events {
		switch e.Kind {
		case history.Links:
			total(&l, e)
		case history.Path:
			p, t := path(e.Subject), e.Traffic()
			p.Packets += float64(t.Packets)
			p.Lost += float64(t.Lost)
			p.Cut += float64(t.Cut)
			p.Overflow += float64(t.Overflow)
			p.Duplicated += float64(t.Duplicated)
			p.Corrupted += float64(t.Corrupted)
			p.Reordered += float64(t.Reordered)
		case history.Probe:
			measure(path(e.Subject), e.Measurement())
		case history.Probed:
			s := e.Survey()
			l.Probed = &results.Probed{Paths: s.Paths, Probed: s.Probed, Packets: s.Packets, Took: stats.Round(s.Took.Seconds(), 6)}
		}
	}
	for _, p := range at {
		l.Paths = append(l.Paths, *p)
	}
	slices.SortFunc(l.Paths, func(a, b results.LinkPath) int {
		af, at := a.Ends()
		bf, bt := b.Ends()
		return cmp.Or(link.CompareHosts(af, bf), link.CompareHosts(at, bt))
	})
	return l
}

// planned returns the path as the plan has it; what it does not name is a perfect wire.
func (r *Reading) planned(name string) *results.LinkPath {
	p := &results.LinkPath{Path: name}
	var of link.Path
	if len(r.Info.Links) == 0 || of.UnmarshalText([]byte(name)) != nil || of.To == "*" {
		return p
	}
	s := r.Info.Links[of]
	p.Shape, p.Jittered = s.String(), s.Jitter > 0
	p.Planned = new(Millis(s.Delay))
	p.PlannedLoss = new(stats.Round(1-(1-s.Loss)*(1-s.Burst.Loss()), 6))
	return p
}

// measure takes what probes of the path measured.
func measure(p *results.LinkPath, m history.Measurement) {
	p.Shape = cmp.Or(m.Shape, p.Shape) // as it was when it was measured
	p.ProbesSent, p.ProbesLost = m.Sent, m.Lost
	if m.Sent > 0 {
		p.MeasuredLoss = new(stats.Round(float64(m.Lost)/float64(m.Sent), 6))
	}
	if m.Delay != nil {
		p.Measured = &results.Measured{P50: stats.Round(m.Delay.P50, 3), P99: stats.Round(m.Delay.P99, 3)}
	}
	if m.Bounds != nil {
		p.Bounds = &[2]float64{stats.Round(m.Bounds.From, 3), stats.Round(m.Bounds.To, 3)}
	}
	if m.Fewest != nil && m.Most != nil {
		p.LostBounds = &[2]int{*m.Fewest, *m.Most}
	}
}

// total takes in what a fabric counted over all paths.
func total(l *results.Links, e history.Event) {
	l.Backend, l.Details = e.Subject, e.Detail // what it was, whatever was asked for ("auto")
	t, late := e.Traffic(), e.Lateness()
	l.Packets += float64(t.Packets)
	l.Lost += float64(t.Lost)
	l.Cut += float64(t.Cut)
	l.Overflow += float64(t.Overflow)
	if late == nil {
		return
	}
	if l.Late == nil {
		l.Late = &results.Lateness{}
	}
	l.Late.P50 = max(l.Late.P50, stats.Round(late.P50, 3))
	l.Late.P99 = max(l.Late.P99, stats.Round(late.P99, 3))
	l.Late.Max = max(l.Late.Max, stats.Round(late.Max, 3))
}

func (r *Reading) captured() (rows []results.Captured) {
	for _, e := range r.H.Events {
		if e.Kind == history.Captured {
			c := e.Capture()
			rows = append(rows, results.Captured{Host: e.Subject, Packets: float64(c.Packets), Bytes: float64(c.Bytes), Dropped: float64(c.Dropped), Unwritten: float64(c.Unwritten)})
		}
	}
	slices.SortStableFunc(rows, func(a, b results.Captured) int { return link.CompareHosts(a.Host, b.Host) })
	return rows
}
