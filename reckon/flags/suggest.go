package flags

import (
	"fmt"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

// Suggest returns the error for a name that is not among the known ones: what kind of name it is,
// the nearest known one where one is near, and all that are allowed. For an unknown system "ectd":
//
//	unknown system "ectd", did you mean "etcd"?; known: etcd, memory
func Suggest(kind, name string, known []string) error {
	return fmt.Errorf("unknown %s %q%s; known: %s", kind, name, DidYouMean(name, known), strings.Join(known, ", "))
}

// DidYouMean returns `, did you mean "X"?` for the known name nearest to the given one, "" where
// none is near.
func DidYouMean(name string, known []string) string {
	near := Nearest(name, known)
	if near == "" {
		return ""
	}
	return fmt.Sprintf(", did you mean %q?", near)
}

// Nearest returns the known name nearest to a mistyped one by Levenshtein distance, "" where even
// the nearest differs in more than half of the mistyped name's letters. A name that differs in a
// whole hyphenated part is no slip of the fingers and may mean the opposite, so it is never
// returned: etcd-pre-vote is not etcd-no-pre-vote, and leader-recovery not leader-only.
func Nearest(name string, known []string) (nearest string) {
	best := len(name)/2 + 1
	for _, k := range known {
		if d := levenshtein.ComputeDistance(name, k); d < best && sameParts(name, k) {
			best, nearest = d, k
		}
	}
	return nearest
}

// sameParts reports whether the names differ in letters or hyphens only, in no whole part.
func sameParts(name, known string) bool {
	a, b := strings.Split(name, "-"), strings.Split(known, "-")
	if len(a) != len(b) {
		joined := levenshtein.ComputeDistance(strings.Join(a, ""), strings.Join(b, ""))
		return joined <= 1 && !within(a, b) && !within(b, a)
	}
	for i := range a {
		if negates(a[i]) != negates(b[i]) || levenshtein.ComputeDistance(a[i], b[i]) > max(1, len(a[i])/2) {
			return false
		}
	}
	return true
}

// within reports whether the parts are some of the others, in the same order.
func within(parts, others []string) bool {
	for _, o := range others {
		if len(parts) > 0 && parts[0] == o {
			parts = parts[1:]
		}
	}
	return len(parts) == 0
}

// negates reports whether the part of a name turns the rest into its opposite.
func negates(part string) bool {
	return slices.Contains([]string{"no", "not", "non", "without", "disable"}, part)
}
