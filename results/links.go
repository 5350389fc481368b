package results

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/link"
)

// Links is the proof of the links: what was measured before the load beside what the
// plan says, and the fabric's own account since it was made.
type Links struct {
	Backend  string    `json:"backend"`
	Details  string    `json:"details,omitempty"` // priority, seed, kernel: as the backend says of itself
	Late     *Lateness `json:"late_us"`           // from due to delivered, in microseconds
	Packets  float64   `json:"packets"`
	Lost     float64   `json:"lost"`     // by the loss that the plan asks for
	Cut      float64   `json:"cut"`      // by cuts
	Overflow float64   `json:"overflow"` // for want of room: nobody asked for that

	Probed *Probed    `json:"probed"` // null where the links were never measured
	Paths  []LinkPath `json:"paths"`  // those that were measured or carried anything, in order
}

// Probed is how much was measured before the load.
type Probed struct {
	Paths   int     `json:"paths"`  // between all hosts
	Probed  int     `json:"probed"` // of those, measured
	Packets int     `json:"packets"`
	Took    float64 `json:"took_s"`
}

// A LinkPath is one ordered path: planned, measured before the load, and counted since the links were made.
// Delays are one way, in milliseconds; the plan's is what the shape asks for on average. Losses are shares, from 0 to 1.
type LinkPath struct {
	Path         string      `json:"path"`
	Shape        string      `json:"shape"` // the plan's, "20ms ±2ms, loss 1%"
	Planned      *float64    `json:"planned_ms"`
	Measured     *Measured   `json:"measured_ms"`
	Bounds       *[2]float64 `json:"bounds_ms"` // on the measured median
	PlannedLoss  *float64    `json:"planned_loss"`
	MeasuredLoss *float64    `json:"measured_loss"`
	LostBounds   *[2]int     `json:"probes_lost_bounds"`
	ProbesSent   int         `json:"probes"`
	ProbesLost   int         `json:"probes_lost"`
	Packets      float64     `json:"packets"`
	Lost         float64     `json:"lost"`
	Cut          float64     `json:"cut"`
	Overflow     float64     `json:"overflow"`

	// As the plan asked; netem does not count them.
	Duplicated float64 `json:"duplicated,omitempty"`
	Corrupted  float64 `json:"corrupted,omitempty"`
	Reordered  float64 `json:"reordered,omitempty"`

	jittered bool // as planned: the median of few probes is off in any case
}

// Measured is the delay of a path's probes.
type Measured struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"` // of ten probes, the slowest
}

// Lateness of what should have been on time.
type Lateness struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

// links takes the worst lateness where several fabrics gave an account.
func (r *reading) links() Links {
	l := Links{Backend: r.info.Backend, Paths: []LinkPath{}}
	at := map[string]*LinkPath{}
	path := func(name string) *LinkPath {
		if at[name] == nil {
			at[name] = r.planned(name)
		}
		return at[name]
	}
	for _, e := range r.h.Events {
		switch e.Kind {
		case history.Links:
			l.account(e)
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
			path(e.Subject).measure(e.Measurement())
		case history.Probed:
			s := e.Survey()
			l.Probed = &Probed{s.Paths, s.Probed, s.Packets, round(s.Took.Seconds(), 6)}
		}
	}
	for _, p := range at {
		l.Paths = append(l.Paths, *p)
	}
	slices.SortFunc(l.Paths, func(a, b LinkPath) int {
		af, at := a.ends()
		bf, bt := b.ends()
		return cmp.Or(link.CompareHosts(af, bf), link.CompareHosts(at, bt))
	})
	return l
}

// ends are the hosts of the path.
func (p LinkPath) ends() (from, to string) {
	from, to, _ = strings.Cut(p.Path, ">")
	return from, to
}

// planned is the path as the plan has it; what it does not name is a perfect wire.
func (r *reading) planned(name string) *LinkPath {
	p := &LinkPath{Path: name}
	var of link.Path
	if len(r.info.Links) == 0 || of.UnmarshalText([]byte(name)) != nil || of.To == "*" {
		return p
	}
	s := r.info.Links[of]
	p.Shape, p.jittered = s.String(), s.Jitter > 0
	p.Planned = ptr(millis(s.Delay))
	p.PlannedLoss = ptr(round(1-(1-s.Loss)*(1-s.Burst.Loss()), 6))
	return p
}

// measure takes what probes of the path measured.
func (p *LinkPath) measure(m history.Measurement) {
	p.Shape = cmp.Or(m.Shape, p.Shape) // as it was when it was measured
	p.ProbesSent, p.ProbesLost = m.Sent, m.Lost
	if m.Sent > 0 {
		p.MeasuredLoss = ptr(round(float64(m.Lost)/float64(m.Sent), 6))
	}
	if m.Delay != nil {
		p.Measured = &Measured{round(m.Delay.P50, 3), round(m.Delay.P99, 3)}
	}
	if m.Bounds != nil {
		p.Bounds = &[2]float64{round(m.Bounds.From, 3), round(m.Bounds.To, 3)}
	}
	if m.Fewest != nil && m.Most != nil {
		p.LostBounds = &[2]int{*m.Fewest, *m.Most}
	}
}

// account takes the fabric's.
func (l *Links) account(e history.Event) {
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
		l.Late = &Lateness{}
	}
	l.Late.P50 = max(l.Late.P50, round(late.P50, 3))
	l.Late.P99 = max(l.Late.P99, round(late.P99, 3))
	l.Late.Max = max(l.Late.Max, round(late.Max, 3))
}

// wrong says what of the path's measurement cannot be if the path does what the plan says, "" for nothing.
func (p LinkPath) wrong() string {
	switch {
	case p.ProbesSent == 0:
		return ""
	case p.LostBounds != nil && (p.ProbesLost < p.LostBounds[0] || p.ProbesLost > p.LostBounds[1]):
		return fmt.Sprintf("lost %d of %d probes, which should have been %s", p.ProbesLost, p.ProbesSent, fromTo(p.LostBounds[0], p.LostBounds[1]))
	case p.Measured == nil || p.Bounds == nil:
		return ""
	case p.Measured.P50 < p.Bounds[0]:
		return fmt.Sprintf("delays by %.3g ms only", p.Measured.P50)
	case p.Measured.P50 > p.Bounds[1]:
		return fmt.Sprintf("delays by %.3g ms, the bound is %.4g ms", p.Measured.P50, p.Bounds[1])
	}
	return ""
}

func fromTo(least, most int) string {
	if least == most {
		return fmt.Sprint(least)
	}
	return fmt.Sprintf("%d to %d", least, most)
}

// off is by how much the measured median misses the plan, in milliseconds, 0 where one of them is missing.
func (p LinkPath) off() float64 {
	if p.Measured == nil || p.Planned == nil {
		return 0
	}
	return p.Measured.P50 - *p.Planned
}

// wrongUpTo is how many paths the reasons name one by one.
const wrongUpTo = 3

// probeDefects compares what was measured before the load with the plan.
func (r *reading) probeDefects(s *Summary) []defect {
	var d []defect
	if s.Links.Probed == nil && !s.Interrupted {
		d = append(d, defect{why: "the links were never probed: nothing shows that they are what the plan says"})
	}
	wrong := 0
	for _, p := range s.Links.Paths {
		why := p.wrong()
		if why == "" {
			continue
		}
		if wrong++; wrong <= wrongUpTo {
			d = append(d, defect{why: fmt.Sprintf("path %s, by plan %s, %s", p.Path, p.Shape, why)})
		}
	}
	switch more := wrong - wrongUpTo; {
	case more == 1:
		d = append(d, defect{why: "one more path is not what the plan says"})
	case more > 1:
		d = append(d, defect{why: fmt.Sprintf("%d more paths are not what the plan says", more)})
	}
	return d
}

// linkDefects compares the links with their bounds and with the plan.
func (r *reading) linkDefects(s *Summary) []defect {
	if r.info.Backend == "" || !r.loaded {
		return nil
	}
	d := r.probeDefects(s)
	bound := r.info.bound(r.info.LateBound)
	switch late := s.Links.Late; {
	case late == nil && !s.Interrupted && s.Links.Backend != "netem": // the kernel's own does not say
		d = append(d, defect{why: "the links gave no account of how late they delivered"})
	case late != nil && bound > 0 && late.P99 > micros(bound):
		d = append(d, defect{why: fmt.Sprintf("the links delivered late: %v at p99, the bound is %v", inMicros(late.P99), bound)})
	}
	// A switch that stands still carries few packets meanwhile, so p99 over packets may not show it.
	if late := s.Links.Late; late != nil && late.Max > micros(r.info.ElectionTimeout) && r.info.ElectionTimeout > 0 {
		d = append(d, defect{why: fmt.Sprintf("the links stood still: a packet was %v late, longer than an election timeout", inMicros(late.Max))})
	}
	if n := r.unasked(s.Links); n > 0 {
		d = append(d, defect{why: fmt.Sprintf("the links dropped %.0f packets for want of room, which the plan does not ask for", n)})
	}
	return d
}

// unasked is how many packets were dropped for want of room where the plan limits no rate: a queue before a limit
// may be full.
func (r *reading) unasked(l Links) float64 {
	n := l.Overflow
	for _, p := range l.Paths {
		var of link.Path
		if of.UnmarshalText([]byte(p.Path)) == nil && r.info.Links[of].Rate > 0 {
			n -= p.Overflow
		}
	}
	return n
}

func inMicros(us float64) time.Duration { return time.Duration(us * 1e3).Round(time.Microsecond) }

// The page shows planned against measured: every path where there are few hosts, else the worst.

// linkHosts is how many hosts a table still shows path by path.
const linkHosts = 12

// linkWorst is how many paths are listed where there are more.
const linkWorst = 15

// A linkTable has a row for each host that packets come from and a column for each that they go to.
type linkTable struct {
	Hosts []string
	Rows  []linkRow
}

type linkRow struct {
	From  string
	Cells []linkCell
}

// A linkCell is a path. Class shades it by how far it is off.
type linkCell struct{ Planned, Measured, Loss, Class, Title string }

// linkSummary is one sentence about all measured paths.
func linkSummary(l Links) string {
	if l.Probed == nil {
		return "The links were not measured."
	}
	n, wrong := 0, 0
	var low, high float64
	for _, p := range l.Paths {
		if p.wrong() != "" {
			wrong++
		}
		if p.Measured == nil || p.Planned == nil {
			continue
		}
		if n++; n == 1 {
			low, high = p.off(), p.off()
		}
		low, high = min(low, p.off()), max(high, p.off())
	}
	s := fmt.Sprintf("Before the load %d of %d paths were measured with %s probes in %s s.", l.Probed.Probed, l.Probed.Paths, showNumber(float64(l.Probed.Packets)), showNumber(l.Probed.Took))
	if n > 0 {
		s += fmt.Sprintf(" Their median delays miss the plan by %s to %s ms.", signed(low), signed(high))
	}
	switch wrong {
	case 0:
		return s + " None is out of bounds."
	case 1:
		return s + " One path is not what the plan says."
	}
	return s + fmt.Sprintf(" %d paths are not what the plan says.", wrong)
}

// mischief is one sentence about what else the links did to packets, "" where that is nothing.
func mischief(l Links) string {
	var parts []string
	for _, kind := range []struct {
		verb string
		of   func(LinkPath) float64
	}{
		{"delivered twice", func(p LinkPath) float64 { return p.Duplicated }},
		{"corrupted", func(p LinkPath) float64 { return p.Corrupted }},
		{"let overtake others", func(p LinkPath) float64 { return p.Reordered }},
	} {
		sum := 0.
		for _, p := range l.Paths {
			sum += kind.of(p)
		}
		if sum > 0 {
			parts = append(parts, showNumber(sum)+" were "+kind.verb)
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "As the plan asked, " + strings.Join(parts, ", ") + "."
}

// A Captured is what became of the packets of a host that were recorded.
type Captured struct {
	Host      string  `json:"host"`
	Packets   float64 `json:"packets"`   // that are in the file
	Bytes     float64 `json:"bytes"`     // of the file
	Dropped   float64 `json:"dropped"`   // for want of room to keep them until they were written
	Unwritten float64 `json:"unwritten"` // that came when the file had reached its limit
}

func (r *reading) captured() (rows []Captured) {
	for _, e := range r.h.Events {
		if e.Kind == history.Captured {
			c := e.Capture()
			rows = append(rows, Captured{e.Subject, float64(c.Packets), float64(c.Bytes), float64(c.Dropped), float64(c.Unwritten)})
		}
	}
	slices.SortStableFunc(rows, func(a, b Captured) int { return link.CompareHosts(a.Host, b.Host) })
	return rows
}

// signed prints milliseconds with their sign.
func signed(ms float64) string {
	if math.Abs(ms) < 0.0005 {
		return "0"
	}
	return strings.Replace(fmt.Sprintf("%+.3f", ms), "-", "−", 1)
}

// linkMatrix is every path by its hosts; nil where there are too many hosts, or nothing was measured.
func linkMatrix(l Links) *linkTable {
	seen, at := map[string]bool{}, map[string]LinkPath{}
	for _, p := range l.Paths {
		if p.ProbesSent > 0 {
			from, to := p.ends()
			seen[from], seen[to], at[p.Path] = true, true, p
		}
	}
	if len(seen) == 0 || len(seen) > linkHosts {
		return nil
	}
	t := &linkTable{Hosts: sortedKeys(seen)}
	for _, from := range t.Hosts {
		row := linkRow{From: from}
		for _, to := range t.Hosts {
			p, ok := at[from+">"+to]
			if !ok {
				row.Cells = append(row.Cells, linkCell{Class: "none"})
				continue
			}
			row.Cells = append(row.Cells, p.cell())
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func (p LinkPath) cell() linkCell {
	c := linkCell{Planned: "-", Measured: "nothing came", Class: p.class(), Title: p.Path + ": " + p.Shape}
	if p.Planned != nil {
		c.Planned = showDelay(*p.Planned)
	}
	if p.Measured != nil {
		c.Measured = showDelay(p.Measured.P50)
	}
	if p.ProbesLost > 0 && p.Measured != nil {
		c.Loss = fmt.Sprintf("%.3g%% lost", 100**p.MeasuredLoss)
	}
	if why := p.wrong(); why != "" {
		c.Title += "; it " + why
	}
	return c
}

// class says how far the path is off: by less than a quarter of a millisecond or 1 % of the plan, by less than
// ten times that, or by more. A path out of bounds is wrong.
func (p LinkPath) class() string {
	if p.wrong() != "" {
		return "wrong"
	}
	if p.Planned == nil {
		return ""
	}
	unit := max(0.25, *p.Planned/100)
	if p.jittered {
		return ""
	}
	switch off := math.Abs(p.off()); {
	case off <= unit:
		return "near"
	case off <= 10*unit:
		return "off"
	}
	return "far"
}

// showDelay prints milliseconds to the hundredth, or coarser where they are many.
func showDelay(ms float64) string {
	if ms >= 100 {
		return fmt.Sprintf("%.1f", ms)
	}
	return fmt.Sprintf("%.2f", ms)
}

// A pathRow is a path in a list.
type pathRow struct {
	Path, Shape                  string
	Measured, Class, P99, Off    string
	Loss                         string // planned, and of the probes
	Packets, Lost, Cut, Overflow float64
}

// worstPaths are those most worth a look: wrong ones first, then by how far they are off.
func worstPaths(l Links) []pathRow {
	paths := slices.DeleteFunc(slices.Clone(l.Paths), func(p LinkPath) bool { return p.ProbesSent == 0 && p.Overflow == 0 })
	slices.SortStableFunc(paths, func(a, b LinkPath) int {
		return cmp.Or(cmp.Compare(rankOf(a), rankOf(b)), cmp.Compare(math.Abs(b.off()), math.Abs(a.off())))
	})
	var rows []pathRow
	for _, p := range paths[:min(len(paths), linkWorst)] {
		c := p.cell()
		row := pathRow{
			Path: p.Path, Shape: p.Shape, Measured: c.Measured, Class: c.Class, Off: "-", P99: "-", Loss: "-",
			Packets: p.Packets, Lost: p.Lost, Cut: p.Cut, Overflow: p.Overflow,
		}
		if p.Measured != nil {
			row.P99 = showDelay(p.Measured.P99)
			if p.Planned != nil {
				row.Off = signed(p.off())
			}
		}
		if p.MeasuredLoss != nil {
			row.Loss = fmt.Sprintf("%.3g%%", 100**p.MeasuredLoss)
			if p.PlannedLoss != nil {
				row.Loss = fmt.Sprintf("%.3g%% / %s", 100**p.PlannedLoss, row.Loss)
			}
		}
		rows = append(rows, row)
	}
	return rows
}

func rankOf(p LinkPath) int {
	switch {
	case p.wrong() != "":
		return 0
	case p.Overflow > 0:
		return 1
	}
	return 2
}
