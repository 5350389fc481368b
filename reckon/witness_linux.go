package reckon

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/reckon-bench/reckon/reckon/clock"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/link"
)

// A witness sees for itself, by probes and by the fabric's counters, that what is laid
// over the links takes effect and that it ends. A cut that lets packets through, or a heal that
// does not, makes a run look healthy that is none. A nil witness sees nothing.
type witness struct {
	prober *prober
	net    *link.Net
	fabric link.Fabric
	event  func(history.Event)
	slack  time.Duration   // how late a busy machine may be
	life   context.Context // of the run
	cables *cables         // a host that is unplugged sends no probes

	watching sync.WaitGroup
	mu       sync.Mutex
	changes  map[link.Path]int // how often each was laid over or healed
	heals    []*sight          // those that are yet to be seen
}

// How much of an overlay is looked at: an overlay may have thousands of paths, and what it is to
// show should not be drowned in probes. The paths are spread over all that there are.
const (
	witnessCut     = 24
	witnessBent    = 4
	witnessControl = 4
	witnessTries   = 5                      // while other strikes change the same paths
	witnessGap     = 500 * time.Microsecond // between the probes of a path
	witnessWait    = 2 * time.Second        // for probes to meet the links before those change again
	witnessLook    = time.Millisecond       // between looks at the counters
)

// A sight is a strike, or a heal, that is being looked at.
type sight struct {
	overlay link.Matrix
	met     chan struct{} // closed when the first probes have met the links as they are
	once    sync.Once
	closed  atomic.Int64 // since when the links may have changed, on the run's clock; 0: they have not
}

func newSight(overlay link.Matrix) *sight {
	return &sight{overlay: overlay, met: make(chan struct{})}
}

// seen says that the probes have met the links; what becomes of those now does not matter to them.
func (s *sight) seen() { s.once.Do(func() { close(s.met) }) }

// close returns when the links may change again: when the probes have met them. That is a matter of a few
// milliseconds after they last changed, and so hardly ever means to wait; a bound keeps a mistake from stopping the run.
func (s *sight) close(ctx context.Context, clock clock.Clock) {
	if s == nil {
		return
	}
	t := time.NewTimer(witnessWait)
	defer t.Stop()
	select {
	case <-s.met:
	case <-t.C:
	case <-ctx.Done():
	}
	s.closed.CompareAndSwap(0, int64(clock.Now()))
}

// until is until when the links were what is looked at.
func (s *sight) until() time.Duration {
	if at := s.closed.Load(); at != 0 {
		return time.Duration(at)
	}
	return math.MaxInt64
}

// ready returns when links that the overlay is to change have been seen to be healed.
func (w *witness) ready(ctx context.Context, overlay link.Matrix) {
	if w == nil {
		return
	}
	w.mu.Lock()
	heals := slices.Clone(w.heals)
	w.mu.Unlock()
	for _, s := range heals {
		for p := range overlay {
			if _, same := s.overlay[p]; same {
				s.close(ctx, w.prober.clock)
				break
			}
		}
	}
}

// wait returns when nothing is being looked at any more.
func (w *witness) wait() {
	if w != nil {
		w.watching.Wait()
	}
}

// struck has it seen, in the background, that the overlay is in effect.
func (w *witness) struck(strike int, overlay link.Matrix) *sight {
	if w == nil {
		return nil
	}
	w.changed(overlay)
	s := newSight(overlay)
	w.watching.Go(func() {
		defer s.seen()
		seen, err := w.seeStruck(overlay, s)
		w.log(strike, "struck", seen, err)
	})
	return s
}

// healed has it seen, in the background, that the overlay is gone.
func (w *witness) healed(strike int, overlay link.Matrix) {
	if w == nil {
		return
	}
	w.changed(overlay)
	s := newSight(overlay)
	w.mu.Lock()
	w.heals = append(w.heals, s)
	w.mu.Unlock()
	w.watching.Go(func() {
		seen, err := w.seeHealed(s)
		w.mu.Lock()
		w.heals = slices.DeleteFunc(w.heals, func(x *sight) bool { return x == s })
		w.mu.Unlock()
		s.seen()
		w.log(strike, "healed", seen, err)
	})
}

func (w *witness) log(strike int, what, seen string, err error) {
	e := history.Event{Kind: history.Verified, Subject: "links", Detail: what + ": " + seen, Data: map[string]float64{"strike": float64(strike)}}
	switch {
	case w.life.Err() != nil: // the run is over
		return
	case err != nil:
		e.Kind, e.Detail = history.Missed, what+", but "+err.Error()
	}
	w.event(e)
}

func (w *witness) changed(overlay link.Matrix) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for p := range overlay {
		w.changes[p]++
	}
}

// A moment is what the links were at one time.
type moment struct {
	links   link.Matrix
	changes map[link.Path]int
}

func (w *witness) now() moment {
	w.mu.Lock()
	changes := maps.Clone(w.changes)
	w.mu.Unlock()
	return moment{w.net.Links(), changes}
}

// same says whether the path has been left alone since the moment.
func (w *witness) same(m moment, p link.Path) bool {
	w.mu.Lock()
	n := w.changes[p]
	w.mu.Unlock()
	return n == m.changes[p] && w.net.Links()[p] == m.links[p]
}

// errTooSoon is why nothing can be said of a path.
var errTooSoon = errors.New("it could not be seen: other strikes changed the same links again too soon")

// seeStruck looks at cut paths, on which nothing may arrive and the fabric must count what is sent;
// at paths that are worse than they were, which must be as the plan now has them; and at paths beside cut ones, which must
// pass. The strike may be healed as soon as the links have taken the first probes in.
func (w *witness) seeStruck(overlay link.Matrix, s *sight) (seen string, err error) {
	cut, bent := sortOut(overlay)
	for range witnessTries {
		if seen, err = w.lookAt(overlay, cut, bent, s); !errors.Is(err, errTooSoon) {
			break
		}
		cut = nil // cuts need no second look: they hold whatever lies over them
	}
	return seen, err
}

// lookAt probes the paths once and says what was seen.
func (w *witness) lookAt(overlay link.Matrix, cut, bent []link.Path, s *sight) (string, error) {
	before, err := w.fabric.Counters(w.life)
	if err != nil {
		return "", err
	}
	m := w.now()
	if s.closed.Load() != 0 {
		return "", errTooSoon
	}
	var beside []link.Path
	if len(cut) > 0 {
		beside = w.beside(overlay, cut, m.links)
	}
	down := w.cables.down()
	bs, err := w.prober.send(w.life, w.orders(m, cut, bent, beside), witnessGap)
	if err != nil {
		return "", err
	}
	defer w.prober.forget(bs)
	maps.Copy(down, w.cables.down()) // by a strike of this moment
	cuts, bends, controls := bs[:len(cut)], bs[len(cut):len(cut)+len(bent)], bs[len(cut)+len(bent):]
	if err := w.counted(before, wired(cuts, down)); err != nil {
		return "", err
	}
	if err := w.takenIn(before, bends); err != nil {
		return "", err
	}
	met := w.met(m, bs)
	if len(bends) == 0 || slices.ContainsFunc(bends, func(b *burst) bool { return met[b] }) { // else there is another try, for which the links must stay
		s.seen()
	}
	err = w.prober.await(w.life, bs, func(b *burst) time.Duration { return w.patience(m, b) }, func(b *burst) bool {
		return slices.Contains(bends, b) && (whole(b) || !met[b]) || slices.Contains(controls, b) && reached(b)
	})
	if err != nil {
		return "", err
	}
	none, err := w.nothing(cuts, down, s.until())
	if err != nil {
		return "", err
	}
	worse, err := w.judge(m, bends, met)
	if err != nil {
		return "", err
	}
	pass, err := w.passed(m, controls)
	said := slices.DeleteFunc([]string{none, worse, pass}, func(s string) bool { return s == "" })
	return strings.Join(said, "; "), err
}

// cutProbes is how many probes are sent on a path that lets none through.
const cutProbes = 5

func (w *witness) orders(m moment, cut, bent, beside []link.Path) (orders []order) {
	for _, p := range cut {
		orders = append(orders, order{p, cutProbes})
	}
	for _, p := range bent {
		orders = append(orders, order{p, toJudge(m.links[p])})
	}
	for _, p := range beside {
		orders = append(orders, order{p, toPass(m.links[p])})
	}
	return orders
}

// met says which of the bursts, whose packets the links have just taken in, met them as they were at the moment. What
// becomes of a path afterwards does not matter to a packet, unless it is cut.
func (w *witness) met(m moment, bs []*burst) map[*burst]bool {
	met := map[*burst]bool{}
	for _, b := range bs {
		met[b] = w.same(m, b.path)
	}
	return met
}

// patience is how long after its last probe a burst is waited for.
func (w *witness) patience(m moment, b *burst) time.Duration {
	s := m.links[b.path]
	if s.Cut { // nothing will come; what comes all the same comes as before
		return latest(s) + w.slack + patienceLossy
	}
	return patience(s, len(b.sent), w.slack)
}

// sortOut is the paths that the overlay cuts, and those that it only makes worse, as many of each as are looked at.
func sortOut(overlay link.Matrix) (cut, bent []link.Path) {
	for _, p := range overlay.Paths() {
		if overlay[p].Cut {
			cut = append(cut, p)
		} else if overlay[p] != (link.Shape{}) {
			bent = append(bent, p)
		}
	}
	return spread(cut, witnessCut), spread(bent, witnessBent)
}

// spread picks n of all, evenly.
func spread[T any](all []T, n int) []T {
	if len(all) <= n {
		return all
	}
	some := make([]T, n)
	for i := range some {
		some[i] = all[i*len(all)/n]
	}
	return some
}

// beside is paths from or to the hosts of cut paths that must still pass.
func (w *witness) beside(overlay link.Matrix, cut []link.Path, links link.Matrix) (ps []link.Path) {
	touched := map[string]bool{}
	for _, p := range cut {
		touched[p.From], touched[p.To] = true, true
	}
	hosts := slices.SortedFunc(maps.Keys(w.prober.hosts), link.CompareHosts)
	for _, a := range hosts {
		for _, b := range hosts {
			p := link.Path{From: a, To: b}
			if _, struck := overlay[p]; !struck && a != b && (touched[a] || touched[b]) && !links[p].Cut && links[p].Burst == (link.Burst{}) {
				ps = append(ps, p)
			}
		}
	}
	return spread(ps, witnessControl)
}

// toJudge is how many probes show what the path does, toPass how many show that it does something.
func toJudge(s link.Shape) int {
	if survives(s) == 1 {
		return probePackets
	}
	return max(enough(1-survives(s)), probePackets)
}

func toPass(s link.Shape) int { return enough(survives(s)) }

// wired is those of the bursts whose path has both its ends up. In a kernel's fabric what is sent to a host that is down
// is dropped before the queues that count: the cable has no carrier.
func wired(bs []*burst, down map[string]bool) []*burst {
	return slices.DeleteFunc(slices.Clone(bs), func(b *burst) bool { return down[b.path.From] || down[b.path.To] })
}

// counted waits, bounded, until the fabric has counted all packets of the bursts as cut.
func (w *witness) counted(before map[link.Path]link.Counters, bs []*burst) error {
	b, now, err := w.watch(bs, func(b *burst, now link.Counters) bool {
		return now.Cut >= before[b.path].Cut+w.onLinks(b)
	})
	if b == nil || err != nil {
		return err
	}
	return fmt.Errorf("the links counted %d packets as cut on %s, where %d probes were sent", now.Cut-before[b.path].Cut, b.path, w.onLinks(b))
}

// takenIn waits, bounded, until the fabric has taken in as many packets as the bursts have, or something has: what does
// not come in is for those to find out who count what comes out.
func (w *witness) takenIn(before map[link.Path]link.Counters, bs []*burst) error {
	_, _, err := w.watch(bs, func(b *burst, now link.Counters) bool {
		return now.Packets >= before[b.path].Packets+w.onLinks(b)
	})
	return err
}

// onLinks is how many of the burst's packets left their host.
func (w *witness) onLinks(b *burst) uint64 {
	sent, _ := w.prober.account(b)
	return uint64(sent - w.prober.refusals(b))
}

// watch looks at the fabric's counters until they are as they should be for every burst, or returns the first for which they are not after a time.
func (w *witness) watch(bs []*burst, ok func(*burst, link.Counters) bool) (*burst, link.Counters, error) {
	for end := time.Now().Add(w.slack + time.Second); len(bs) > 0; {
		now, err := w.fabric.Counters(w.life)
		if err != nil {
			return nil, link.Counters{}, err
		}
		i := slices.IndexFunc(bs, func(b *burst) bool { return !ok(b, now[b.path]) })
		if i < 0 {
			break
		}
		if time.Now().After(end) {
			return bs[i], now[bs[i].path], nil
		}
		if err := clock.Rest(w.life, witnessLook); err != nil {
			return nil, link.Counters{}, err
		}
	}
	return nil, link.Counters{}, nil
}

// nothing: no packet of the bursts arrived until then. Those hosts that are down may have sent none.
//
// Why until then: what the links count as cut may be others' packets, so the heal may come while a probe has
// yet to meet the links, a few microseconds away. That it then arrives is no sign that the cut let it through.
func (w *witness) nothing(bs []*burst, down map[string]bool, until time.Duration) (string, error) {
	total := 0
	var cut, refused, late []*burst
	for _, b := range bs {
		sent, _ := w.prober.account(b)
		through, after := w.prober.arrivals(b, until)
		if through > 0 {
			return "", fmt.Errorf("%d of %d probes came through %s, which is cut", through, sent, b.path)
		}
		n := w.onLinks(b)
		if n < uint64(sent) && !down[b.path.From] {
			return "", fmt.Errorf("%s would not send to %s, though its interface is up", b.path.From, b.path.To)
		}
		switch {
		case n > uint64(after):
			total += int(n) - after
			cut = append(cut, b)
		case after > 0:
			late = append(late, b)
		case sent > 0:
			refused = append(refused, b)
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

// judge: the bursts measured what the links were to do at the moment. Those that may have met something else
// say nothing unless all of it arrived as it was to, but some must. Of those that a later cut may have taken on their way, what
// arrived is judged.
func (w *witness) judge(m moment, bs []*burst, met map[*burst]bool) (string, error) {
	var judged, taken []*burst
	lost := 0
	for _, b := range bs {
		s := m.links[b.path]
		sent, delays := w.prober.account(b)
		cut := w.net.Links()[b.path].Cut || len(delays) < sent && !w.same(m, b.path) // and may have taken what was under way
		switch why := contradicts(s, sent, delays, w.slack); {
		case why != "" && met[b] && (!cut || s.Cut):
			return "", fmt.Errorf("%s, which is to be %s, %s", b.path, s, why)
		case why == "" && (met[b] || len(delays) == sent):
			judged = append(judged, b)
		case met[b] && denies(s, sent, delays, w.slack) == "":
			taken, lost = append(taken, b), lost+sent-len(delays)
		}
	}
	var said []string
	if len(judged) > 0 {
		said = append(said, fmt.Sprintf("probes on %s met %s", pathList(judged), m.links[judged[0].path]))
	}
	if len(taken) > 0 {
		said = append(said, fmt.Sprintf("probes were sent on %s while it was %s, and %d of them may have been taken by a later cut", pathList(taken), m.links[taken[0].path], lost))
	}
	if len(said) == 0 && len(bs) > 0 {
		return "", errTooSoon
	}
	return strings.Join(said, "; "), nil
}

// contradicts says what of the measurement is impossible on a path of the shape that others use as well, "" when all may be.
func contradicts(s link.Shape, sent int, delays []time.Duration, slack time.Duration) string {
	if lost := sent - len(delays); s.Rate == 0 && lost > expect(s, sent, slack).most { // a rate has a queue, which others may have filled
		return fmt.Sprintf("lost %d of %d probes", lost, sent)
	}
	return denies(s, sent, delays, slack)
}

// denies is contradicts where any number of the probes may have been lost besides.
func denies(s link.Shape, sent int, delays []time.Duration, slack time.Duration) string {
	e, lost := expect(s, sent, slack), sent-len(delays)
	switch {
	case lost < e.fewest:
		return fmt.Sprintf("lost %d of %d probes", lost, sent)
	case len(delays) < probePackets: // too few for a median
		return ""
	}
	if p50 := quantile(delays, 0.5); p50 < e.floor || s.Rate == 0 && p50 > e.ceiling {
		return fmt.Sprintf("delayed probes by %v", p50.Round(time.Microsecond))
	}
	return ""
}

// passed: at least one packet of each burst arrived.
func (w *witness) passed(m moment, bs []*burst) (string, error) {
	var through []*burst
	for _, b := range bs {
		sent, delays := w.prober.account(b)
		if len(delays) > 0 {
			through = append(through, b)
		} else if w.same(m, b.path) {
			return "", fmt.Errorf("none of %d probes came through %s, which is not cut", sent, b.path)
		}
	}
	if len(through) == 0 {
		return "", nil
	}
	return "probes still pass " + pathList(through), nil
}

// pathList names the paths, or some and how many more there are.
func pathList(bs []*burst) string {
	const few = 4
	var names []string
	for _, b := range bs[:min(few, len(bs))] {
		names = append(names, b.path.String())
	}
	list := strings.Join(names, " ")
	if more := len(bs) - few; more > 0 {
		list += fmt.Sprintf(" and %d more", more)
	}
	return list
}
