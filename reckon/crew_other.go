//go:build !linux

package reckon

// A Env is what a crew has of the run: elsewhere than on Linux there are no hosts, and none.
type Env struct{}
