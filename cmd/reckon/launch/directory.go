package launch

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/reckon-bench/reckon/reckon/plan"
	"github.com/reckon-bench/reckon/results"
)

// Free returns an error if --result-location names something that exists; why says why that is
// refused. No location at all is fine.
func Free(location, why string) error {
	if _, err := os.Lstat(location); location != "" && err == nil {
		return fmt.Errorf("--result-location %s: it exists; %s", location, why)
	}
	return nil
}

// InPath returns the words in a form that suits the name of a directory.
func InPath(words string) string {
	return strings.NewReplacer(" ", "-", ",", "+", "/", "_").Replace(words)
}

// ShortSystem returns the word with only the last element of a path that is its argument.
func ShortSystem(word string) string {
	if name, argument, ok := strings.Cut(word, "@"); ok {
		return name + "@" + filepath.Base(argument)
	}
	return word
}

// Create makes the run's directory: the location, or runs/TIME-WORDS if that is empty, with a
// number appended where that is taken.
func Create(p *plan.Plan, location string) (*results.Dir, error) {
	if location != "" {
		return results.Create(location)
	}
	short := p.Words
	short.System = ShortSystem(short.System)
	base := filepath.Join("runs", time.Now().Format("20060102-150405")+"-"+InPath(short.String()))
	path := base
	for i := 2; ; i++ {
		dir, err := results.Create(path)
		if _, serr := os.Lstat(path); err == nil || serr != nil || i > 100 {
			return dir, err
		}
		path = fmt.Sprintf("%s-%d", base, i) // taken
	}
}
