package shell

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/reckon-bench/reckon/reckon/flags"
	"github.com/reckon-bench/reckon/reckon/link"
)

// The parts of a shape are those that the flags of a topology set, in the same units. The shell
// calls the latency delay, as it prints shapes so; it understands both.
const (
	flagLatency  = "latency"
	shellLatency = "delay"
)

// shapeParts returns the names of the parts of a shape.
func shapeParts() (names []string) {
	link.NewFlags(0).Set.VisitAll(func(f *pflag.Flag) {
		names = append(names, strings.ReplaceAll(f.Name, flagLatency, shellLatency))
	})
	slices.Sort(names)
	return names
}

// parseShape makes a shape of words such as delay=50ms and loss=5. What they do not name is left
// alone.
func parseShape(words []string) (link.Shape, error) {
	parts := link.NewFlags(0)
	for _, w := range words {
		name, value, ok := strings.Cut(w, "=")
		if !ok {
			return link.Shape{}, fmt.Errorf("%q: want PART=VALUE; parts are %s", w, strings.Join(shapeParts(), ", "))
		}
		part := parts.Set.Lookup(strings.ReplaceAll(name, shellLatency, flagLatency))
		if part == nil {
			return link.Shape{}, flags.Suggest("part", name, shapeParts())
		}
		if err := part.Value.Set(value); err != nil {
			return link.Shape{}, fmt.Errorf("%s: %w", w, err)
		}
	}
	if err := parts.Validate(); err != nil {
		return link.Shape{}, inShell(err)
	}
	shape, err := parts.Shape()
	if err != nil {
		return link.Shape{}, inShell(err)
	}
	return shape, nil
}

// inShell words an error about a part as the shell names it.
func inShell(err error) error {
	return errors.New(strings.ReplaceAll(err.Error(), flagLatency, shellLatency))
}
