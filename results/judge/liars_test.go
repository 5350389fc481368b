package judge

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/reckon-bench/reckon/reckon/history"
)

// A class is the records of one list that mean the same kind of thing.
type class struct {
	name, list string
	at         []int // places in the list
}

func (c class) middle() int { return c.at[len(c.at)/2] }

// classes sorts the records.
func classes(h *history.History) (all []class) {
	by := map[string]*class{}
	add := func(list, name string, i int) {
		if by[name] == nil {
			by[name] = &class{name: name, list: list}
		}
		by[name].at = append(by[name].at, i)
	}
	for i, o := range h.Ops {
		add("Ops", fmt.Sprintf("op:%s-%s-%s", o.Stage, o.Kind, o.Outcome), i)
	}
	used := map[string]bool{}
	for _, o := range h.Ops {
		used[o.Key] = true
	}
	for i, e := range h.Events {
		name := "event:" + string(e.Kind)
		switch {
		case e.Kind == history.Phase:
			name += "-" + strings.Fields(e.Subject)[0]
		case e.Kind == history.Verified:
			name += "-" + string(e.End)
		case e.Kind == history.Worked:
			name += "-" + strings.ReplaceAll(string(e.Step), " ", "-")
		case e.Kind == history.Leads && e.Subject == "":
			name += "-none"
		}
		add("Events", name, i)
	}
	for i, c := range h.Changes {
		name := "change:of-clients"
		if !used[c.Key] {
			name = "change:of-others"
		}
		if c.Deleted {
			name += "-deleted"
		}
		add("Changes", name, i)
	}
	for i, p := range h.Passes {
		add("Passes", fmt.Sprintf("pass:%s-%s-%s", p.Command, p.Stage, p.Outcome), i)
	}
	for _, name := range slices.Sorted(maps.Keys(by)) {
		all = append(all, *by[name])
	}
	return all
}

// A mutation changes one field of a record.
type mutation struct {
	field, how string
	apply      func(record reflect.Value)
}

// mutations returns the lies about the value, which is at the path in a record.
func mutations(t *testing.T, v reflect.Value, path string, visited map[string]bool) (all []mutation) {
	add := func(how string, to func(reflect.Value)) {
		all = append(all, mutation{strings.TrimPrefix(path, "."), how, to})
	}
	below := func(step string, v reflect.Value, reach func(reflect.Value) reflect.Value) {
		for _, m := range mutations(t, v, path+step, visited) {
			all = append(all, mutation{m.field, m.how, func(r reflect.Value) { m.apply(reach(r)) }})
		}
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			visited[v.Type().Name()+"."+v.Type().Field(i).Name] = true
			below("."+v.Type().Field(i).Name, v.Field(i), func(r reflect.Value) reflect.Value { return r.Field(i) })
		}
	case reflect.String:
		for _, s := range []string{"", "zz", "n2", "c1", "n1>n2"} {
			if s != v.String() {
				add(fmt.Sprintf("is %q", s), func(r reflect.Value) { r.SetString(s) })
			}
		}
	case reflect.Bool:
		add("is flipped", func(r reflect.Value) { r.SetBool(!r.Bool()) })
	case reflect.Int, reflect.Int32, reflect.Int64:
		by := []int64{1, -1, 1_000_000}
		if v.Type() == reflect.TypeFor[time.Duration]() {
			by = []int64{int64(time.Hour), -int64(time.Hour), int64(20 * time.Second)}
		}
		for _, d := range by {
			add(fmt.Sprintf("is off by %+d", d), func(r reflect.Value) { r.SetInt(r.Int() + d) })
		}
		add("is 0", func(r reflect.Value) { r.SetInt(0) })
	case reflect.Uint8:
		for n := range uint64(3) {
			add(fmt.Sprintf("is %d", n), func(r reflect.Value) { r.SetUint(n) })
		}
	case reflect.Slice:
		all = append(all, sliceLies(v, path)...)
		if v.Len() > 0 {
			below("[]", v.Index(0), func(r reflect.Value) reflect.Value { return r.Index(0) })
		}
	case reflect.Pointer:
		add("is missing", func(r reflect.Value) { r.SetZero() })
		if !v.IsNil() {
			below("", v.Elem(), func(r reflect.Value) reflect.Value { return r.Elem() })
		}
	case reflect.Map:
		all = append(all, numberLies(v, path)...)
	default:
		t.Errorf("%s is a %s, about which nobody knows how to lie", path, v.Kind())
	}
	return all
}

func sliceLies(v reflect.Value, path string) (all []mutation) {
	path = strings.TrimPrefix(path, ".")
	all = append(all, mutation{path, "has one more", func(r reflect.Value) {
		if r.Len() > 0 {
			r.Set(reflect.Append(r, r.Index(0)))
		} else {
			r.Set(reflect.Append(r, reflect.Zero(r.Type().Elem())))
		}
	}})
	if v.Len() > 0 {
		all = append(all,
			mutation{path, "lacks one", func(r reflect.Value) { r.Set(r.Slice(1, r.Len())) }},
			mutation{path, "is missing", func(r reflect.Value) { r.SetZero() }})
	}
	return all
}

// numberLies are lies about the numbers of an event.
func numberLies(v reflect.Value, path string) (all []mutation) {
	names := v.MapKeys()
	slices.SortFunc(names, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
	seen := map[string]bool{}
	for _, name := range names {
		at := strings.TrimPrefix(path, ".") + "." + name.String()
		if b, _, histogram := strings.Cut(at, "_le_"); histogram {
			at = b + "_le"
		}
		if seen[at] {
			continue
		}
		seen[at] = true
		is := v.MapIndex(name).Float()
		for _, to := range []float64{is + 1, is + 0.5, is*1000 + 1e6, -1 - is, 0} {
			if to != is {
				all = append(all, mutation{at, fmt.Sprintf("is %v, not %v", to, is), func(r reflect.Value) {
					r.SetMapIndex(name, reflect.ValueOf(to))
				}})
			}
		}
		all = append(all, mutation{at, "is missing", func(r reflect.Value) { r.SetMapIndex(name, reflect.Value{}) }})
	}
	return all
}

// kindLies drop, repeat, move and swap records of each class.
func kindLies(h *history.History) (all []lie) {
	list := func(h *history.History, name string) reflect.Value {
		return reflect.ValueOf(h).Elem().FieldByName(name)
	}
	for _, c := range classes(h) {
		tell := func(how string, do func(l reflect.Value)) {
			all = append(all, lie{c.name, "(" + how + ")", "", func(h *history.History) bool { do(list(h, c.list)); return true }})
		}
		tell("drop", func(l reflect.Value) { remove(l, c.middle()) })
		tell("drop the first", func(l reflect.Value) { remove(l, c.at[0]) })
		tell("drop all", func(l reflect.Value) {
			for _, i := range slices.Backward(c.at) {
				remove(l, i)
			}
		})
		tell("repeat", func(l reflect.Value) { l.Set(reflect.Append(l, l.Index(c.middle()))) })
		tell("move", func(l reflect.Value) {
			x := reflect.ValueOf(l.Index(c.middle()).Interface())
			remove(l, c.middle())
			l.Set(reflect.AppendSlice(reflect.Append(reflect.MakeSlice(l.Type(), 0, l.Len()+1), x), l))
		})
		if first, last := c.at[0], c.at[len(c.at)-1]; first != last {
			tell("swap", func(l reflect.Value) { reflect.Swapper(l.Interface())(first, last) })
			tell("swap times", func(l reflect.Value) {
				for _, f := range []string{"At", "Due", "Call", "Return", "Revision"} {
					if a := l.Index(first).FieldByName(f); a.IsValid() {
						b := l.Index(last).FieldByName(f)
						x := a.Int()
						a.SetInt(b.Int())
						b.SetInt(x)
					}
				}
			})
		}
	}
	return all
}

func remove(l reflect.Value, i int) {
	l.Set(reflect.AppendSlice(l.Slice(0, i), l.Slice(i+1, l.Len())))
}

// excuse returns the entry of harmless that the lie falls under, and its reason.
func excuse(l lie) (at, reason string) {
	kind, _, _ := strings.Cut(l.class, ":")
	for _, at := range []string{l.class + " " + l.field, kind + " " + l.field, l.class + " *"} {
		if reason := harmless[at]; reason != "" {
			return at, reason
		}
	}
	return "", ""
}

// Reasons that several lies share.
const (
	notReplayed = "of a probe only that it was answered counts; that revisions do not fall is asked of the account"
	oneOfMany   = "members are asked again and again; no verdict hangs on one question, and the answers that count are asked for by serving"
	unknownWay  = "nothing but the client says through which of the members that it uses an unanswered operation was sent"
)

// harmless are the lies that may stay valid, by class or kind of record and field, and why.
var harmless = map[string]string{
	"event Detail":                              proseOnly,
	"event:metrics *":                           "metrics are the member's own, for readers of the run; no verdict and no measure comes of them",
	"event:noise *":                             "the machine's noise is shown beside the measures, and decides nothing",
	"event:leads Data.term":                     "terms are compared with each other only: another number for the same term is the same term",
	"event:driver Data.lag_p50_us":              lagAgain,
	"event:driver Data.lag_p99_us":              lagAgain,
	"event:driver Data.lag_max_us":              lagAgain,
	"event:links Data.late_p50_us":              fabricAlone,
	"event:links Data.late_p99_us":              fabricAlone,
	"event:links Data.late_max_us":              fabricAlone,
	"event:path Data.corrupted":                 notCounted,
	"event:path Data.duplicated":                notCounted,
	"event:path Data.reordered":                 notCounted,
	"event:probe Data.fewest":                   worked,
	"event:probe Data.lost":                     within,
	"event:probe Data.most":                     worked,
	"event:probe Data.p99_ms":                   "the slowest of ten probes on a busy machine may be late; no bound is on it but that of being waited for",
	"event:struck Data.took_s":                  "records of before it was measured lack it; else it moves an instant between those that the plan and the effects bound",
	"event:struck Data.tries":                   "how often a strike was tried is for people",
	"event:phase-build Data.unix_s":             "the wall clock's time of the epoch, for people; nothing is measured by it",
	"event:phase-done At":                       "nothing is measured up to there; more than the phase may take is caught",
	"op:probe-read-ok Version":                  notReplayed,
	"op:probe-read-ok Revision":                 notReplayed,
	"op:probe-read-ok (drop)":                   oneOfMany,
	"op:probe-read-ok (drop the first)":         oneOfMany,
	"op:probe-read-failed Via":                  unknownWay,
	"op:probe-read-failed (swap times)":         oneOfMany,
	"op:probe-read-failed (drop)":               oneOfMany,
	"op:probe-read-failed (drop the first)":     oneOfMany,
	"op:probe-read-failed (drop all)":           oneOfMany,
	"op:load-write-unknown Via":                 unknownWay,
	"event:served (drop the first)":             "of a strike on links alone: whether a member had ceased to serve for longer than an election timeout is worked out again from the operations of real runs, in cmd/reckon",
	"change:of-others Key":                      ofOthers,
	"change:of-others Value":                    ofOthers,
	"change:of-others-deleted Key":              ofOthers,
	"change:of-others-deleted Revision":         ofOthers,
	"op Error":                                  "why it is not ok is for people; that it is not, without a word, is caught",
	"op:load-write-unknown Outcome":             "a write that failed must never be seen, which is more than is asked of one of unknown outcome: the checks become stricter",
	"op (move)":                                 lineOrder,
	"op (swap)":                                 lineOrder,
	"event (move)":                              lineOrder,
	"event (swap)":                              lineOrder,
	"event:hash (swap times)":                   phaseOrder,
	"event:path (swap times)":                   phaseOrder,
	"event:probe (swap times)":                  phaseOrder,
	"event:up (swap times)":                     phaseOrder,
	"event:verified-struck (swap times)":        "both observations come after both effects, and before the final reads",
	"event:verified-struck (repeat)":            "seen twice",
	"event:verified-healed (repeat)":            "seen twice",
	"event:phase-build At":                      "the run's first instant, some microseconds after its epoch; nothing is measured by it",
	"event:worked-started (drop)":               "of a worker that was killed in the pass: its own report may die with it",
	"change:of-others (drop)":                   partOfOne,
	"change:of-others-deleted (drop)":           partOfOne,
	"change:of-others-deleted (drop the first)": partOfOne,
	"change:of-others-deleted (drop all)":       partOfOne,
	"pass Counts":                               "records of earlier releases lack it",
	"pass Nodes[].Host":                         "records of earlier releases lack it; another host is caught",
	"pass Nodes[].Started":                      "that a worker had begun need not have been seen before it was done",
	"pass Retries":                              "counted by the caller and the workers alone",
	"pass Stood":                                "measured by the caller alone; it is bounded by the pass",
	"pass:verify-load-failed Error":             whyFailed,
	"pass:verify-load-failed Nodes[].Error":     whyFailed,
	"pass:verify-load-failed Failing":           failedLists,
	"pass:verify-load-failed Nodes[].Files":     failedParts,
	"pass:verify-load-failed Nodes[].Dirs":      failedParts,
	"pass:verify-load-failed Nodes[].Bytes":     failedParts,
	"op Process":                                "the name of a process: another name for the same one says the same",
	"op Member":                                 "which member answered is not used by any check; it is one that the client uses",
}

const (
	proseOnly   = "text for people; the facts are in fields of their own"
	lagAgain    = "the summary works the lag out from the operations; the largest is compared with theirs, to a hundredth"
	fabricAlone = "the fabric alone measures how late it is; the plan bounds it"
	within      = "by chance, as many as the planned loss allows"
	lineOrder   = "lines of operations and events stand in the order in which they were written, and are read by their times"
	phaseOrder  = "of one phase, in which their order means nothing"
	partOfOne   = "a part of a transaction whose revision other changes share; no client uses its key"
	whyFailed   = "why it failed is for people"
	failedLists = "of a pass that failed: who else failed may be known after it ended"
	failedParts = "what a worker that did not succeed had done counts for nothing; more than a tree is caught"
	notCounted  = "netem does not count it"
	worked      = "records of before there were bounds lack it; the bounds are worked out from the plan's shape"
	ofOthers    = "keys that no client uses: what workers and leases keep in the store, of which the plan says nothing; revisions are bounded by the changes beside them"
)
