//go:build unix

package child_test

import (
	"os/signal"
	"syscall"
	"testing"

	"github.com/reckon-bench/reckon/reckon/child"
)

// SIGHUP ends a run in order, but not one that was started with nohup.
func TestInterrupts(t *testing.T) {
	defer signal.Reset(syscall.SIGHUP)
	for _, ignored := range []bool{false, true} {
		signal.Reset(syscall.SIGHUP)
		if ignored {
			signal.Ignore(syscall.SIGHUP)
		}
		all := child.Interrupts()
		has := false
		for _, s := range all {
			has = has || s == syscall.SIGHUP
		}
		if has == ignored {
			t.Errorf("SIGHUP ignored %v: interrupts %v", ignored, all)
		}
	}
}
