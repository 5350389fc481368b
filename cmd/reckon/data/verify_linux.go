package data

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/reckon-bench/reckon/workloads/data/damage"
	"github.com/reckon-bench/reckon/workloads/data/disk"
	"github.com/reckon-bench/reckon/workloads/data/tree"
)

// A verification is one call.
type verification struct {
	source     source
	options    disk.Options
	generation int
	json       bool
	given      func(flag string) bool
}

func newVerify() *cobra.Command {
	v := verification{}
	cmd := &cobra.Command{
		Use: "verify DIR", Short: "Compare the file systems in a directory with what their generation holds",
		Long: `Compare the file systems in a directory with what their generation holds: names, types, sizes, every byte, holes, links,
modes, owners, times and extended attributes, and that there is nothing else. Of wrong bytes it says which file,
generation and offset they come from. What they are is read from their labels, which a backup keeps too;
without one, --config says it, or flags.
` + exits,
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, err := oneDirectory(cmd, args)
			if err != nil {
				return err
			}
			v.given = cmd.Flags().Changed
			ok, err := v.run(cmd, dir)
			if err == nil && !ok {
				err = damaged
			}
			return err
		},
	}
	fs := cmd.Flags()
	v.source.bind(fs)
	bindOptions(fs, &v.options)
	fs.IntVar(&v.generation, "generation", 0, "the generation that should be there (default the label's)")
	fs.BoolVar(&v.json, "json", false, "print one JSON object for each file system")
	return cmd
}

// what finds which file systems should be in dir, and at which generation each.
func (v *verification) what(dir string) (places []place, labels []disk.Label, err error) {
	places, labels, err = v.source.labelled(dir)
	if !v.source.given() {
		return places, labels, err
	}
	said, saidErr := v.source.places(dir)
	if saidErr != nil {
		return nil, nil, saidErr
	}
	if err == nil {
		for i, p := range places {
			if i >= len(said) || said[i].Spec != p.Spec {
				return nil, nil, fmt.Errorf("verify %s: holds a tree of another configuration (seed %d, %d files, %d bytes)", p.dir, p.Spec.Seed, p.Spec.Files, p.Spec.Size)
			}
		}
		return places, labels, nil
	}
	if !v.given("generation") {
		return nil, nil, fmt.Errorf("verify %s: has no label that says its generation; want --generation", dir)
	}
	for i, p := range said {
		if _, err := os.Stat(p.dir); err != nil && len(said) == 1 {
			said[i].dir = dir // a copy of one file system stands anywhere
		}
		labels = append(labels, disk.Label{Spec: p.Spec, Generation: v.generation, Writing: -1, Owners: !v.options.NoOwners, Xattrs: true, Holes: true})
	}
	return said, labels, nil
}

// run verifies all, and reports whether nothing is damaged.
func (v *verification) run(cmd *cobra.Command, dir string) (bool, error) {
	places, labels, err := v.what(dir)
	if err != nil {
		return false, err
	}
	trees := make([]*tree.Tree, len(places))
	generations := make([]int, len(places))
	for i, l := range labels {
		generations[i] = l.Generation
		if v.given("generation") {
			generations[i] = v.generation
		} else if l.Writing >= 0 {
			return false, fmt.Errorf("verify %s: generation %d is there in part; finish that first, with the command that wrote it, or say --generation", places[i].dir, l.Writing)
		}
		if trees[i], err = tree.New(l.Spec, max(generations[i], l.Generation, 0)); err != nil {
			return false, fmt.Errorf("verify %s: %w", places[i].dir, err)
		}
	}
	ctx, stop := interruptible(cmd)
	defer stop()
	ok := true
	for i, p := range places {
		view, err := trees[i].At(generations[i])
		if err != nil {
			return false, err
		}
		others := append(append([]*tree.Tree{}, trees[:i]...), trees[i+1:]...)
		r, err := v.one(ctx, cmd.OutOrStdout(), p, labels[i], view, others)
		if err != nil {
			return false, fmt.Errorf("verify %s: %w", p.dir, err)
		}
		ok = ok && r.OK()
	}
	return ok, nil
}

// one verifies one file system and prints what came of it.
func (v *verification) one(ctx context.Context, out io.Writer, p place, l disk.Label, view *tree.View, others []*tree.Tree) (*damage.Report, error) {
	o := v.options
	o.NoOwners = o.NoOwners || !l.Owners
	o.NoXattrs = o.NoXattrs || !l.Xattrs
	o.NoHoles = o.NoHoles || !l.Holes
	o.Progress = new(disk.Progress)
	begin := time.Now()
	hide := showProgress(os.Stderr, "verify "+p.Name, o.Progress)
	r, err := disk.Verify(ctx, p.dir, view, o, others...)
	hide()
	if err != nil {
		return nil, err
	}
	if v.json {
		return r, json.NewEncoder(out).Encode(struct {
			Directory string `json:"directory"`
			OK        bool   `json:"ok"`
			*damage.Report
		}{p.dir, r.OK(), r})
	}
	for _, d := range r.Damage {
		if p.Name != "." {
			d.Path = p.Name + "/" + d.Path
		}
		fmt.Fprintln(out, d)
	}
	if r.More > 0 {
		fmt.Fprintf(out, "and %d more\n", r.More)
	}
	word := "ok"
	if !r.OK() {
		word = fmt.Sprintf("DAMAGED (%d)", int64(len(r.Damage))+r.More)
	}
	if len(r.Skipped) > 0 {
		word += ", without " + strings.Join(r.Skipped, " and ")
	}
	t := view.Totals()
	fmt.Fprintf(out, "%s: generation %d: %s: %d of %d names and %d of %d directories are right; %s\n", p.dir, r.Generation, word, r.Files, t.Files, r.Directories, t.Directories, took(begin, r.Bytes))
	return r, nil
}
