package matrix

import (
	"maps"
	"slices"

	"github.com/spf13/pflag"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/plan"
)

// knownFlags returns the names of the flags that some run understands, without --seed: each cell
// has its own.
func knownFlags() []string {
	set := map[string]bool{}
	for _, names := range [][]string{
		flagNames(plan.OptionFlags()),
		flagsOf(&reckon.Systems), flagsOf(&reckon.Topologies), flagsOf(&reckon.Workloads), flagsOf(&reckon.Faults),
	} {
		for _, n := range names {
			set[n] = true
		}
	}
	delete(set, "seed")
	return sortedKeys(set)
}

func flagNames(fs *pflag.FlagSet) (names []string) {
	fs.VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	return names
}

func flagsOf[T any](c *reckon.Catalogue[T]) (names []string) {
	for _, w := range c.Words() {
		names = append(names, flagNames(w.Flags())...)
	}
	return names
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
