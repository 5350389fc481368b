// Package results is what remains of a run: its directory on disk (Dir), what
// it amounts to (Summary), and how it is shown (plots and a page).
//
// From a run's directory alone, on any operating system, without root, network
// or a second run, and as often as one likes:
//
//	h, notes, err := dir.History()           // read what was recorded
//	s := results.Summarise(h, info, checks)  // pure
//	err = results.Render(dir, h, s, info)    // the same input gives the same bytes
//
// The package refuses three things. It runs no check and decides nothing about
// the store: verdicts are handed to it. It never touches the record: ops.jsonl,
// events.jsonl and changes.jsonl are only appended to while the run lasts, and
// what is derived from them can be thrown away. And it smooths nothing over: a
// run whose fault did not strike, or whose driver died, is harness whatever its
// numbers look like.
package results
