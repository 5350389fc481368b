// Package data holds the commands that generate file systems, take them through
// generations, verify them, and say where bytes come from.
package data

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/reckon-bench/reckon/cmd/reckon/exit"
	"github.com/reckon-bench/reckon/reckon/flags"
)

const exits = `
Exit status: 0 success, 1 something is damaged, 2 wrong usage or it could not be done.`

// damaged is the exit status of a verify that found something.
const damaged exit.Status = 1

// A FlagError words the error of a wrong flag.
type FlagError func(*cobra.Command, error) error

// New returns the command, in the group of commands.
func New(group string, flagError FlagError) *cobra.Command {
	parent := &cobra.Command{
		Use: "data", Short: "Generate file systems whose every byte names its origin, through generations, and verify them", GroupID: group,
		Long: `Generate file systems: directories, files, symbolic and hard links, holes and attributes, all from a seed; take them
through generations of changes; verify them without a copy; and say of any bytes which file, generation and
offset they come from.
` + exits,
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
	parent.AddCommand(newGenerate(), newAdvance(), newVerify(), newIdentify(), newStat(), newMount(), newServe(), newExpect())
	return parent
}

// interruptible returns a context that ends by SIGINT and SIGTERM.
func interruptible(cmd *cobra.Command) (context.Context, context.CancelFunc) {
	return signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
}

// oneDirectory takes the only argument.
func oneDirectory(cmd *cobra.Command, args []string) (string, error) {
	if len(args) != 1 {
		return "", fmt.Errorf("data %s: want one directory, and got %d", cmd.Name(), len(args))
	}
	return args[0], nil
}
