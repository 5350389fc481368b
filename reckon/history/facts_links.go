package history

import "time"

// Traffic is what a fabric counted, in packets, of one path or of all together.
type Traffic struct {
	Packets                          uint64
	Lost                             uint64 // to the loss that a shape has
	Cut                              uint64 // by a partition
	Overflow                         uint64 // because a queue was full
	Duplicated, Corrupted, Reordered uint64 // of one path only
}

func (t Traffic) data() data {
	return data{
		"packets": float64(t.Packets), "lost": float64(t.Lost), "cut": float64(t.Cut), "overflow": float64(t.Overflow),
	}
}

// Traffic returns what a Path or Links event counted.
func (e Event) Traffic() Traffic {
	n := func(name string) uint64 { return uint64(e.Data[name]) }
	return Traffic{
		Packets: n("packets"), Lost: n("lost"), Cut: n("cut"), Overflow: n("overflow"),
		Duplicated: n("duplicated"), Corrupted: n("corrupted"), Reordered: n("reordered"),
	}
}

// NewPath: the fabric counted this on the path ("n1>n2").
func NewPath(path string, t Traffic) Event {
	e := Event{Kind: Path, Subject: path, Data: t.data()}
	e.Data["duplicated"], e.Data["corrupted"] = float64(t.Duplicated), float64(t.Corrupted)
	e.Data["reordered"] = float64(t.Reordered)
	return e
}

// Late is a distribution of how long after its due time something was done, in microseconds.
type Late struct{ P50, P99, Max float64 }

func putLate(d data, name string, l Late) {
	d[name+"_p50_us"], d[name+"_p99_us"], d[name+"_max_us"] = l.P50, l.P99, l.Max
}

func (e Event) late(name string) *Late {
	p99, ok := e.Data[name+"_p99_us"]
	if !ok {
		return nil
	}
	return &Late{e.Data[name+"_p50_us"], p99, e.Data[name+"_max_us"]}
}

// NewLinks: the fabric counted this over all paths. late is nil where it cannot say how late it
// was; details is for people.
func NewLinks(fabric, details string, t Traffic, late *Late) Event {
	e := Event{Kind: Links, Subject: fabric, Detail: details, Data: t.data()}
	if late != nil {
		putLate(e.Data, "late", *late)
	}
	return e
}

// Lateness returns how late the fabric of a Links event delivered; nil where it does not say.
func (e Event) Lateness() *Late { return e.late("late") }

// NewDriver: the client's load driver ended, had offered so many operations, and dispatched them so
// late.
func NewDriver(client string, offered int, lag Late) Event {
	e := Event{Kind: Driver, Subject: client, Data: data{"offered": float64(offered)}}
	putLate(e.Data, "lag", lag)
	return e
}

// Offered returns how many operations the driver of a Driver event says it offered.
func (e Event) Offered() int { return int(e.Data["offered"]) }

// A Measurement is what the probes of one path measured, and what they should have.
type Measurement struct {
	Path  string // "n1>n2"
	Shape string // that it should have, for people
	Sent  int
	Lost  int
	// Fewest and Most bound Lost; nil in records of before there were bounds.
	Fewest, Most *int
	Delay        *Delay // nil where none arrived
	Bounds       *Range // of the median delay; nil of a path that is cut
}

// Delay is a distribution of one-way delays, in milliseconds.
type Delay struct{ P50, P99 float64 }

// Range is from where to where something may lie.
type Range struct{ From, To float64 }

// NewProbe: the path was measured.
func NewProbe(m Measurement) Event {
	e := Event{Kind: Probe, Subject: m.Path, Detail: m.Shape, Data: data{"sent": float64(m.Sent), "lost": float64(m.Lost)}}
	if m.Fewest != nil && m.Most != nil {
		e.Data["fewest"], e.Data["most"] = float64(*m.Fewest), float64(*m.Most)
	}
	if m.Delay != nil {
		e.Data["p50_ms"], e.Data["p99_ms"] = m.Delay.P50, m.Delay.P99
	}
	if m.Bounds != nil {
		e.Data["floor_ms"], e.Data["ceiling_ms"] = m.Bounds.From, m.Bounds.To
	}
	return e
}

// Measurement returns what a Probe event says.
func (e Event) Measurement() Measurement {
	m := Measurement{Path: e.Subject, Shape: e.Detail, Sent: int(e.Data["sent"]), Lost: int(e.Data["lost"])}
	if most, ok := e.Data["most"]; ok {
		m.Fewest, m.Most = new(int(e.Data["fewest"])), new(int(most))
	}
	if p50, ok := e.Data["p50_ms"]; ok {
		m.Delay = &Delay{p50, e.Data["p99_ms"]}
	}
	if ceiling, ok := e.Data["ceiling_ms"]; ok {
		m.Bounds = &Range{e.Data["floor_ms"], ceiling}
	}
	return m
}

// A Survey is how much of the links was measured before the load.
type Survey struct {
	Paths, Probed, Packets int
	Took                   time.Duration
}

// NewProbed: the links were measured.
func NewProbed(s Survey) Event {
	return Event{Kind: Probed, Data: data{
		"paths": float64(s.Paths), "probed": float64(s.Probed), "packets": float64(s.Packets), "took_s": s.Took.Seconds(),
	}}
}

// Survey returns what a Probed event says.
func (e Event) Survey() Survey {
	return Survey{int(e.Data["paths"]), int(e.Data["probed"]), int(e.Data["packets"]), seconds(e.Data["took_s"])}
}

// A Capture is how much of a host's packets was recorded.
type Capture struct {
	Packets   uint64
	Bytes     int64  // of the file
	Dropped   uint64 // by the kernel
	Unwritten uint64 // past the file's limit
}

// NewCaptured: the capture of the host's packets ended; text is the same for people.
func NewCaptured(host, text string, c Capture) Event {
	return Event{Kind: Captured, Subject: host, Detail: text, Data: data{
		"packets": float64(c.Packets), "bytes": float64(c.Bytes), "dropped": float64(c.Dropped), "unwritten": float64(c.Unwritten),
	}}
}

// Capture returns what a Captured event says.
func (e Event) Capture() Capture {
	return Capture{uint64(e.Data["packets"]), int64(e.Data["bytes"]), uint64(e.Data["dropped"]), uint64(e.Data["unwritten"])}
}
