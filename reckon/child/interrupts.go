package child

import (
	"os"
	"os/signal"
	"syscall"
)

// Interrupts returns the signals on which a run ends in order: SIGINT, SIGTERM, and SIGHUP, which
// comes when a terminal or a connection closes. Under nohup, which has SIGHUP ignored, that is not
// among them.
func Interrupts() []os.Signal {
	all := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		all = append(all, syscall.SIGHUP)
	}
	return all
}
