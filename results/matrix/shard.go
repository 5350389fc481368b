package matrix

import (
	"fmt"
	"strconv"
	"strings"
)

// A Shard is part Index of Of parts of a matrix, counted from 1. The zero value is the whole
// matrix.
type Shard struct{ Index, Of int }

// ParseShard parses "2/4", the second of four parts.
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

// MarshalText returns the shard as ParseShard reads it.
func (s Shard) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText parses what MarshalText returns.
func (s *Shard) UnmarshalText(b []byte) (err error) {
	*s, err = ParseShard(string(b))
	return err
}

// Has reports whether the cell is in the shard. Shards take turns along the shuffled order, so that
// each is a fair sample of the matrix and all end at about the same time.
func (s Shard) Has(c *Cell) bool { return s.Of == 0 || (c.Order-1)%s.Of == s.Index-1 }

// counters are the variables that services set for each of the copies of a job that they run side
// by side.
var counters = []struct {
	index, of string
	first     int // the index of the first copy
}{
	{"CI_NODE_INDEX", "CI_NODE_TOTAL", 1}, // GitLab; GitHub's strategy.job-index counts from 0, so its workflows give --shard
	{"CIRCLE_NODE_INDEX", "CIRCLE_NODE_TOTAL", 0},
	{"BUILDKITE_PARALLEL_JOB", "BUILDKITE_PARALLEL_JOB_COUNT", 0},
	{"JOB_COMPLETION_INDEX", "JOB_COMPLETIONS", 0}, // Kubernetes sets the first only; the manifest sets the other
}

// ShardFromEnvironment returns the shard that a CI service or Kubernetes assigns to this process,
// and the variables that it was read from; ok is false where none are set. The error names the
// variable that is wrong or missing.
func ShardFromEnvironment(getenv func(string) string) (s Shard, from string, ok bool, err error) {
	for _, c := range counters {
		index, of := getenv(c.index), getenv(c.of)
		if index == "" {
			continue // GitLab sets the total alone where a job is not parallel
		}
		from = fmt.Sprintf("%s=%s %s=%s", c.index, index, c.of, of)
		if of == "" {
			return s, from, false, fmt.Errorf("%s=%s is the index of one job of many, but %s is not set: set it to the number of jobs, or give --shard", c.index, index, c.of)
		}
		i, ierr := strconv.Atoi(index)
		n, nerr := strconv.Atoi(of)
		i += 1 - c.first
		if ierr != nil || nerr != nil || i < 1 || i > n {
			return s, from, false, fmt.Errorf("%s: the index must be from %d to %s: correct it, or give --shard", from, c.first, beforeOr(n, c.first))
		}
		return Shard{i, n}, from, true, nil
	}
	return s, "", false, nil
}

// beforeOr returns the last index of n copies that are counted from first.
func beforeOr(n, first int) string {
	if n < 1 {
		return "the total"
	}
	return strconv.Itoa(n - 1 + first)
}
