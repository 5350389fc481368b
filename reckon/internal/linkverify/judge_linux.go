package linkverify

import (
	"fmt"
	"strings"
	"time"

	"github.com/reckon-bench/reckon/reckon/internal/expect"
	"github.com/reckon-bench/reckon/reckon/internal/probe"

	"github.com/reckon-bench/reckon/reckon/link"
	"github.com/reckon-bench/reckon/reckon/stats"
)

// nothing: no packet of the trains arrived until then. Those hosts that are down may have sent
// none.
//
// Why until then: what the links count as cut may be others' packets, so the heal may come while a
// probe has yet to meet the links, a few microseconds away. That it then arrives is no sign that
// the cut let it through.
func (v *Verifier) nothing(ts []*probe.Train, down map[string]bool, until time.Duration) (string, error) {
	total := 0
	var cut, refused, late []*probe.Train
	for _, t := range ts {
		sent, _ := v.Prober.Account(t)
		through, after := v.Prober.Arrivals(t, until)
		if through > 0 {
			return "", fmt.Errorf("%d of %d probes came through %s, which is cut", through, sent, t.Path)
		}
		n := v.onLinks(t)
		if n < uint64(sent) && !down[t.Path.From] {
			return "", fmt.Errorf("%s would not send to %s, though its interface is up", t.Path.From, t.Path.To)
		}
		switch {
		case n > uint64(after):
			total += int(n) - after
			cut = append(cut, t)
		case after > 0:
			late = append(late, t)
		case sent > 0:
			refused = append(refused, t)
		}
	}
	var said []string
	if len(late) > 0 {
		said = append(said, fmt.Sprintf("the links counted %d packets or more as cut on %s, whose probes met the heal", cutProbes, pathList(late)))
	}
	if len(cut) > 0 {
		said = append(said, fmt.Sprintf("%d probes on %s were cut and none arrived", total, pathList(cut)))
	}
	if len(refused) > 0 {
		said = append(said, "no probe could even be sent on "+pathList(refused))
	}
	return strings.Join(said, "; "), nil
}

// judge: the trains measured what the links were to do at the moment. Those that may have met
// something else say nothing unless all of it arrived as it was to, but some must. Of those that a
// later cut may have taken on their way, what arrived is judged.
func (v *Verifier) judge(m moment, ts []*probe.Train, met map[*probe.Train]bool) (string, error) {
	var judged, taken []*probe.Train
	lost := 0
	for _, t := range ts {
		s := m.links[t.Path]
		sent, delays := v.Prober.Account(t)
		cut := v.Net.Links()[t.Path].Cut || len(delays) < sent && !v.same(m, t.Path) // and may have taken what was under way
		switch why := contradicts(s, sent, delays, v.Slack); {
		case why != "" && met[t] && (!cut || s.Cut):
			return "", fmt.Errorf("%s, which is to be %s, %s", t.Path, s, why)
		case why == "" && (met[t] || len(delays) == sent):
			judged = append(judged, t)
		case met[t] && denies(s, sent, delays, v.Slack) == "":
			taken, lost = append(taken, t), lost+sent-len(delays)
		}
	}
	var said []string
	if len(judged) > 0 {
		said = append(said, fmt.Sprintf("probes on %s met %s", pathList(judged), m.links[judged[0].Path]))
	}
	if len(taken) > 0 {
		said = append(said, fmt.Sprintf("probes were sent on %s while it was %s, and %d of them may have been taken by a later cut", pathList(taken), m.links[taken[0].Path], lost))
	}
	if len(said) == 0 && len(ts) > 0 {
		return "", errTooSoon
	}
	return strings.Join(said, "; "), nil
}

// contradicts says what of the measurement is impossible on a path of the shape that others use as
// well, "" when all may be.
func contradicts(s link.Shape, sent int, delays []time.Duration, slack time.Duration) string {
	if lost := sent - len(delays); s.Rate == 0 && lost > expect.Of(s, sent, slack).Most { // a rate has a queue, which others may have filled
		return fmt.Sprintf("lost %d of %d probes", lost, sent)
	}
	return denies(s, sent, delays, slack)
}

// denies is contradicts where any number of the probes may have been lost besides.
func denies(s link.Shape, sent int, delays []time.Duration, slack time.Duration) string {
	e, lost := expect.Of(s, sent, slack), sent-len(delays)
	switch {
	case lost < e.Fewest:
		return fmt.Sprintf("lost %d of %d probes", lost, sent)
	case len(delays) < expect.Packets: // too few for a median
		return ""
	}
	if p50 := stats.Quantile(delays, 0.5); p50 < e.Floor || s.Rate == 0 && p50 > e.Ceiling {
		return fmt.Sprintf("delayed probes by %v", p50.Round(time.Microsecond))
	}
	return ""
}

// passed: at least one packet of each burst arrived.
func (v *Verifier) passed(m moment, ts []*probe.Train) (string, error) {
	var through []*probe.Train
	for _, t := range ts {
		sent, delays := v.Prober.Account(t)
		if len(delays) > 0 {
			through = append(through, t)
		} else if v.same(m, t.Path) {
			return "", fmt.Errorf("none of %d probes came through %s, which is not cut", sent, t.Path)
		}
	}
	if len(through) == 0 {
		return "", nil
	}
	return "probes still pass " + pathList(through), nil
}

// pathList names the paths, or some and how many more there are.
func pathList(ts []*probe.Train) string {
	const few = 4
	var names []string
	for _, t := range ts[:min(few, len(ts))] {
		names = append(names, t.Path.String())
	}
	list := strings.Join(names, " ")
	if more := len(ts) - few; more > 0 {
		list += fmt.Sprintf(" and %d more", more)
	}
	return list
}
