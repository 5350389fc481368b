package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/reckon-bench/reckon/reckon/capture"
	"github.com/reckon-bench/reckon/reckon/flags"
	"github.com/reckon-bench/reckon/workloads/kibishii"
)

// usageError is a wrong usage of a command whose exit status 2 means something else.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// usageStatus is EX_USAGE of sysexits.h.
const usageStatus = 64

const kibishiiExits = `
Exit status: 0 success, 1 something failed or is damaged, 64 wrong usage (2 means something else in "kibishii run").`

func newKibishii() *cobra.Command {
	parent := &cobra.Command{
		Use: "kibishii", Short: "Generate trees of files that prove themselves, and verify them", GroupID: groupData,
		Long: `Generate trees of files whose every block says where it belongs and carries a checksum, and verify them:
in the format of Kibishii, so that either verifies what the other generated.
` + kibishiiExits,
		Args: cobra.ArbitraryArgs, // judged below
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			return usageError{unknownCommand(cmd, args[0])}
		},
	}
	parent.SetFlagErrorFunc(kibishiiFlagError)
	parent.AddCommand(newKibishiiTree(kibishii.CmdGenerate), newKibishiiTree(kibishii.CmdVerify), newKibishiiWorker(), newKibishiiRun())
	return parent
}

// unknownCommand names the commands that there are, and the nearest.
func unknownCommand(parent *cobra.Command, word string) error {
	var known []string
	for _, c := range parent.Commands() {
		known = append(known, c.Name())
	}
	return unknownWord("command", word, known)
}

func unknownWord(what, word string, known []string) error {
	hint := ""
	if near := flags.Nearest(word, known); near != "" {
		hint = fmt.Sprintf(", did you mean %q?", near)
	}
	return fmt.Errorf("unknown %s %q%s; known: %s", what, word, hint, strings.Join(known, ", "))
}

// kibishiiFlagError is a wrong flag; an unknown one with the nearest and all that are known.
func kibishiiFlagError(cmd *cobra.Command, err error) error {
	name, ok := strings.CutPrefix(err.Error(), "unknown flag: --")
	if !ok {
		return usageError{flagError(cmd, err)}
	}
	var known []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { known = append(known, "--"+f.Name) })
	hint := ""
	if near := flags.Nearest("--"+name, known); near != "" {
		hint = fmt.Sprintf(", did you mean %s?", near)
	}
	return usageError{fmt.Errorf("unknown flag --%s%s; known: %s", name, hint, strings.Join(known, ", "))}
}

// bindSpec declares the flags that say what a tree is made of. Their defaults are what Velero's tests ask for.
func bindSpec(fs *pflag.FlagSet, s *kibishii.Spec) {
	fs.IntVar(&s.Levels, "levels", 2, "levels of directories, the root's among them")
	fs.IntVar(&s.Dirs, "dirs", 10, "directories in each directory above the last level")
	fs.IntVar(&s.Files, "files", 10, "files in each directory")
	flags.BytesVar(fs, &s.Length, "length", 1<<10, "length of each file, a multiple of the block size; a bare number is bytes")
	flags.BytesVar(fs, &s.BlockSize, "block-size", 1<<10, "size of a block, at least 40 bytes; a bare number is bytes")
	fs.Int32Var(&s.Pass, "pass", 0, "number of the pass, which is written into every block")
}

// newKibishiiTree is generate or verify.
func newKibishiiTree(do kibishii.Command) *cobra.Command {
	var s kibishii.Spec
	var o kibishii.Options
	var identity string
	var asJSON bool
	cmd := &cobra.Command{
		Use: string(do) + " ROOT", Short: "Generate a tree of files below ROOT, which must exist",
		Long: "Generate a tree of files below ROOT, which must exist, over what is there. At the end all of it is on the disk.\n" + kibishiiExits,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError{fmt.Errorf("kibishii %s: want one root directory, and got %d", do, len(args))}
			}
			if identity != "" {
				var err error
				if o.Identity, err = kibishii.ParseIdentity(identity); err != nil {
					return usageError{err}
				}
			}
			if err := o.Validate(s); err != nil {
				return usageError{err}
			}
			return runKibishii(cmd, do, args[0], s, o, asJSON)
		},
	}
	fs := cmd.Flags()
	bindSpec(fs, &s)
	fs.StringVar(&identity, "identity", "", "NODE/VOLUME that the tree belongs to; every block carries it and the file's path")
	fs.BoolVar(&asJSON, "json", false, "print the result as JSON")
	if do == kibishii.CmdVerify {
		cmd.Short = "Verify the tree of files below ROOT"
		cmd.Long = "Verify the tree of files below ROOT: each file's type, length, and every block; and that there is nothing else.\n" + kibishiiExits
		fs.BoolVar(&o.AllowExtra, "allow-extra", false, "files and directories that do not belong to the tree are no damage")
	}
	return cmd
}

// runKibishii does it and says what came of it.
func runKibishii(cmd *cobra.Command, do kibishii.Command, root string, s kibishii.Spec, o kibishii.Options, asJSON bool) error {
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
		printKibishii(cmd.OutOrStdout(), r, took)
	}
	switch {
	case err != nil:
		fmt.Fprintf(os.Stderr, "reckon: %s: %v\n", do, err)
		return exitStatus(1)
	case !r.Success():
		return exitStatus(1)
	}
	return nil
}

// printKibishii prints the damage and one line at the end.
func printKibishii(w io.Writer, r kibishii.Result, took time.Duration) {
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

// showProgress shows how it goes, where out is a terminal, until the function that it returns is called.
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
				bar = kibishiiBar(out, total)
			}
			if bar != nil {
				done, total := p.Done(), p.Total()
				at := done.Bytes
				if total.Bytes == 0 {
					at = done.Files
				}
				_ = bar.Set64(at) // a bar that cannot be drawn is no loss
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

// kibishiiBar is a bar with bytes, their rate and the time left; of files where there are no bytes.
func kibishiiBar(out io.Writer, total kibishii.Size) *progressbar.ProgressBar {
	options := []progressbar.Option{
		progressbar.OptionSetWriter(out), progressbar.OptionSetWidth(20), progressbar.OptionClearOnFinish(),
		progressbar.OptionSetPredictTime(true), progressbar.OptionShowCount(), progressbar.OptionThrottle(50 * time.Millisecond),
	}
	if total.Bytes == 0 {
		return progressbar.NewOptions64(total.Files, append(options, progressbar.OptionShowIts(), progressbar.OptionSetItsString("files"))...)
	}
	return progressbar.NewOptions64(total.Bytes, append(options, progressbar.OptionShowBytes(true), progressbar.OptionUseIECUnits(true), progressbar.OptionShowTotalBytes(true))...)
}
