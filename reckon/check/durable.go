package check

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/reckon-bench/reckon/reckon/history"
)

func durable(h *history.History) Result {
	r := newRecord(h)
	if b := r.unique(); b != nil {
		return *b
	}
	if r.acked == 0 {
		return Result{Detail: "no write was acknowledged, so there is nothing to check"}
	}
	accounts := r.accounts()
	if len(accounts) == 0 {
		return Result{Detail: "the system keeps no record of its changes, so there is nothing to check"}
	}
	var d docket
	known := r.known()
	for _, a := range accounts {
		a.enter(&d)
		a.writes(&d)
		a.reads(&d)
		a.finals(&d, known)
	}
	if d.first != nil {
		return d.result(len(r.keys))
	}
	if a := accounts[0]; a.doubt != "" {
		return Result{Detail: fmt.Sprintf("%s up to revision %d shows nothing wrong, but %s", a.name(), a.end(), a.doubt)}
	}
	return Result{Verdict: Valid, Detail: r.durableDetail(accounts)}
}

func (r *record) durableDetail(accounts []*account) string {
	var names []string
	for _, a := range accounts {
		s := a.name()
		if a.behind {
			s += fmt.Sprintf(" up to revision %d", a.end())
		}
		names = append(names, s)
	}
	d := fmt.Sprintf("%s in %s", count(r.acked, "acknowledged write"), strings.Join(names, ", "))
	a := accounts[0]
	if r.unknown > 0 {
		d += fmt.Sprintf("; %d of %d writes of unknown outcome took effect", a.entered-r.acked, r.unknown)
	}
	members := make(map[string]bool)
	var finals, silent int
	for i := range r.h.Ops {
		switch o := &r.h.Ops[i]; {
		case o.Stage != history.Final || o.Kind != history.Read:
		case o.Outcome != history.OK:
			silent++
		default:
			finals++
			members[o.Member] = true
		}
	}
	if finals == 0 {
		d += "; no final read was answered"
	} else {
		d += fmt.Sprintf("; %s through %s as recorded", count(finals, "final read"), count(len(members), "member"))
	}
	if silent > 0 {
		d += fmt.Sprintf(", %d were not answered", silent)
	}
	if a.foreign > 0 {
		d += fmt.Sprintf("; %s of keys that no operation used ignored", count(a.foreign, "change"))
	}
	return d
}

// An account is one member's changes, in the order in which it reports them.
type account struct {
	r       *record
	member  string
	changes []history.Change
	doubt   string // why the store's past may go on after the account's end; "" where it does not
	behind  bool   // in doubt, or another account reaches further

	place   []int32          // by operation: 1 + where the write is among the changes, or 0
	keys    map[string][]int // the changes of each key that an operation touched
	entered int              // writes of ours
	foreign int              // changes of keys that no operation touched
}

// accounts groups the changes by the member that reported them, the ones that reach furthest first.
func (r *record) accounts() []*account {
	by := make(map[string]*account)
	var all []*account
	of := func(member string) *account {
		a := by[member]
		if a == nil {
			a = &account{r: r, member: member, place: make([]int32, len(r.h.Ops)), keys: make(map[string][]int, len(r.keys))}
			by[member] = a
			all = append(all, a)
		}
		return a
	}
	for _, c := range r.h.Changes {
		a := of(c.Member)
		a.changes = append(a.changes, c)
	}
	for _, e := range r.h.Events {
		if e.Kind == history.Collected {
			of(e.Subject) // an empty one is an account, too
		}
	}
	slices.SortFunc(all, func(a, b *account) int {
		if d := b.end() - a.end(); d != 0 {
			return int(min(max(d, -1), 1))
		}
		return strings.Compare(a.member, b.member)
	})
	for _, a := range all {
		a.doubt = a.doubted()
		a.behind = a.doubt != "" || a.end() < all[0].end()
		for _, k := range r.keys {
			a.keys[k.name] = nil
		}
	}
	return all
}

// doubted returns why the account may be incomplete: it was not recorded that all of it
// was collected, or its member answered no final read, and so may not have heard of the last
// writes. Recordings of before history.Collected are whole where the run came to its last line and
// says nothing against itself.
func (a *account) doubted() string {
	_, done := a.r.h.PhaseStart("done")
	var whole, marks, failed bool
	for _, e := range a.r.h.Events {
		switch e.Kind {
		case history.Collected:
			marks = true
			whole = whole || e.Subject == a.member && e.Changes() == len(a.changes)
		case history.Harness, history.Interrupted, history.Ended:
			failed = true
		}
	}
	if !whole && (marks || failed || !done) {
		return "not all of it was collected"
	}
	var asked, answered bool
	for i := range a.r.h.Ops {
		if o := &a.r.h.Ops[i]; o.Stage == history.Final && o.Client == a.member {
			asked, answered = true, answered || o.Outcome == history.OK
		}
	}
	if asked && !answered {
		return a.member + " answered no final read, so it may have fallen behind"
	}
	return ""
}

// end returns the newest revision in the account.
func (a *account) end() int64 {
	var end int64
	for i := range a.changes {
		end = max(end, a.changes[i].Revision)
	}
	return end
}

func (a *account) name() string {
	if a.member == "" {
		return "the store's record"
	}
	return a.member + "'s record"
}

// enter takes the changes in and judges each by who wrote it and what came before it.
func (a *account) enter(d *docket) {
	for i := range a.changes {
		c := &a.changes[i]
		past, ours := a.keys[c.Key]
		if !ours {
			a.foreign++
			continue
		}
		if c.Deleted {
			d.add(c.Key, fmt.Sprintf("%s has its deletion at revision %d, which no client requested", a.name(), c.Revision))
			continue
		}
		a.keys[c.Key] = append(past, i)
		a.author(d, i)
		if len(past) > 0 {
			a.follows(d, &a.changes[past[len(past)-1]], c)
		} else if c.Version > 1 {
			d.add(c.Key, fmt.Sprintf("%s begins with version %d, %s at revision %d: what came before is missing", a.name(), c.Version, c.Value, c.Revision))
		}
	}
}

// author judges the change at place i by who wrote its value.
func (a *account) author(d *docket, i int) {
	c := &a.changes[i]
	at, written := a.r.writer[c.Value]
	if !written {
		d.add(c.Key, fmt.Sprintf("%s has %s at revision %d, which no client wrote", a.name(), c.Value, c.Revision))
		return
	}
	w := &a.r.h.Ops[at]
	switch {
	case w.Key != c.Key:
		d.add(c.Key, fmt.Sprintf("%s has %s at revision %d, which %s wrote to key %s", a.name(), c.Value, c.Revision, who(w), w.Key), *w)
	case w.Outcome == history.Failed:
		d.add(c.Key, fmt.Sprintf("%s has %s at revision %d, whose write by %s failed%s, so it must never take effect", a.name(), c.Value, c.Revision, who(w), because(w)), *w)
	case a.place[at] != 0:
		first := &a.changes[a.place[at]-1]
		d.add(c.Key, fmt.Sprintf("%s has %s at revision %d and again at revision %d, but %s wrote it once", a.name(), c.Value, first.Revision, c.Revision, who(w)), *w)
	default:
		a.place[at] = int32(i) + 1
		a.entered++
	}
}

// follows judges a change by the one before it of the same key. A version of 0 is one that the
// system does not count.
func (a *account) follows(d *docket, past, c *history.Change) {
	switch {
	case c.Revision <= past.Revision:
		d.add(c.Key, fmt.Sprintf("%s has %s at revision %d after %s at revision %d", a.name(), c.Value, c.Revision, past.Value, past.Revision))
	case c.Version != past.Version+1 && (c.Version != 0 || past.Version != 0):
		d.add(c.Key, fmt.Sprintf("%s goes from version %d (%s, revision %d) to version %d (%s, revision %d)", a.name(), past.Version, past.Value, past.Revision, c.Version, c.Value, c.Revision))
	}
}

// writes looks for every acknowledged write.
func (a *account) writes(d *docket) {
	end := a.end()
	for i := range a.r.h.Ops {
		o := &a.r.h.Ops[i]
		if o.Kind != history.Write || o.Outcome != history.OK {
			continue
		}
		c := a.change(int32(i))
		switch {
		case c == nil && a.behind && (o.Revision == 0 || o.Revision > end):
		case c == nil:
			d.add(o.Key, fmt.Sprintf("%s was acknowledged%s but is not in %s", deed(o), at(o), a.name()), *o)
		case o.Revision != 0 && o.Revision != c.Revision:
			d.add(o.Key, fmt.Sprintf("%s was acknowledged%s but is at revision %d in %s", deed(o), at(o), c.Revision, a.name()), *o)
		}
	}
}

// change returns where the write is in the account, or nil.
func (a *account) change(write int32) *history.Change {
	if p := a.place[write]; p != 0 {
		return &a.changes[p-1]
	}
	return nil
}

// reads holds what was answered against the account. A value that was read and is not there was
// lost after it had been seen.
func (a *account) reads(d *docket) {
	end := a.end()
	for i := range a.r.h.Ops {
		o := &a.r.h.Ops[i]
		if o.Kind != history.Read || o.Outcome != history.OK || absent(o) {
			continue
		}
		evidence := []history.Op{*o}
		var c *history.Change
		if w, ok := a.r.writer[o.Value]; ok {
			evidence = []history.Op{a.r.h.Ops[w], *o}
			c = a.change(w)
		}
		switch {
		case c == nil && a.behind && (o.Revision == 0 || o.Revision > end):
		case c == nil || c.Key != o.Key:
			d.add(o.Key, fmt.Sprintf("%s, which is not in %s", describe(o), a.name()), evidence...)
		case o.Revision != 0 && o.Revision != c.Revision:
			d.add(o.Key, fmt.Sprintf("%s, which is at revision %d in %s", describe(o), c.Revision, a.name()), evidence...)
		case o.Version != 0 && c.Version != 0 && o.Version != c.Version:
			d.add(o.Key, fmt.Sprintf("%s as version %d, which is version %d in %s", describe(o), o.Version, c.Version, a.name()), evidence...)
		}
	}
}

// finals holds the final reads against the last change of their key. A later
// change than the one read is no contradiction if it was not known when the
// read was called: a write of unknown outcome may take effect even after the final reads.
//
//	w(a) |--| ok
//	w(u)    |----?                          (takes effect here: +)
//	final r(a)             |--|               +       the record ends with u, and r(a) was right
func (a *account) finals(d *docket, known []time.Duration) {
	if a.behind {
		return // its last changes are not the last
	}
	for i := range a.r.h.Ops {
		o := &a.r.h.Ops[i]
		if o.Stage != history.Final || o.Kind != history.Read || o.Outcome != history.OK {
			continue
		}
		past := a.keys[o.Key]
		for n := len(past) - 1; n >= 0; n-- {
			c := &a.changes[past[n]]
			if !absent(o) && c.Value == o.Value {
				break
			}
			w, ok := a.r.writer[c.Value]
			if ok && known[w] < o.Call {
				write := &a.r.h.Ops[w]
				d.add(o.Key, fmt.Sprintf("at the end %s although %s has %s after it, at revision %d, known %s before",
					describe(o), a.name(), c.Value, c.Revision, human(o.Call-known[w])), *write, *o)
				break
			}
		}
	}
}

// known returns when, at the latest, each write was known to have taken effect: acknowledged, or
// read.
func (r *record) known() []time.Duration {
	known := make([]time.Duration, len(r.h.Ops))
	for i := range r.h.Ops {
		known[i] = time.Duration(after)
	}
	for i := range r.h.Ops {
		o := &r.h.Ops[i]
		if o.Outcome != history.OK {
			continue
		}
		w := int32(i)
		if o.Kind == history.Read {
			var ok bool
			if w, ok = r.writer[o.Value]; !ok || absent(o) {
				continue
			}
		}
		known[w] = min(known[w], o.Return)
	}
	return known
}

func at(o *history.Op) string {
	if o.Revision == 0 {
		return ""
	}
	return fmt.Sprintf(" at revision %d", o.Revision)
}

// A docket holds the first finding and counts the keys of all.
type docket struct {
	first *finding
	keys  map[string]bool
}

func (d *docket) add(key, detail string, evidence ...history.Op) {
	if d.first == nil {
		d.first = show(0, key, detail, evidence...)
		d.keys = make(map[string]bool)
	}
	d.keys[key] = true
}

func (d *docket) result(keys int) Result {
	detail := d.first.detail
	if n := len(d.keys); n > 1 {
		detail += affected(n, keys)
	}
	return Result{Verdict: Invalid, Detail: detail, Evidence: d.first.evidence}
}
