// Package launch prepares a run and starts it: it asks whether this machine can do what the plan
// requires, gets the system's program ready, makes the run's directory, and carries the plan out in
// a private process tree.
package launch

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/reckon-bench/reckon/cmd/reckon/exit"
	"github.com/reckon-bench/reckon/reckon/plan"
)

// Prepare finds or builds the system's program. A signal ends that and leaves nothing half built.
func Prepare(p *plan.Plan) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := p.Prepare(ctx, os.Stderr)
	if ctx.Err() != nil {
		return exit.Harness(fmt.Errorf("prepare %s: interrupted; nothing was started", p.Words.System))
	}
	return err
}
