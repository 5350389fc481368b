package check

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/reckon-bench/reckon/reckon/history"
)

// Sessions judges the session guarantees (Terry et al. 1994) of every process, per key, by what is
// certain in real time:
//
//	read your writes     no read answers what was certainly before the process's own last
//	                     acknowledged write
//	monotonic reads      no read answers what was certainly before what the process read earlier
//	monotonic writes     the final value is none of the process's writes that it followed by
//	                     another, acknowledged one
//	writes follow reads  the final value is none that the process read before it wrote
//
// A session is pinned where all its operations were answered by one member, which is known; else it
// roams. A violation in a pinned session is Invalid; those of roaming sessions are counted, and
// Invalid only with strict.
func Sessions(h *history.History, strict bool) Result {
	r := Result{Name: "sessions"}
	p := newPast(h)
	if b := p.repeated(); b != nil {
		b.Name = r.Name
		return *b
	}
	var pinned, roaming sessionTally
	for _, s := range sessions(h) {
		t := &roaming
		if isPinned(s) {
			t = &pinned
		}
		t.sessions++
		p.session(s, t)
	}
	r.Detail = fmt.Sprintf("pinned: %v; roaming: %v", &pinned, &roaming)
	switch {
	case pinned.total() > 0:
		r.Verdict, r.Evidence = Invalid, pinned.evidence
	case strict && roaming.total() > 0:
		r.Verdict, r.Evidence = Invalid, roaming.evidence
	case pinned.reads+roaming.reads == 0:
		r.Detail = unseen("no session read anything").Detail
	default:
		r.Verdict = Valid
	}
	return r
}

// sessionTally counts violations.
type sessionTally struct {
	sessions, reads                        int
	ownWrites, reads2, writes, followReads int
	evidence                               []history.Op
}

func (t *sessionTally) total() int { return t.ownWrites + t.reads2 + t.writes + t.followReads }

func (t *sessionTally) String() string {
	if t.total() == 0 {
		return fmt.Sprintf("%s with %s, no violation", count(t.sessions, "session"), count(t.reads, "read"))
	}
	return fmt.Sprintf("%s with %s violate read your writes %d, monotonic reads %d, monotonic writes %d, writes follow reads %d times",
		count(t.sessions, "session"), count(t.reads, "read"), t.ownWrites, t.reads2, t.writes, t.followReads)
}

func (t *sessionTally) add(n *int, ops ...*history.Op) {
	*n++
	if t.evidence == nil {
		for _, o := range ops {
			if o != nil {
				t.evidence = append(t.evidence, *o)
			}
		}
	}
}

// sessions parts the operations of the load by process, in order of Call.
func sessions(h *history.History) (all [][]*history.Op) {
	type process struct {
		client string
		number int
	}
	at := map[process]int{}
	for i := range h.Ops {
		o := &h.Ops[i]
		if o.Stage != history.Load {
			continue
		}
		k := process{o.Client, o.Process}
		n, ok := at[k]
		if !ok {
			n = len(all)
			at[k], all = n, append(all, nil)
		}
		all[n] = append(all[n], o)
	}
	for _, s := range all {
		slices.SortFunc(s, func(a, b *history.Op) int {
			return cmp.Or(cmp.Compare(a.Call, b.Call), cmp.Compare(a.Return, b.Return))
		})
	}
	return all
}

func isPinned(s []*history.Op) bool {
	member := ""
	for _, o := range s {
		if o.Outcome != history.OK {
			continue
		}
		if o.Member == "" || member != "" && o.Member != member {
			return false
		}
		member = o.Member
	}
	return member != ""
}

// session judges one process.
func (p *past) session(s []*history.Op, t *sessionTally) {
	wrote := map[string]*history.Op{}     // the own acknowledged write of each key that is last
	read := map[string]*history.Op{}      // the read of each key that answered the newest
	earlier := map[string][]*history.Op{} // own and read writes of each key before its last own write
	for _, o := range s {
		if o.Outcome != history.OK {
			continue
		}
		if o.Kind == history.Write {
			if w := wrote[o.Key]; w != nil {
				earlier[o.Key] = append(earlier[o.Key], w)
			}
			if seen := read[o.Key]; seen != nil && p.author(seen) != nil {
				earlier[o.Key] = append(earlier[o.Key], p.author(seen))
			}
			wrote[o.Key] = o
			continue
		}
		if o.Unobserved {
			continue
		}
		t.reads++
		got := p.author(o)
		if w := wrote[o.Key]; w != nil && p.older(o, got, w) {
			t.add(&t.ownWrites, w, got, o)
		}
		if seen := read[o.Key]; seen != nil && p.author(seen) != nil && p.older(o, got, p.author(seen)) {
			t.add(&t.reads2, p.author(seen), seen, got, o)
			continue
		}
		read[o.Key] = o
	}
	p.sessionEnd(wrote, earlier, t)
}

// older reports whether what the read answered, got, was certainly before the write.
func (p *past) older(read, got, w *history.Op) bool {
	if read.Value != "" {
		return got != nil && got != w && precedes(got, w)
	}
	if w.Value == "" {
		return false
	}
	for _, i := range p.writes[read.Key] { // absent: before every write, unless something was deleted that is not certainly before
		if d := &p.h.Ops[i]; d.Value == "" && d.Outcome != history.Failed && !precedes(d, w) && d.Call < read.Return {
			return false
		}
	}
	return true
}

// sessionEnd holds the final values to the order of the process's writes.
func (p *past) sessionEnd(wrote map[string]*history.Op, earlier map[string][]*history.Op, t *sessionTally) {
	for _, key := range p.keys {
		last := wrote[key]
		if last == nil {
			continue
		}
		for _, final := range p.finals(key) {
			for _, w := range earlier[key] {
				if final.Value == "" || final.Value != w.Value || !precedes(w, last) {
					continue
				}
				if w.Client == last.Client && w.Process == last.Process {
					t.add(&t.writes, w, last, final)
				} else {
					t.add(&t.followReads, w, last, final)
				}
				break
			}
		}
	}
}
