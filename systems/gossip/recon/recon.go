// Package recon finds the difference of two replicas' sets of 64-bit ids, in one of four ways
// behind one interface, so that their costs can be compared:
//
//	riblt    a stream of coded symbols: some 20 bytes an id of the difference, whatever the sets' size
//	range    fingerprints of ranges, split in 16 where they differ (Meyer, arXiv 2212.13567)
//	merkle   digests of a tree of buckets, descended where they differ
//	full     all ids
//
// The one who asks, a [Finder], sends queries; the other answers each from a [View], which is its
// set as it was when the exchange began. After the last answer the asker knows the difference, both
// ways.
package recon

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Methods are the names of the ways.
var Methods = []string{"riblt", "range", "merkle", "full"}

// ErrTooLarge means that the difference is larger than the method can find; full always can.
var ErrTooLarge = errors.New("difference is too large")

// ErrMalformed means that a query or an answer is not one.
var ErrMalformed = errors.New("malformed reconciliation message")

// An Index is a set of ids, kept in the form that a method needs.
type Index interface {
	Add(id uint64)
	Remove(id uint64)
	// View is the set as it is now. It answers queries.
	View() View
	// Opening is the first query of a Finder with that guess. It depends on nothing else.
	Opening(expected int) []byte
	// Find begins to look for the difference to another's set; expected is a guess of how many ids
	// that has.
	Find(expected int) Finder
}

// A View is a set at an instant.
type View interface {
	// Answer answers a query. It holds nothing of who asks, and is bounded whatever is asked.
	Answer(query []byte) ([]byte, error)
}

// A Finder looks for the difference of its own set, as it was when it began, and another's.
type Finder interface {
	// Query is the next question, nil once the difference is known.
	Query() []byte
	// Answered takes the answer to it. The error ErrTooLarge says to use another method.
	Answered(answer []byte) error
	// Difference is what only the other set has, and what only this one has.
	Difference() (remote, local []uint64)
}

// New is the index of an empty set for the method. All of a cluster use one salt and one number of
// symbols, which only riblt needs.
func New(method string, salt uint64, symbols int) (Index, error) {
	switch method {
	case "riblt":
		return newSketched(salt, symbols), nil
	case "range":
		return &ranged{ids: map[uint64]struct{}{}}, nil
	case "merkle":
		return newMerkle(), nil
	case "full":
		return &full{ids: map[uint64]struct{}{}}, nil
	}
	return nil, fmt.Errorf("unknown reconciliation %q: known are %s", method, strings.Join(Methods, ", "))
}

// sortedIDs is the set in order.
func sortedIDs(set map[uint64]struct{}) []uint64 {
	ids := make([]uint64, 0, len(set))
	for id := range set {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// compare splits two sorted lists into what only each has.
func compare(remote, local []uint64) (onlyRemote, onlyLocal []uint64) {
	for len(remote) > 0 && len(local) > 0 {
		switch r, l := remote[0], local[0]; {
		case r == l:
			remote, local = remote[1:], local[1:]
		case r < l:
			onlyRemote, remote = append(onlyRemote, r), remote[1:]
		default:
			onlyLocal, local = append(onlyLocal, l), local[1:]
		}
	}
	return append(onlyRemote, remote...), append(onlyLocal, local...)
}

// between is the part of sorted ids that lies in [low, high].
func between(ids []uint64, low, high uint64) []uint64 {
	from, _ := slices.BinarySearch(ids, low)
	ids = ids[from:]
	to, found := slices.BinarySearch(ids, high)
	if found {
		to++
	}
	return ids[:to]
}
