// Package kibishii holds the commands that generate and verify trees of files, on this machine or
// with workers on several.
package kibishii

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/reckon-bench/reckon/cmd/reckon/exit"
	"github.com/reckon-bench/reckon/reckon/capture"
	"github.com/reckon-bench/reckon/reckon/flags"
	"github.com/reckon-bench/reckon/workloads/kibishii"
)

const exits = `
Exit status: 0 success, 1 something failed or is damaged, 64 wrong usage (2 means something else in "kibishii run").`

// A FlagError words the error of a wrong flag.
type FlagError func(*cobra.Command, error) error

// New returns the command, in the group of commands.
func New(group string, flagError FlagError) *cobra.Command {
	parent := &cobra.Command{
		Use: "kibishii", Short: "Generate trees of files that prove themselves, and verify them", GroupID: group,
		Long: `Generate trees of files whose every block says where it belongs and carries a checksum, and verify them:
in the format of Kibishii, so that either verifies what the other generated.
` + exits,
		Args: cobra.ArbitraryArgs, // checked below
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			return exit.Usage(unknownCommand(cmd, args[0]))
		},
	}
	parent.SetFlagErrorFunc(wrongFlag(flagError))
	parent.AddCommand(newTree(kibishii.CmdGenerate), newTree(kibishii.CmdVerify), newWorker(), newRun())
	return parent
}

// unknownCommand returns the error for a word that is none of the commands.
func unknownCommand(parent *cobra.Command, word string) error {
	var known []string
	for _, c := range parent.Commands() {
		known = append(known, c.Name())
	}
	return flags.Suggest("command", word, known)
}

// wrongFlag returns the function that words the error of a wrong flag. For an unknown one it names
// the nearest, and all that are known.
func wrongFlag(flagError FlagError) FlagError {
	return func(cmd *cobra.Command, err error) error {
		var unknown *pflag.NotExistError
		if !errors.As(err, &unknown) || len(unknown.GetSpecifiedName()) < 2 {
			return exit.Usage(flagError(cmd, err))
		}
		var known []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { known = append(known, "--"+f.Name) })
		return exit.Usage(flags.Suggest("flag", "--"+unknown.GetSpecifiedName(), known))
	}
}

// bindSpec declares the flags that describe a tree. Their defaults are those of Velero's tests.
func bindSpec(fs *pflag.FlagSet, s *kibishii.Spec) {
	fs.IntVar(&s.Levels, "levels", 2, "levels of directories, the root's among them")
	fs.IntVar(&s.Dirs, "dirs", 10, "directories in each directory above the last level")
	fs.IntVar(&s.Files, "files", 10, "files in each directory")
	flags.BytesVar(fs, &s.Length, "length", 1<<10, "length of each file, a multiple of the block size; a bare number is bytes")
	flags.BytesVar(fs, &s.BlockSize, "block-size", 1<<10, "size of a block, at least 40 bytes; a bare number is bytes")
	fs.Int32Var(&s.Pass, "pass", 0, "number of the pass, which is written into every block")
}

// newTree returns the command generate or verify.
func newTree(do kibishii.Command) *cobra.Command {
	var s kibishii.Spec
	var o kibishii.Options
	var identity string
	var asJSON bool
	cmd := &cobra.Command{
		Use: string(do) + " ROOT", Short: "Generate a tree of files below ROOT, which must exist",
		Long: "Generate a tree of files below ROOT, which must exist, over what is there. At the end all of it is on the disk.\n" + exits,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return exit.Usage(fmt.Errorf("kibishii %s: want one root directory, and got %d", do, len(args)))
			}
			if identity != "" {
				var err error
				if o.Identity, err = kibishii.ParseIdentity(identity); err != nil {
					return exit.Usage(err)
				}
			}
			if err := o.Validate(s); err != nil {
				return exit.Usage(err)
			}
			return runTree(cmd, do, args[0], s, o, asJSON)
		},
	}
	fs := cmd.Flags()
	bindSpec(fs, &s)
	fs.StringVar(&identity, "identity", "", "NODE/VOLUME that the tree belongs to; every block carries it and the file's path")
	fs.BoolVar(&asJSON, "json", false, "print the result as JSON")
	if do == kibishii.CmdVerify {
		cmd.Short = "Verify the tree of files below ROOT"
		cmd.Long = "Verify the tree of files below ROOT: each file's type, length, and every block; and that there is nothing else.\n" + exits
		fs.BoolVar(&o.AllowExtra, "allow-extra", false, "files and directories that do not belong to the tree are no damage")
	}
	return cmd
}

// runTree generates or verifies, and prints the result.
func runTree(cmd *cobra.Command, do kibishii.Command, root string, s kibishii.Spec, o kibishii.Options, asJSON bool) error {
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	f := kibishii.Generate
	if do == kibishii.CmdVerify {
		f = kibishii.Verify
	}
	o.Progress = new(kibishii.Progress)
	hide := showProgress(os.Stderr, do, o.Progress)
	begin := time.Now()
	r, err := f(ctx, root, s, o)
	took := time.Since(begin)
	hide()
	if asJSON {
		if err := json.NewEncoder(cmd.OutOrStdout()).Encode(r); err != nil {
			return fmt.Errorf("print the result: %w", err)
		}
	} else {
		printResult(cmd.OutOrStdout(), r, took)
	}
	switch {
	case err != nil:
		fmt.Fprintf(os.Stderr, "reckon: %s: %v\n", do, err)
		return exit.Status(1)
	case !r.Success():
		return exit.Status(1)
	}
	return nil
}

// printResult prints the damage and one line at the end.
func printResult(w io.Writer, r kibishii.Result, took time.Duration) {
	for _, d := range r.Damage {
		fmt.Fprintln(w, d)
	}
	if r.MoreDamage > 0 {
		fmt.Fprintf(w, "and %d more\n", r.MoreDamage)
	}
	word := "ok"
	if !r.Success() {
		word = "failed"
	}
	rate := ""
	if took > 0 {
		rate = fmt.Sprintf(", %s/s", capture.Size(int64(float64(r.Bytes)/took.Seconds())))
	}
	fmt.Fprintf(w, "%s: %s; %s in %v%s\n", word, r, capture.Size(r.Bytes), took.Round(time.Millisecond), rate)
}

// showProgress shows the progress if out is a terminal, until hide is called.
func showProgress(out *os.File, do kibishii.Command, p *kibishii.Progress) (hide func()) {
	if !term.IsTerminal(int(out.Fd())) {
		return func() {}
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		var bar *progressbar.ProgressBar
		for {
			if total := p.Total(); bar == nil && total.Files > 0 {
				bar = newBar(out, total)
			}
			if bar != nil {
				done, total := p.Done(), p.Total()
				at := done.Bytes
				if total.Bytes == 0 {
					at = done.Files
				}
				_ = bar.Set64(at) // a run does not depend on its progress bar
				bar.Describe(fmt.Sprintf("%s %d/%d files", do, done.Files, total.Files))
			}
			select {
			case <-stop:
				if bar != nil {
					_ = bar.Clear()
				}
				return
			case <-time.After(100 * time.Millisecond):
			}
		}
	}()
	return func() { close(stop); <-stopped }
}

// newBar returns a bar with bytes, their rate and the time left; of files where there are no bytes.
func newBar(out io.Writer, total kibishii.Size) *progressbar.ProgressBar {
	options := []progressbar.Option{
		progressbar.OptionSetWriter(out), progressbar.OptionSetWidth(20), progressbar.OptionClearOnFinish(),
		progressbar.OptionSetPredictTime(true), progressbar.OptionShowCount(), progressbar.OptionThrottle(50 * time.Millisecond),
	}
	if total.Bytes == 0 {
		return progressbar.NewOptions64(total.Files, append(options, progressbar.OptionShowIts(), progressbar.OptionSetItsString("files"))...)
	}
	return progressbar.NewOptions64(total.Bytes, append(options, progressbar.OptionShowBytes(true), progressbar.OptionUseIECUnits(true), progressbar.OptionShowTotalBytes(true))...)
}
