package kibishii

import (
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/reckon-bench/reckon/cmd/reckon/exit"
	"github.com/reckon-bench/reckon/reckon/flags"
	"github.com/reckon-bench/reckon/workloads/kibishii/fleet"
)

func newWorker() *cobra.Command {
	var w fleet.Worker
	var access etcdAccess
	cmd := &cobra.Command{
		Use: "worker --endpoints HOST:PORT,... --node ID ROOT...", Short: "Generate and verify trees below the roots on a caller's command",
		Long: `The worker registers in etcd and carries out callers' commands in order until SIGINT or SIGTERM. With one root it is the
node ID. With several it is one node per root, named by ID and the root's last element.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return exit.Usage(errors.New("kibishii worker: want the roots of its trees, which are directories that exist"))
			}
			w.Roots = args
			var err error
			if w.Etcd, err = access.etcd(); err != nil {
				return exit.Usage(err)
			}
			if err := w.Validate(); err != nil {
				return exit.Usage(err)
			}
			w.Log = slog.New(slog.NewTextHandler(os.Stderr, nil))
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			if err := w.Run(ctx); err != nil {
				return ends(failed, err)
			}
			return nil
		},
	}
	fs := cmd.Flags()
	access.bind(fs)
	fs.StringVar(&w.Node, "node", "", "the worker's ID, which no other worker has; no comma, no slash")
	fs.BoolVar(&w.Identity, "identity", false, "write node, volume and path into the blocks and verify them, which detects swapped files, volumes and nodes")
	fs.BoolVar(&w.Options.AllowExtra, "allow-extra", false, "files that do not belong to the tree are no damage")
	fs.IntVar(&w.Options.Workers, "workers", 0, "how many files a root works on at a time (default as many as there are processors)")
	flags.SecondsVar(fs, &w.Lease, "lease", 10*time.Second, "how long a silent worker still counts as present")
	flags.SecondsVar(fs, &w.Patience, "patience", 10*time.Second, "how long to keep trying at startup while etcd does not answer")
	flags.SecondsVar(fs, &w.Limit, "limit", 24*time.Hour, "the deadline of operations whose caller gave none")
	return cmd
}
