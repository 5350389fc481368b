// Package report writes the report of a run: the plots, and one HTML page that refers to nothing
// outside the run's directory.
package report
