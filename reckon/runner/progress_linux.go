package runner

import (
	"github.com/reckon-bench/reckon/reckon/internal/journal"
	"github.com/reckon-bench/reckon/reckon/internal/load"
)

type (
	// Progress is how a run goes at one moment, for people who watch.
	Progress = journal.Progress
	// Latencies counts latencies; those of several drivers can be merged.
	Latencies = load.Latencies
)
