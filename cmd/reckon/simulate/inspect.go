package simulate

import (
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/reckon-bench/reckon/cmd/reckon/exit"
	"github.com/reckon-bench/reckon/reckon/plan"
	"github.com/reckon-bench/reckon/reckon/sim"
	"github.com/reckon-bench/reckon/reckon/sim/loop"
	"github.com/reckon-bench/reckon/results"
)

// inspect simulates the plan until the point, and prints the state of everything there.
func inspect(cmd *cobra.Command, p *plan.Plan, point string) error {
	stop, err := parsePoint(point)
	if err != nil {
		return err
	}
	s, err := sim.New(p)
	if err != nil {
		return err
	}
	defer s.Close()
	out := cmd.OutOrStdout()
	err = s.CarryTo(stop)
	fmt.Fprintf(out, "stopped at step %d, %v, digest %016x\n", s.Loop.Steps(), s.Loop.Now(), s.Loop.Digest())
	if err != nil {
		fmt.Fprintf(out, "broken: %v\n", err)
	}
	s.Describe(out)
	if err != nil {
		return exit.Status(results.StatusInvalid.Exit())
	}
	return nil
}

// parsePoint reads "invalid", a step or a time.
func parsePoint(point string) (loop.Stop, error) {
	if point == "invalid" {
		return loop.Stop{}, nil
	}
	if step, err := strconv.ParseUint(point, 10, 64); err == nil && step > 0 {
		return loop.Stop{Step: step}, nil
	}
	if at, err := time.ParseDuration(point); err == nil && at > 0 {
		return loop.Stop{Time: at}, nil
	}
	return loop.Stop{}, fmt.Errorf("--break-at %s: want invalid, the number of a step, or a time such as 12.5s", point)
}
