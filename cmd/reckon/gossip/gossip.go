// Package gossip is the command "reckon gossip": it runs a member of the gossip store by hand, and
// gives a prompt on a cluster of it.
package gossip

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/reckon-bench/reckon/cmd/reckon/exit"
	"github.com/reckon-bench/reckon/reckon/flags"
	"github.com/reckon-bench/reckon/systems/gossip"
)

// failed is the exit status of a member that could not start, or ended by itself, and of a prompt
// of which a command failed.
const failed exit.Status = 1

// New returns the command, in the group of commands. flagError words the error of a wrong flag.
func New(group string, flagError func(*cobra.Command, error) error) *cobra.Command {
	parent := &cobra.Command{
		Use: "gossip", Short: "Run a member of the gossip store, or use one", GroupID: group,
		Long: `Run a member of the gossip key-value store, which has no leader, or give a prompt on a cluster of it.
Members speak etcd's v3 API, as far as its semantics go: etcdctl put, get, del and watch work.`,
		Example: `  reckon gossip serve --name a --listen-peer 127.0.0.1:5001 --listen-client 127.0.0.1:6001
  reckon gossip serve --name b --listen-peer 127.0.0.1:5002 --listen-client 127.0.0.1:6002 --join 127.0.0.1:5001
  reckon gossip cli --endpoints 127.0.0.1:6001`,
		Args: cobra.ArbitraryArgs, // judged below
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			var known []string
			for _, c := range cmd.Commands() {
				known = append(known, c.Name())
			}
			return flags.Suggest("command", args[0], known)
		},
	}
	parent.SetFlagErrorFunc(flagError)
	parent.AddCommand(newServe(), newCLI())
	return parent
}

func newServe() *cobra.Command {
	cmd := &cobra.Command{Use: "serve", Short: "Run a member until it is told to stop (SIGINT or SIGTERM)", Args: cobra.NoArgs}
	options := gossip.Flags(cmd.Flags())
	cmd.RunE = func(*cobra.Command, []string) error {
		o, err := options()
		if err != nil {
			return err
		}
		if err := gossip.Serve(o, os.Stderr); err != nil {
			fmt.Fprintln(os.Stderr, "reckon gossip serve:", err)
			return failed
		}
		return nil
	}
	return cmd
}

func newCLI() *cobra.Command {
	cmd := &cobra.Command{Use: "cli", Short: "Give a prompt: put, get, del, join, leave, forget, show, exit (help there says more)", Args: cobra.NoArgs}
	endpoints := cmd.Flags().StringSlice("endpoints", []string{"127.0.0.1:2379"}, "client addresses of members, comma-separated; the first is the one that show and join are about")
	cmd.RunE = func(*cobra.Command, []string) error {
		for i, e := range *endpoints {
			(*endpoints)[i] = strings.TrimPrefix(e, "http://")
		}
		p, err := newPrompt(*endpoints, os.Stdout)
		if err != nil {
			return err
		}
		defer p.close()
		if !p.run(os.Stdin, interactive()) {
			return failed
		}
		return nil
	}
	return cmd
}

// interactive reports whether standard input is a terminal.
func interactive() bool {
	s, err := os.Stdin.Stat()
	return err == nil && s.Mode()&os.ModeCharDevice != 0
}
