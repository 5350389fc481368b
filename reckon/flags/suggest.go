package flags

import (
	"fmt"
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
// the nearest differs in more than half of the mistyped name's letters.
func Nearest(name string, known []string) (nearest string) {
	best := len(name)/2 + 1
	for _, k := range known {
		if d := levenshtein.ComputeDistance(name, k); d < best {
			best, nearest = d, k
		}
	}
	return nearest
}
