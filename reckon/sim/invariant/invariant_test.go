package invariant

import (
	"fmt"
	"slices"
	"testing"
)

// bench is a checker that notes what it is told is violated.
type bench struct {
	*Checker
	got []string
}

func newBench() *bench {
	b := &bench{}
	b.Checker = New(func(n int) string { return fmt.Sprintf("n%d", n+1) }, func(v *Violation) { b.got = append(b.got, v.Invariant) })
	return b
}

// terms is a log from index 1 on, by the terms of its entries.
type terms []uint64

func (t terms) at(i uint64) uint64 {
	if i == 0 || i > uint64(len(t)) {
		return 0
	}
	return t[i-1]
}

func (b *bench) status(n int, term, commit uint64, leads bool, log terms) {
	b.Status(n, Status{Term: term, Commit: commit, Leader: leads, Last: Entry{Index: uint64(len(log)), Term: log.at(uint64(len(log)))}}, log.at)
}

func (b *bench) append(n int, leads bool, from uint64, log terms) {
	var all []Entry
	for i := from; i <= uint64(len(log)); i++ {
		all = append(all, Entry{i, log.at(i), 100*i + log.at(i)})
	}
	b.Appended(n, log.at(from-1), all, leads)
}

type medium struct {
	term, vote uint64
	log        terms
}

func (m medium) State() (uint64, uint64)    { return m.term, m.vote }
func (m medium) Covers(i uint64) bool       { return i <= uint64(len(m.log)) }
func (m medium) TermOf(index uint64) uint64 { return m.log.at(index) }

// Each invariant is violated by a history that breaks it and by none that only comes near.
func TestInvariants(t *testing.T) {
	for _, tt := range []struct {
		name string
		play func(b *bench)
		want []string
	}{
		{"two leaders of different terms", func(b *bench) {
			b.status(0, 1, 0, true, nil)
			b.status(1, 2, 0, true, nil)
		}, nil},
		{"two leaders of one term", func(b *bench) {
			b.status(0, 1, 0, true, nil)
			b.status(1, 1, 0, true, nil)
		}, []string{ElectionSafety}},
		{"a follower is overwritten", func(b *bench) {
			b.append(0, false, 1, terms{1, 1})
			b.append(0, false, 2, terms{1, 2})
		}, nil},
		{"a leader rewrites its log", func(b *bench) {
			b.status(0, 1, 0, true, nil)
			b.append(0, true, 1, terms{1, 1})
			b.append(0, true, 2, terms{1, 1})
		}, []string{LeaderAppendOnly}},
		{"one entry has two pasts", func(b *bench) {
			b.append(0, false, 1, terms{1, 1, 3})
			b.append(1, false, 1, terms{1, 2, 3})
		}, []string{LogMatching}},
		{"one entry has two contents", func(b *bench) {
			b.Appended(0, 0, []Entry{{1, 1, 5}}, false)
			b.Appended(1, 0, []Entry{{1, 1, 6}}, false)
		}, []string{LogMatching}},
		{"a later leader lacks what was committed", func(b *bench) {
			b.status(0, 1, 2, true, terms{1, 1})
			b.status(1, 2, 0, true, terms{1})
		}, []string{LeaderCompleteness}},
		{"a later leader has another entry there", func(b *bench) {
			b.status(0, 3, 2, true, terms{1, 2})
			b.status(1, 4, 0, true, terms{1, 1, 1})
		}, []string{LeaderCompleteness}},
		{"a leader of an earlier term hears of its election late", func(b *bench) {
			b.status(0, 5, 2, true, terms{1, 5})
			b.status(1, 4, 0, true, terms{1})
		}, nil},
		{"what is committed is on a majority of disks", func(b *bench) {
			b.Holders = func(index, _ uint64) (int, int) { return int(5 - index), 2 }
			b.status(0, 1, 3, true, terms{1, 1, 1})
		}, nil},
		{"what is committed is on too few disks", func(b *bench) {
			b.Holders = func(index, _ uint64) (int, int) { return int(4 - index), 2 }
			b.status(0, 1, 3, true, terms{1, 1, 1})
		}, []string{CommitDurable}},
		{"two nodes apply different entries", func(b *bench) {
			b.Applied(0, Entry{1, 1, 7}, 70)
			b.Applied(1, Entry{1, 2, 8}, 80)
		}, []string{StateMachineSafety}},
		{"the same entry has different effects", func(b *bench) {
			b.Applied(0, Entry{1, 1, 7}, 70)
			b.Applied(1, Entry{1, 1, 7}, 71)
		}, []string{StateMachineSafety}},
		{"an entry is skipped", func(b *bench) {
			b.Applied(0, Entry{1, 1, 7}, 70)
			b.Applied(0, Entry{3, 1, 7}, 70)
		}, []string{StateMachineSafety}},
		{"a snapshot has another state", func(b *bench) {
			b.Applied(0, Entry{1, 1, 7}, 70)
			b.Restart(1, 1, 71)
		}, []string{StateMachineSafety}},
		{"a snapshot is of what others applied", func(b *bench) {
			b.Applied(0, Entry{1, 1, 7}, 70)
			b.Restored(1, 1, 70)
			b.Applied(1, Entry{2, 1, 7}, 72)
		}, nil},
		{"votes and entries are durable", func(b *bench) {
			b.Votes(0, 3, 2, medium{term: 3, vote: 2})
			b.Votes(0, 3, 2, medium{term: 4, vote: 1})
			b.Acknowledges(0, 3, 2, 3, medium{term: 3, log: terms{1, 3}})
		}, nil},
		{"a vote is not", func(b *bench) { b.Votes(0, 3, 2, medium{term: 2, vote: 2}) }, []string{VoteDurable}},
		{"a vote is for another", func(b *bench) { b.Votes(0, 3, 2, medium{term: 3, vote: 1}) }, []string{VoteDurable}},
		{"an entry is not", func(b *bench) { b.Acknowledges(0, 3, 2, 3, medium{term: 3, log: terms{1}}) }, []string{EntryDurable}},
		{"another entry is", func(b *bench) { b.Acknowledges(0, 3, 2, 3, medium{term: 3, log: terms{1, 2}}) }, []string{EntryDurable}},
		{"an entry was replaced by a later leader before it was written", func(b *bench) {
			b.Acknowledges(0, 3, 2, 0, medium{term: 4, log: terms{4}})
		}, nil},
		{"an entry is in the log, and not on the disk, in a later term", func(b *bench) {
			b.Acknowledges(0, 3, 2, 3, medium{term: 4, log: terms{4}})
		}, []string{EntryDurable}},
		{"the term is not", func(b *bench) { b.Acknowledges(0, 3, 2, 3, medium{term: 2, log: terms{1, 3}}) }, []string{EntryDurable}},
		{"the commit index falls", func(b *bench) {
			b.status(0, 1, 2, false, terms{1, 1})
			b.status(0, 1, 1, false, terms{1, 1})
		}, []string{CommitMonotonic}},
		{"the commit index falls with a restart", func(b *bench) {
			b.status(0, 1, 2, false, terms{1, 1})
			b.Restart(0, 0, 0)
			b.status(0, 1, 1, false, terms{1, 1})
		}, nil},
		{"the commit index exceeds the log", func(b *bench) { b.status(0, 1, 3, false, terms{1, 1}) }, []string{CommitMonotonic}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench()
			tt.play(b)
			if !slices.Equal(b.got, tt.want) {
				t.Errorf("violated: %q, want %q", b.got, tt.want)
			}
		})
	}
}
