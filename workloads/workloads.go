// Package workloads holds the words for load: what clients ask of the store,
// and what they expect of it. One file a word.
//
// A workload is a stream of operations and a judgement; it refuses to keep
// time, to connect and to record.
package workloads
