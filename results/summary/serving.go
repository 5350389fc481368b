package summary

import (
	"slices"
	"time"

	"github.com/reckon-bench/reckon/reckon/history"
)

// A Span is a time, since the epoch.
type Span struct{ From, To time.Duration }

// Unanswered returns, by member, when no client was answered through it for longer than an election
// timeout, although one had asked: by the load, or by a prober where the load did not. In records of
// before there was one, it is when the member did not answer when it was asked for its status.
func (r *Reading) Unanswered() map[string][]Span {
	by := map[string][]*history.Op{}
	probed := false
	for i := range r.H.Ops {
		o := &r.H.Ops[i]
		probed = probed || o.Stage == history.Probing
		if o.Via != "" && o.Return >= r.load0 && (o.Stage == history.Load || o.Stage == history.Probing) {
			by[o.Via] = append(by[o.Via], o)
		}
	}
	if !probed {
		return r.down()
	}
	spans := map[string][]Span{}
	for member, ops := range by {
		spans[member] = r.unanswered(ops)
	}
	return spans
}

// unanswered returns when none of the operations through one member was answered. Such a time begins
// with the call of the first that was not, and ends with the next answer.
func (r *Reading) unanswered(ops []*history.Op) (spans []Span) {
	answered := []time.Duration{r.load0}
	var refused []*history.Op
	for _, o := range ops {
		if o.Outcome == history.OK {
			answered = append(answered, o.Return)
		} else {
			refused = append(refused, o)
		}
	}
	slices.Sort(answered)
	slices.SortFunc(refused, func(a, b *history.Op) int { return int(a.Call - b.Call) })
	for i, last := range answered {
		next := r.end
		if i+1 < len(answered) {
			next = answered[i+1]
		}
		if next-last <= r.Info.ElectionTimeout {
			continue
		}
		first := slices.IndexFunc(refused, func(o *history.Op) bool { return o.Call < next && o.Return > last })
		if first < 0 {
			continue // nobody asked, or whoever asked was answered late
		}
		if from := max(last, refused[first].Call); next-from > r.Info.ElectionTimeout {
			spans = append(spans, Span{from, next})
		}
	}
	return spans
}

// down returns, by node, when it did not answer when it was asked for its status.
func (r *Reading) down() map[string][]Span {
	spans, since := map[string][]Span{}, map[string]time.Duration{}
	for _, e := range r.H.Events {
		from, down := since[e.Subject]
		switch {
		case e.Kind == history.Down && !down:
			since[e.Subject] = e.At
		case e.Kind == history.Up && down:
			spans[e.Subject] = append(spans[e.Subject], Span{from, e.At})
			delete(since, e.Subject)
		}
	}
	for node, from := range since {
		spans[node] = append(spans[node], Span{from, r.end})
	}
	return spans
}
