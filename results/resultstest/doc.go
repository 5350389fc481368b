// Package resultstest makes synthetic runs, for tests of what summarises and shows runs.
package resultstest
