package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/reckon-bench/reckon/cmd/reckon/exit"
	"github.com/reckon-bench/reckon/cmd/reckon/paired"
	"github.com/reckon-bench/reckon/cmd/reckon/words"
	"github.com/reckon-bench/reckon/reckon/plan"
	"github.com/reckon-bench/reckon/results"
	"github.com/reckon-bench/reckon/results/compare"
	"github.com/reckon-bench/reckon/results/compare/drawing"
)

// comparing holds the flags of compare that are not flags of a run.
type comparing struct {
	run, force, json bool
	repeats          int
	out, location    string
}

func (c *comparing) bind(fs *pflag.FlagSet) {
	fs.BoolVar(&c.run, "run", false, "run both systems first, interleaved, and compare the results")
	fs.IntVar(&c.repeats, "repeats", 20, "with --run: how often to run each system")
	fs.StringVar(&c.location, "result-location", "", "with --run: the directory of the runs, which must not exist (default runs/TIME-compare-WORDS)")
	fs.BoolVar(&c.force, "force", false, "compare runs of different plans: the cells that both sides have")
	fs.BoolVar(&c.json, "json", false, "print JSON instead of a table and sentences")
	fs.StringVar(&c.out, "out", "", "directory for figures and tables (default beside the runs that --run made, otherwise runs/compare-TIME)")
}

func newCompare() *cobra.Command {
	var c comparing
	cmd := &cobra.Command{
		Use:   "compare A... -- B...",
		Short: "Compare runs, with confidence intervals; --run SYSTEM_A SYSTEM_B ... runs them first", GroupID: groupRead,
		Long: `compare prints, for each measure of recorded runs (time to recover, unavailability, latency by phase,
throughput, leader changes): the medians of A and of B, their difference with a 95 % interval (BCa bootstrap),
the P value of Mann and Whitney's test, corrected for all measures by Holm's method, whether they differ,
and how small a difference these runs could have shown.

A and B are directories of runs, or directories that hold runs, such as a matrix's. Each side must be of
one plan, or of the same plans as the other; both may differ in one thing, which is what is compared.`,
		Example: `  reckon compare runs/old-* -- runs/new-*
  reckon compare runs/matrix-3.5 -- runs/matrix-3.6
  reckon compare --run etcd etcd-no-pre-vote simple uniform leader --repeats 20 --duration 30s`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if c.run {
				return c.runBoth(cmd, args)
			}
			dash := cmd.ArgsLenAtDash()
			if dash < 1 || dash == len(args) {
				return fmt.Errorf("compare wants directories of runs on both sides of --, for example: reckon compare runs/a -- runs/b (or --run SYSTEM_A SYSTEM_B <topology> <workload> <fault>)")
			}
			if flags := runFlags(cmd.Flags()); len(flags) > 0 || cmd.Flags().Changed("repeats") || cmd.Flags().Changed("result-location") {
				return fmt.Errorf("flags of a run, --repeats and --result-location want --run: recorded runs are compared as they are")
			}
			if i := slices.IndexFunc(args[dash:], func(a string) bool { return strings.HasPrefix(a, "-") }); i >= 0 {
				return fmt.Errorf("%s: what follows -- are directories; flags stand before them, as in reckon compare %s A -- B", args[dash+i], args[dash+i])
			}
			return c.compare(args[:dash], args[dash:])
		},
	}
	c.bind(cmd.Flags())
	words.AddFlags(cmd.Flags())
	cmd.SetFlagErrorFunc(flagError)
	words.CompleteChoices(cmd)
	return cmd
}

// runFlags returns the flags of a run that were given.
func runFlags(fs *pflag.FlagSet) plan.Flags {
	ours := pflag.NewFlagSet("", pflag.ContinueOnError)
	new(comparing).bind(ours)
	out := plan.Flags{}
	fs.Visit(func(f *pflag.Flag) {
		if ours.Lookup(f.Name) == nil && f.Name != "help" {
			out[f.Name] = plan.FlagValues(f)
		}
	})
	return out
}

// runBoth runs both systems and compares them.
func (c *comparing) runBoth(cmd *cobra.Command, args []string) error {
	if len(args) != 5 {
		return fmt.Errorf("compare --run wants five words, SYSTEM_A SYSTEM_B <topology> <workload> <fault>, and got %d", len(args))
	}
	if c.repeats < 1 || c.repeats > 1000 {
		return fmt.Errorf("--repeats %d: must be from 1 to 1000", c.repeats)
	}
	if args[0] == args[1] {
		fmt.Fprintln(os.Stderr, "note: both sides are the same system")
	}
	runs := paired.Runs{
		Systems: [2]string{args[0], args[1]}, Words: plan.Words{Topology: args[2], Workload: args[3], Fault: args[4]},
		Flags: runFlags(cmd.Flags()), Repeats: c.repeats, Location: c.location,
	}
	if err := runs.Run(); err != nil {
		return err
	}
	if c.out == "" {
		c.out = filepath.Join(runs.Location, "comparison")
	}
	return c.compare([]string{runs.Side(0)}, []string{runs.Side(1)})
}

// compare compares recorded runs, prints the result, and writes figures and tables.
func (c *comparing) compare(a, b []string) error {
	left, err := compare.Load(a)
	if err != nil {
		return err
	}
	right, err := compare.Load(b)
	if err != nil {
		return err
	}
	result, err := compare.Compare(left, right, c.force)
	var none compare.ErrNoResult
	if errors.As(err, &none) {
		return exit.Harness(err)
	}
	if err != nil {
		return err
	}
	out, err := c.outDir()
	if err != nil {
		return err
	}
	if err := errors.Join(drawing.Write(result, out), result.Write(out), results.GiveTree(out)); err != nil {
		return exit.Harness(err)
	}
	if c.json {
		enc := json.NewEncoder(os.Stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(result)
	}
	result.Text(os.Stdout)
	fmt.Printf("\nfigures and tables: %s\n", out)
	return nil
}

// outDir makes the directory for figures and tables.
func (c *comparing) outDir() (string, error) {
	path := c.out
	if path == "" {
		path = filepath.Join("runs", "compare-"+time.Now().Format("20060102-150405.000"))
	}
	if err := os.MkdirAll(path, 0o777); err != nil {
		return "", fmt.Errorf("compare: %w", err)
	}
	return path, nil
}
