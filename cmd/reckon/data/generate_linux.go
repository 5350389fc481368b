package data

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/reckon-bench/reckon/workloads/data/disk"
	"github.com/reckon-bench/reckon/workloads/data/tree"
)

// bindOptions declares the flags that say how to go about it.
func bindOptions(fs *pflag.FlagSet, o *disk.Options) {
	fs.IntVar(&o.Workers, "workers", 0, "files at a time (default twice the processors)")
	fs.BoolVar(&o.NoOwners, "no-owners", os.Geteuid() != 0, "leave owners alone, which only root can set")
	fs.BoolVar(&o.NoXattrs, "no-xattrs", false, "leave out extended attributes")
	fs.BoolVar(&o.NoHoles, "no-holes", false, "write zeros out in place of holes")
}

func newGenerate() *cobra.Command {
	var s source
	var o disk.Options
	var generation int
	cmd := &cobra.Command{
		Use: "generate DIR", Short: "Write file systems into a directory, which may be absent or empty",
		Long: `Write file systems into a directory, which may be absent or empty: one into DIR itself, several into DIR/host1 and so
on. At the end all of it is on the disk. The same command goes on with what an interrupted one has left.
` + exits,
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, err := oneDirectory(cmd, args)
			if err != nil {
				return err
			}
			places, err := s.places(dir)
			if err != nil {
				return err
			}
			for _, p := range places { // all are judged before the first is written
				if err := checkGeneration(p, generation, o); err != nil {
					return err
				}
			}
			ctx, stop := interruptible(cmd)
			defer stop()
			for _, p := range places {
				if err := generate(ctx, cmd, p, generation, o); err != nil {
					return fmt.Errorf("%s: %w", p.dir, err)
				}
			}
			return nil
		},
	}
	fs := cmd.Flags()
	s.bind(fs)
	bindOptions(fs, &o)
	fs.IntVar(&generation, "generation", 0, "the generation to write")
	return cmd
}

func checkGeneration(p place, generation int, o disk.Options) error {
	if _, err := tree.New(p.Spec, generation); err != nil {
		return err
	}
	if _, err := os.Stat(p.dir); err != nil {
		return nil // it will be made
	}
	_, err := disk.Prepare(p.dir, p.Spec, generation, o)
	return err
}

func generate(ctx context.Context, cmd *cobra.Command, p place, generation int, o disk.Options) error {
	t, err := tree.New(p.Spec, generation)
	if err != nil {
		return err
	}
	v, err := t.At(generation)
	if err != nil {
		return err
	}
	begin := time.Now()
	o.Progress = new(disk.Progress)
	hide := showProgress(os.Stderr, "generate "+p.Name, o.Progress)
	err = disk.Generate(ctx, p.dir, v, o)
	hide()
	if err == nil {
		fmt.Fprintf(cmd.OutOrStdout(), "%s: generation %d: %s; %s\n", p.dir, generation, totals(v.Totals()), took(begin, v.Totals().Bytes))
	}
	return err
}

func newAdvance() *cobra.Command {
	var s source
	var o disk.Options
	to := -1
	cmd := &cobra.Command{
		Use: "advance DIR", Short: "Take the file systems in a directory to their next generation",
		Long: `Take the file systems in a directory to their next generation, in place: only what changes is touched. The same command
goes on with what an interrupted one has left.
` + exits,
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, err := oneDirectory(cmd, args)
			if err != nil {
				return err
			}
			places, labels, err := s.labelled(dir)
			if err != nil {
				return err
			}
			ctx, stop := interruptible(cmd)
			defer stop()
			for i, p := range places {
				target := labels[i].Generation + 1
				if cmd.Flags().Changed("to") {
					if target = to; to < labels[i].Generation {
						return fmt.Errorf("--to %d: %s is at generation %d, and goes forward only", to, p.dir, labels[i].Generation)
					}
				}
				for at := labels[i].Generation; at < target; at++ {
					if err := advance(ctx, cmd, p, o); err != nil {
						return fmt.Errorf("%s: %w", p.dir, err)
					}
				}
			}
			return nil
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&s.host, "host", "", "only this of several file systems, e.g. host3")
	fs.IntVar(&o.Workers, "workers", 0, "files at a time (default twice the processors)")
	fs.IntVar(&to, "to", 0, "the generation to go to (default the next)")
	return cmd
}

func advance(ctx context.Context, cmd *cobra.Command, p place, o disk.Options) error {
	begin := time.Now()
	o.Progress = new(disk.Progress)
	hide := showProgress(os.Stderr, "advance "+p.Name, o.Progress)
	g, err := disk.Advance(ctx, p.dir, o)
	hide()
	if err != nil {
		return err
	}
	t, err := tree.New(p.Spec, g)
	if err != nil {
		return err
	}
	v, err := t.At(g)
	if err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s: generation %d: %s; %s\n", p.dir, g, totals(v.Totals()), took(begin, 0))
	return nil
}
