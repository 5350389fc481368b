// Package workloads holds the words for load: what clients ask of the store and what they expect of
// it. There is one file per word.
//
// A workload is a stream of operations and the checks of their record. It never keeps time,
// connects or records.
package workloads
