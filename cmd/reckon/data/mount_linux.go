package data

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/reckon-bench/reckon/workloads/data/config"
	"github.com/reckon-bench/reckon/workloads/data/damage"
	"github.com/reckon-bench/reckon/workloads/data/expect"
	"github.com/reckon-bench/reckon/workloads/data/mount"
	"github.com/reckon-bench/reckon/workloads/data/tree"
)

// bindExpect declares the flags that say how strict expectations are.
func bindExpect(fs *pflag.FlagSet, o *expect.Options) {
	fs.BoolVar(&o.RecordOnly, "record-only", false, "let wrong writes succeed, and report them in the end")
	fs.BoolVar(&o.NoOwners, "no-owners", false, "expect no owners")
	fs.BoolVar(&o.NoXattrs, "no-xattrs", false, "expect no extended attributes")
	fs.StringVar(&o.Spool, "spool", "", "directory for bytes under names that are not expected (default the usual for temporary files)")
}

// A restoring is a restore that is expected under a name.
type restoring struct {
	name string
	r    *expect.Restore
}

func newMount() *cobra.Command {
	var s served
	var o expect.Options
	var restores []string
	cmd := &cobra.Command{
		Use: "mount DIR", Short: "Serve generations as directories to read, and directories to restore into",
		Long: `Serve generations through FUSE as directories to read (gen0, gen1 and so on; of several trees in host1, host2 ...), until
interrupted or unmounted. With --restore G there is also restoreG: what is written there is compared with generation G as
it arrives, wrong writes fail, and restoreG.report.json says at any time what is missing, extra or wrong.
` + exits,
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, err := oneDirectory(cmd, args)
			if err != nil {
				return err
			}
			trees, expected, err := s.trees()
			if err != nil {
				return err
			}
			for _, text := range restores {
				e, err := parseRestore(text, trees)
				if err != nil {
					return err
				}
				expected = append(expected, e)
			}
			folders, all, err := layout(trees, expected, o)
			if err != nil {
				return err
			}
			return serveUntilUnmounted(cmd, dir, folders, all)
		},
	}
	fs := cmd.Flags()
	s.bind(fs)
	bindExpect(fs, &o)
	fs.StringArrayVar(&restores, "restore", nil, "expect a restore of this generation, e.g. 2, or 2:docs for a directory of it, or host3:2:docs; repeatable")
	return cmd
}

// parseRestore reads [HOST:]GENERATION[:SOURCE].
func parseRestore(text string, trees []shown) (e config.Expectation, err error) {
	host, rest := trees[0].name, text
	if before, after, ok := strings.Cut(text, ":"); ok && strings.HasPrefix(before, "host") {
		host, rest = before, after
	}
	generation, source, _ := strings.Cut(rest, ":")
	n, err := strconv.Atoi(generation)
	if err != nil || n < 0 {
		return e, fmt.Errorf("--restore %s: want a generation such as 2, 2:docs or host3:2:docs", text)
	}
	e = config.Expectation{Host: host, Generation: n, Source: strings.Trim(source, "/"), Restore: fmt.Sprintf("restore%d", n)}
	if len(trees) > 1 {
		e.Restore = host + "/" + e.Restore
	}
	return e, nil
}

// layout says what is served under which name.
func layout(trees []shown, expected []config.Expectation, o expect.Options) (folders []mount.Folder, all []restoring, err error) {
	var every []*tree.Tree
	for _, t := range trees {
		every = append(every, t.tree)
		var below []mount.Folder
		for g := range t.tree.Last() + 1 {
			v, err := t.tree.At(g)
			if err != nil {
				return nil, nil, err
			}
			below = append(below, mount.Folder{Name: fmt.Sprintf("gen%d", g), View: v})
		}
		if len(trees) > 1 {
			below = []mount.Folder{{Name: t.name, Folders: below}}
		}
		folders = append(folders, below...)
	}
	for _, e := range expected {
		at := -1
		for i, t := range trees {
			if t.name == e.Host {
				at = i
			}
		}
		if at < 0 {
			return nil, nil, fmt.Errorf("expect %s: there is no such tree", e.Host)
		}
		v, err := trees[at].tree.At(e.Generation)
		if err != nil {
			return nil, nil, fmt.Errorf("expect: %w (--generations says up to which)", err)
		}
		others := append(append([]*tree.Tree{}, every[:at]...), every[at+1:]...)
		r, err := expect.New(v, e.Source, o, others...)
		if err != nil {
			return nil, nil, err
		}
		if folders, err = putAt(folders, strings.Split(e.Restore, "/"), r); err != nil {
			return nil, nil, fmt.Errorf("expect at %s: %w", e.Restore, err)
		}
		all = append(all, restoring{e.Restore, r})
	}
	return folders, all, nil
}

// putAt puts a restore at a path among folders.
func putAt(folders []mount.Folder, path []string, r *expect.Restore) ([]mount.Folder, error) {
	for i, f := range folders {
		if f.Name != path[0] {
			continue
		}
		if len(path) == 1 || f.View != nil || f.Restore != nil {
			return nil, fmt.Errorf("%s is served already", path[0])
		}
		below, err := putAt(f.Folders, path[1:], r)
		folders[i].Folders = below
		return folders, err
	}
	if len(path) == 1 {
		return append(folders, mount.Folder{Name: path[0], Restore: r}), nil
	}
	below, err := putAt(nil, path[1:], r)
	return append(folders, mount.Folder{Name: path[0], Folders: below}), err
}

func newExpect() *cobra.Command {
	var s served
	var o expect.Options
	var generation int
	var from, to string
	cmd := &cobra.Command{
		Use: "expect --generation G --to DIR", Short: "Compare a restore with a generation while it is written",
		Long: `Mount an empty file system at DIR through FUSE, to restore into: what is written there is compared with the generation as
it arrives, in any order and under temporary names too; wrong writes fail, and say where their bytes come from. When it
is interrupted or unmounted, it says what is missing or extra.
` + exits,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(args) > 0:
				return fmt.Errorf("data expect: wants no argument, and got %q", args[0])
			case to == "":
				return fmt.Errorf("data expect: want --to, the directory into which to restore")
			case !cmd.Flags().Changed("generation"):
				return fmt.Errorf("data expect: want --generation")
			}
			s.generations = generation
			trees, _, err := s.trees()
			if err != nil {
				return err
			}
			if len(trees) > 1 {
				return fmt.Errorf("data expect: %d trees are meant; want one, by --host", len(trees))
			}
			v, err := trees[0].tree.At(generation)
			if err != nil {
				return err
			}
			r, err := expect.New(v, strings.Trim(from, "/"), o)
			if err != nil {
				return err
			}
			return serveUntilUnmounted(cmd, to, []mount.Folder{{Restore: r}}, []restoring{{to, r}})
		},
	}
	fs := cmd.Flags()
	s.bind(fs)
	bindExpect(fs, &o)
	fs.IntVar(&generation, "generation", 0, "the generation that is restored")
	fs.StringVar(&from, "from", "", "directory of the tree that is restored (default all)")
	fs.StringVar(&to, "to", "", "directory into which it is restored")
	_ = fs.MarkHidden("generations")
	return cmd
}

// serveUntilUnmounted serves until it is interrupted or unmounted, and prints what came of restores.
func serveUntilUnmounted(cmd *cobra.Command, dir string, folders []mount.Folder, all []restoring) error {
	server, err := mount.Mount(dir, folders)
	if err != nil {
		return err
	}
	ctx, stop := interruptible(cmd)
	defer stop()
	fmt.Fprintf(cmd.OutOrStdout(), "mounted at %s, until interrupted or unmounted\n", dir)
	unmounted := make(chan struct{})
	var waiting sync.WaitGroup
	waiting.Go(func() { unmount(ctx, server, dir, unmounted) })
	server.Wait()
	close(unmounted)
	waiting.Wait()
	ok := true
	for _, r := range all {
		ok = printRestore(cmd.OutOrStdout(), r) && ok
	}
	if !ok {
		return damaged
	}
	return nil
}

// unmount unmounts when the context ends, as soon as nobody uses the mount. It
// leaves alone what others may mount there once this is unmounted.
func unmount(ctx context.Context, server *fuse.Server, dir string, unmounted <-chan struct{}) {
	select {
	case <-ctx.Done():
	case <-unmounted:
		return
	}
	for said := false; ; said = true {
		err := server.Unmount()
		if err == nil {
			return
		}
		if !said {
			fmt.Fprintf(os.Stderr, "reckon: unmount %s: %v; waiting until nobody uses it\n", dir, err)
		}
		select {
		case <-unmounted:
			return
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func printRestore(out io.Writer, r restoring) bool {
	report := r.r.Report()
	for _, d := range report.Damage {
		fmt.Fprintln(out, d)
	}
	if report.More > 0 {
		fmt.Fprintf(out, "and %d more\n", report.More)
	}
	word := "ok"
	if !report.OK() {
		word = fmt.Sprintf("DAMAGED (%d)", int64(len(report.Damage))+report.More)
	}
	fmt.Fprintf(out, "%s: generation %d: %s: %d names and %d directories are right, %s\n", damage.Printable(r.name), report.Generation, word, report.Files, report.Directories, size(report.Bytes))
	return report.OK()
}
