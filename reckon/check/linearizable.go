package check

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/reckon-bench/reckon/reckon/history"
)

func (b Bounds) orDefault() Bounds {
	b.Key = cmp.Or(b.Key, time.Second)
	b.Total = cmp.Or(b.Total, 5*time.Second)
	b.Memory = cmp.Or(b.Memory, 64<<20)
	b.Parallel = cmp.Or(b.Parallel, runtime.GOMAXPROCS(0))
	return b
}

func linearizable(ctx context.Context, h *history.History, b Bounds) Result {
	r := newRecord(h)
	if broken := r.premises(); broken != nil {
		return *broken
	}
	return r.summarise(ctx, judgeAll(ctx, r, b.orDefault()))
}

// A judgement is what was found out about one key.
type judgement struct {
	done     bool     // false: ctx ended before it
	verdict  Verdict  // Unknown where the judges disagree
	finding  *finding // where Invalid
	searched Verdict  // porcupine's own answer; Unknown where it ran out
	why      string   // where Unknown
}

// A finding is a violation: its description for people, and the operations that prove it.
type finding struct {
	detail   string
	evidence []history.Op  // in order of Call
	at       time.Duration // when it showed
}

// better reports whether f is to be reported rather than g: the smaller proof, then the earlier
// one.
func (f *finding) better(g *finding) bool {
	if g == nil {
		return true
	}
	return cmp.Or(cmp.Compare(len(f.evidence), len(g.evidence)), cmp.Compare(f.at, g.at)) < 0
}

// judgeAll judges the keys, b.Parallel at a time. The answers are in the order of r.keys.
func judgeAll(ctx context.Context, r *record, b Bounds) []judgement {
	var (
		all      = make([]judgement, len(r.keys))
		deadline = time.Now().Add(b.Total)
		next     atomic.Int64
		wg       sync.WaitGroup
	)
	for range min(b.Parallel, len(r.keys)) {
		wg.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(all) {
					return
				}
				until := time.Now().Add(b.Key)
				if until.After(deadline) {
					until = deadline
				}
				all[i] = r.judge(r.keys[i], newBudget(ctx, until, b.Memory))
			}
		})
	}
	wg.Wait()
	return all
}

// judge decides one key twice over.
//
// First by construction: build the one order that must work if any does, and
// replay it (order.go). That it works is a certificate of Valid which needs no
// theory: anyone can replay it. Where it does not work, it names a few operations,
// and porcupine confirms that those alone cannot be ordered: a certificate of
// Invalid, since what is removed from a linearizable history (reads, and writes
// together with all reads of theirs) leaves a linearizable one.
//
// Then by search: porcupine judges the whole key (search.go). Where it answers
// and contradicts, one of the two is wrong, so the key is Unknown. Where it runs
// out of its bounds the certificate stands: it is no guess.
func (r *record) judge(key keyOps, b *budget) judgement {
	reg, f := r.register(key)
	if f != nil { // a value from nowhere: there is no register to search
		return confirmed(judgement{done: true, verdict: Invalid, finding: f})
	}
	j := judgement{done: true}
	j.verdict, j.finding = reg.decide()
	j.searched = reg.search(b)
	j.done = !b.ctxEnded()
	j.verdict, j.why = compare(key.name, j.verdict, j.searched)
	return confirmed(j)
}

// compare returns the verdict of two judges: what was decided, unless the search contradicts it.
func compare(key string, decided, searched Verdict) (v Verdict, why string) {
	switch {
	case decided == Unknown:
		return Unknown, fmt.Sprintf("key %s: there is neither an order that works nor a proof that none does: a defect of this check", key)
	case searched != Unknown && searched != decided:
		return Unknown, fmt.Sprintf("key %s: ordering by zones says %s and porcupine says %s: a defect of this check", key, decided, searched)
	}
	return decided, ""
}

// confirmed asks porcupine about the evidence alone.
func confirmed(j judgement) judgement {
	if j.verdict == Invalid && legal(j.finding.evidence) {
		j.verdict, j.why = Unknown, j.finding.detail+": but its evidence is legal by itself: a defect of this check"
	}
	if j.verdict == Invalid {
		j.done = true // a proof stands even if the rest was cut short
	}
	return j
}

// summarise makes one result of all keys' judgements.
func (r *record) summarise(ctx context.Context, all []judgement) Result {
	var invalid, undone, searched int
	var best *finding
	var why string
	for i := range all {
		j := &all[i]
		switch {
		case !j.done:
			undone++
		case j.verdict == Invalid:
			invalid++
			if j.finding.better(best) {
				best = j.finding
			}
		case j.verdict == Unknown && why == "":
			why = j.why
		}
		if j.done && j.searched != Unknown {
			searched++
		}
	}
	switch {
	case best != nil:
		detail := best.detail
		if invalid > 1 {
			detail += affected(invalid, len(all))
		}
		return Result{Verdict: Invalid, Detail: detail, Evidence: best.evidence}
	case why != "":
		return Result{Detail: why}
	case undone > 0:
		return Result{Detail: fmt.Sprintf("cut short (%v): %d of %s not judged", context.Cause(ctx), undone, count(len(all), "key"))}
	}
	detail := fmt.Sprintf("%s, %s answered, %s acknowledged, %d unknown", count(len(all), "key"), count(r.reads, "read"), count(r.acked, "write"), r.unknown)
	if searched < len(all) {
		detail += fmt.Sprintf("; every key proven by replaying its order, %d of them by porcupine as well (the others would take it longer than its bounds)", searched)
	}
	return Result{Verdict: Valid, Detail: detail}
}
