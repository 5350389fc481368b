package matrix

import (
	"fmt"
	"strconv"
	"strings"
)

// A Shard is one of so many parts of a matrix, from 1. The zero value is the whole.
type Shard struct{ Index, Of int }

// ParseShard reads "2/4".
func ParseShard(s string) (Shard, error) {
	i, n, ok := strings.Cut(s, "/")
	index, ierr := strconv.Atoi(i)
	of, nerr := strconv.Atoi(n)
	if !ok || ierr != nil || nerr != nil || index < 1 || index > of {
		return Shard{}, fmt.Errorf("shard %s: want i/n with i from 1 to n, for example 2/4", s)
	}
	return Shard{index, of}, nil
}

func (s Shard) String() string {
	if s.Of == 0 {
		return "1/1"
	}
	return fmt.Sprintf("%d/%d", s.Index, s.Of)
}

// MarshalText and UnmarshalText write it as it is typed.
func (s Shard) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

func (s *Shard) UnmarshalText(b []byte) (err error) {
	*s, err = ParseShard(string(b))
	return err
}

// Has says whether the cell is in the shard. Shards take turns along the shuffled
// order, so that each is a fair sample and they end at about the same time.
func (s Shard) Has(c *Cell) bool { return s.Of == 0 || (c.Order-1)%s.Of == s.Index-1 }

// counters are what services that run many copies of a job tell each.
var counters = []struct {
	index, of string
	first     int // what the first copy is told
}{
	{"CI_NODE_INDEX", "CI_NODE_TOTAL", 1}, // GitLab; GitHub's strategy.job-index counts from 0, so its workflows give --shard
	{"CIRCLE_NODE_INDEX", "CIRCLE_NODE_TOTAL", 0},
	{"BUILDKITE_PARALLEL_JOB", "BUILDKITE_PARALLEL_JOB_COUNT", 0},
	{"JOB_COMPLETION_INDEX", "JOB_COMPLETIONS", 0}, // Kubernetes sets the first only; the manifest sets the other
}

// ShardFromEnvironment is the shard that a CI service or Kubernetes gave this
// process, and the variables that say so; ok is false where none did.
func ShardFromEnvironment(getenv func(string) string) (s Shard, from string, ok bool, err error) {
	for _, c := range counters {
		index, of := getenv(c.index), getenv(c.of)
		if index == "" {
			continue // GitLab sets the total alone where a job is not parallel
		}
		from = fmt.Sprintf("%s=%s %s=%s", c.index, index, c.of, of)
		if of == "" {
			return s, from, false, fmt.Errorf("%s=%s names one of many, and %s does not say of how many: set it, or give --shard", c.index, index, c.of)
		}
		i, ierr := strconv.Atoi(index)
		n, nerr := strconv.Atoi(of)
		i += 1 - c.first
		if ierr != nil || nerr != nil || i < 1 || i > n {
			return s, from, false, fmt.Errorf("%s: the index must be from %d to %s: mend it, or give --shard", from, c.first, beforeOr(n, c.first))
		}
		return Shard{i, n}, from, true, nil
	}
	return s, "", false, nil
}

// beforeOr is the last index of n copies.
func beforeOr(n, first int) string {
	if n < 1 {
		return "the total"
	}
	return strconv.Itoa(n - 1 + first)
}
