package kibishii

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/reckon-bench/reckon/cmd/reckon/exit"
	"github.com/reckon-bench/reckon/reckon/capture"
	"github.com/reckon-bench/reckon/reckon/flags"
	"github.com/reckon-bench/reckon/workloads/kibishii"
	"github.com/reckon-bench/reckon/workloads/kibishii/fleet"
)

// The exit statuses of the original's callers, besides 0 for success.
const (
	failed     = 1
	incomplete = 2
	tooFew     = 101
)

// ends prints the error and returns an exit status that is not one of reckon's own.
func ends(status int, err error) error {
	fmt.Fprintln(os.Stderr, "reckon:", err)
	return exit.Status(status)
}

// run holds the flags of one call.
type run struct {
	access  etcdAccess
	command fleet.Command
	nodes   int
	wait    time.Duration
	json    bool
}

func newRun() *cobra.Command {
	r := &run{}
	cmd := &cobra.Command{
		Use: "run generate|verify --nodes N", Short: "Have N workers generate or verify, and print the results",
		Long: `Wait until N nodes are present, put the command, follow it, and print each node's result.

Exit status: 0 success, 1 failed, 2 not all nodes have completed, 64 wrong usage, 101 too few nodes.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			e, err := r.prepare(args)
			if err != nil {
				return exit.Usage(err)
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			return r.call(ctx, e, cmd.OutOrStdout())
		},
	}
	fs := cmd.Flags()
	r.access.bind(fs)
	r.bind(fs)
	return cmd
}

func (r *run) bind(fs *pflag.FlagSet) {
	fs.IntVar(&r.nodes, "nodes", 1, "how many nodes must be present")
	bindSpec(fs, &r.command.Spec)
	fs.StringVar(&r.command.OpID, "op", "", "the operation's number (default the time in seconds, or the next that is free); the same call again follows the operation instead of starting it anew")
	flags.SecondsVar(fs, &r.command.Timeout, "timeout", time.Hour, "the operation's deadline: then it has failed")
	flags.SecondsVar(fs, &r.wait, "wait", time.Minute, "how long to wait for the nodes")
	fs.BoolVar(&r.json, "json", false, "print one JSON object")
}

// prepare checks the arguments and flags before anything is started.
func (r *run) prepare(args []string) (e fleet.Etcd, err error) {
	if len(args) != 1 {
		return e, fmt.Errorf("kibishii run: want one word, %s or %s, and got %d", kibishii.CmdGenerate, kibishii.CmdVerify, len(args))
	}
	r.command.Cmd = kibishii.Command(args[0])
	if err := r.validate(); err != nil {
		return e, err
	}
	return r.access.etcd()
}

func (r *run) validate() error {
	words := []string{string(kibishii.CmdGenerate), string(kibishii.CmdVerify)}
	switch word := string(r.command.Cmd); {
	case !slices.Contains(words, word):
		return flags.Suggest("operation", word, words)
	case r.nodes < 1:
		return fmt.Errorf("--nodes %d: must be at least 1", r.nodes)
	case r.command.Timeout < time.Second:
		return fmt.Errorf("--timeout %v: must be at least 1s", r.command.Timeout)
	case r.wait <= 0:
		return fmt.Errorf("--wait %v: must be more than nothing", r.wait)
	}
	return r.command.Validate()
}

// call carries out the command and returns how it ended.
func (r *run) call(ctx context.Context, e fleet.Etcd, out io.Writer) error {
	waiting, cancel := context.WithTimeoutCause(ctx, r.wait, fmt.Errorf("no answer within %v", r.wait))
	defer cancel()
	c, err := fleet.Call(waiting, e)
	if err != nil {
		return ends(failed, err)
	}
	defer c.Close()
	if _, err := c.Await(waiting, r.nodes); err != nil {
		var few *fleet.TooFewError
		if errors.As(err, &few) {
			return ends(tooFew, err)
		}
		return ends(failed, fmt.Errorf("etcd at %s: %w", strings.Join(e.Endpoints, ", "), err))
	}
	if !r.json {
		shown := time.Now()
		c.Watch = func(o fleet.Operation) {
			if time.Since(shown) > time.Second {
				shown = time.Now()
				fmt.Fprintln(os.Stderr, progressLine(o))
			}
		}
	}
	op, err := c.Do(ctx, r.command)
	r.print(out, op)
	switch {
	case err != nil:
		return ends(incomplete, err)
	case op.Status == fleet.Success && len(op.Nodes) < r.nodes: // some went between the wait and the start
		return ends(incomplete, fmt.Errorf("only %d of %d nodes were there at the start", len(op.Nodes), r.nodes))
	case op.ExitStatus() != 0:
		return exit.Status(op.ExitStatus())
	}
	return nil
}

// progressLine describes the progress of an operation.
func progressLine(o fleet.Operation) string {
	done, of := o.Completed()
	var files, bytes int64
	for _, n := range o.Nodes {
		if n.Result != nil {
			files += n.Result.GeneratedFiles + n.Result.VerifiedFiles
			bytes += n.Result.Bytes
		}
	}
	want := o.Spec.Size()
	line := fmt.Sprintf("operation %s: %d of %d nodes, %d of %d files, %s", o.OpID, done, of, files, want.Files*int64(of), capture.Size(bytes))
	elapsed := time.Since(o.Put)
	if bytes > 0 && want.Bytes > 0 {
		rate := float64(bytes) / elapsed.Seconds()
		left := time.Duration(float64(want.Bytes*int64(of)-bytes) / rate * float64(time.Second))
		line += fmt.Sprintf(", %s/s, about %v left", capture.Size(int64(rate)), max(0, left).Round(time.Second))
	}
	return line
}

// maxPrinted is the number of damages per node that are printed.
const maxPrinted = 10

func (r *run) print(out io.Writer, o fleet.Operation) {
	if r.json {
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		_ = enc.Encode(o) // standard output is closed, so nobody reads it
		return
	}
	for _, n := range o.Nodes {
		line := fmt.Sprintf("%s: %s", n.Name, n.State)
		if n.Result != nil {
			line += ": " + n.Result.String()
		}
		fmt.Fprintln(out, line)
		if n.Result == nil {
			continue
		}
		for i, d := range n.Result.Damage {
			if i == maxPrinted {
				fmt.Fprintf(out, "  and %d more (--json has up to %d)\n", len(n.Result.Damage)-i+int(n.Result.MoreDamage), kibishii.MaxDamage)
				break
			}
			fmt.Fprintln(out, "  "+d.String())
		}
	}
	line := fmt.Sprintf("operation %s: %s", o.OpID, o.Status)
	if !o.Ended.IsZero() {
		line += fmt.Sprintf(", %v", o.Ended.Sub(o.Put).Round(time.Millisecond))
	}
	if o.Error != "" {
		line += ": " + o.Error
	}
	fmt.Fprintln(out, line)
}
