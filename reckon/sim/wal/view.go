package wal

import (
	"github.com/reckon-bench/reckon/reckon/sim/disk"
)

// A View is what a power cut that loses the cache would leave of the log on a disk, by the medium's own bytes and not by
// what the log's writer believes. It reads each byte once.
type View struct {
	Term, Vote uint64
	disk       *disk.Disk
	segment    uint64
	name, next string // of that segment and of the one after it
	at         int
	base       uint64 // index of the last entry before terms
	baseTerm   uint64
	terms      []uint64
	broken     bool // something there is no record: nothing after it counts
}

// NewView makes a view of the disk's log, which is read by Update.
func NewView(d *disk.Disk) *View {
	v := &View{disk: d}
	v.turn(0)
	return v
}

// turn begins with the segment of that number.
func (v *View) turn(segment uint64) {
	v.segment, v.at = segment, 0
	v.name, v.next = segmentName(segment), segmentName(segment+1)
}

// Update reads what has come to the medium.
func (v *View) Update() {
	for !v.broken {
		content, ok := v.disk.Medium(v.name)
		if !ok {
			oldest, any := v.oldest()
			if !any || oldest <= v.segment {
				return
			}
			v.turn(oldest) // those before it were released
			continue
		}
		for {
			kind, payload, after, err := next(content, v.at)
			if err != nil {
				v.broken = err == errDamage
				break
			}
			v.add(kind, payload)
			v.at = after
		}
		if _, ok := v.disk.Medium(v.next); !ok {
			return
		}
		v.turn(v.segment + 1)
	}
}

func (v *View) oldest() (number uint64, ok bool) {
	for _, name := range v.disk.MediumList(segmentDir) {
		if n, ok := segmentNumber(name); ok {
			return n, true
		}
	}
	return 0, false
}

// Last returns the index of the last entry.
func (v *View) Last() uint64 { return v.base + uint64(len(v.terms)) }

// TermOf returns the term of the entry, 0 where it is not there. That of an entry that a snapshot covers is known only at its end.
func (v *View) TermOf(index uint64) uint64 {
	switch {
	case index == v.base:
		return v.baseTerm
	case index > v.base && index <= v.Last():
		return v.terms[index-v.base-1]
	}
	return 0
}

// Covers reports whether the log holds the index in a snapshot or as an entry.
func (v *View) Covers(index uint64) bool { return index <= v.Last() }

func (v *View) add(kind byte, payload []byte) {
	switch kind {
	case entryRecord:
		var index, term uint64
		if _, ok := uvarints(payload, &index, &term); !ok {
			v.broken = true
			return
		}
		if index <= v.base || index > v.Last()+1 {
			v.base, v.baseTerm, v.terms = index-1, 0, v.terms[:0]
		}
		v.terms = append(v.terms[:index-v.base-1], term)
	case stateRecord:
		var commit uint64
		if _, ok := uvarints(payload, &v.Term, &v.Vote, &commit); !ok {
			v.broken = true
		}
	case snapshotRecord:
		var m Mark
		if _, ok := uvarints(payload, &m.Index, &m.Term); !ok {
			v.broken = true
			return
		}
		if m.Index > v.Last() || m.Index >= v.base && v.TermOf(m.Index) != m.Term {
			v.base, v.baseTerm, v.terms = m.Index, m.Term, v.terms[:0]
		}
	}
}
