package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/reckon-bench/reckon/reckon/history"
)

func replicas(h *history.History, members []string) Result {
	members = slices.Compact(slices.Sorted(slices.Values(members)))
	if len(members) == 0 {
		return Result{Detail: "there are no members to compare"}
	}
	told := hashes(h, members)
	for _, at := range told {
		if at.differ() {
			return Result{Verdict: Invalid, Detail: "hashes differ at " + at.String()}
		}
	}
	if len(members) == 1 {
		return Result{Verdict: Valid, Detail: "there is only one member, " + members[0]}
	}
	for _, at := range slices.Backward(told) {
		if len(at.members()) == len(members) {
			return Result{Verdict: Valid, Detail: "all members agree at " + at.String()}
		}
	}
	return Result{Detail: missing(told, members)}
}

// missing returns why there is no revision at which the members could be compared.
func missing(told []revisionHashes, members []string) string {
	answered := make(map[string]bool)
	for _, at := range told {
		for _, m := range at.members() {
			answered[m] = true
		}
	}
	silent := slices.DeleteFunc(slices.Clone(members), func(m string) bool { return answered[m] })
	if len(silent) > 0 {
		return fmt.Sprintf("no hash from %s (%d of %d members)", strings.Join(silent, ", "), len(silent), len(members))
	}
	var all []string
	for _, at := range told {
		all = append(all, at.String())
	}
	return "the members told hashes of different revisions only: " + strings.Join(all, "; ")
}

// revisionHashes is what was reported of one revision.
type revisionHashes struct {
	revision int64
	told     []memberHash // by member, then hash, without repetition
}

type memberHash struct {
	member string
	hash   uint32
}

// hashes gathers what the members reported, by revision.
func hashes(h *history.History, members []string) []revisionHashes {
	by := make(map[int64][]memberHash)
	for _, e := range h.Events {
		revision, hash, ok := e.Hash()
		if !ok || !slices.Contains(members, e.Subject) {
			continue
		}
		by[revision] = append(by[revision], memberHash{e.Subject, hash})
	}
	var all []revisionHashes
	for revision, told := range by {
		slices.SortFunc(told, func(a, b memberHash) int {
			if a.member != b.member {
				return strings.Compare(a.member, b.member)
			}
			return int(int64(a.hash) - int64(b.hash))
		})
		all = append(all, revisionHashes{revision, slices.Compact(told)})
	}
	slices.SortFunc(all, func(a, b revisionHashes) int { return int(a.revision - b.revision) })
	return all
}

func (r revisionHashes) differ() bool {
	return slices.ContainsFunc(r.told, func(m memberHash) bool { return m.hash != r.told[0].hash })
}

func (r revisionHashes) members() []string {
	var all []string
	for _, m := range r.told {
		all = append(all, m.member)
	}
	return all
}

// String is "revision 812: n1 and n2 have 1234abcd, n3 has 99ff0000", the hashes in the order of
// who reported them first.
func (r revisionHashes) String() string {
	var order []uint32
	who := make(map[uint32][]string)
	for _, m := range r.told {
		if who[m.hash] == nil {
			order = append(order, m.hash)
		}
		who[m.hash] = append(who[m.hash], m.member)
	}
	var parts []string
	for _, hash := range order {
		verb := "has"
		if len(who[hash]) > 1 {
			verb = "have"
		}
		parts = append(parts, fmt.Sprintf("%s %s %08x", list(who[hash]), verb, hash))
	}
	return fmt.Sprintf("revision %d: %s", r.revision, strings.Join(parts, ", "))
}

// list is "n1, n2 and n3".
func list(names []string) string {
	if len(names) == 1 {
		return names[0]
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}
