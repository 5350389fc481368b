package data

import (
	"encoding/json"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/reckon-bench/reckon/workloads/data/codec"
	"github.com/reckon-bench/reckon/workloads/data/config"
	"github.com/reckon-bench/reckon/workloads/data/draw"
	"github.com/reckon-bench/reckon/workloads/data/tree"
)

// A statement is what one file system will be.
type statement struct {
	Host        string             `json:"host"`
	Seed        uint64             `json:"seed"`
	Generations []tree.Totals      `json:"generations"`
	Compression map[string]float64 `json:"compression"` // ratio of bytes that are no hole, by codec
	Duplication float64            `json:"duplication"` // of blocks of new files
	HoleShare   float64            `json:"hole_share"`  // of new files
}

func newStat() *cobra.Command {
	var s source
	var generation int
	var asJSON bool
	cmd := &cobra.Command{
		Use: "stat", Short: "Print what file systems will be, without making them",
		Long: "Print what file systems will be, generation by generation, and how well they will compress and deduplicate, without making them.\n" + exits,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("data stat: wants no argument, and got %q", args[0])
			}
			hosts, err := s.hosts()
			if err != nil {
				return err
			}
			var all []statement
			measured := map[draw.Rate]map[string]float64{} // hosts of one group compress alike
			for _, h := range hosts {
				one, err := state(h, generation, measured)
				if err != nil {
					return err
				}
				all = append(all, one)
			}
			if asJSON {
				e := json.NewEncoder(cmd.OutOrStdout())
				e.SetIndent("", "  ")
				return e.Encode(all)
			}
			return printStatements(cmd, all)
		},
	}
	fs := cmd.Flags()
	s.bind(fs)
	fs.IntVar(&generation, "generation", 0, "up to this generation")
	fs.BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func state(h config.Host, generation int, measured map[draw.Rate]map[string]float64) (s statement, err error) {
	t, err := tree.New(h.Spec, generation)
	if err != nil {
		return s, err
	}
	s = statement{Host: h.Name, Seed: h.Spec.Seed, Duplication: h.Spec.Duplication, HoleShare: h.Spec.Holes.Float()}
	for g := range generation + 1 {
		v, err := t.At(g)
		if err != nil {
			return s, err
		}
		s.Generations = append(s.Generations, v.Totals())
	}
	if s.Compression = measured[h.Spec.Redundancy]; s.Compression != nil {
		return s, nil
	}
	s.Compression = map[string]float64{}
	for _, c := range codec.Reported {
		if s.Compression[c.String()], err = c.Measure(h.Spec.Redundancy); err != nil {
			return s, err
		}
	}
	measured[h.Spec.Redundancy] = s.Compression
	return s, nil
}

// printStatements prints a table; hosts differ in their seed only, and often in nothing that it shows.
func printStatements(cmd *cobra.Command, all []statement) error {
	w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "host\tseed\tgeneration\tdirectories\tnames\tsymbolic links\tfiles\tbytes\t")
	var sum int64
	for _, s := range all {
		for g, t := range s.Generations {
			fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t\n", s.Host, s.Seed, g, t.Directories, t.Files, t.Symlinks, t.Inodes, t.Bytes)
		}
		sum += s.Generations[len(s.Generations)-1].Bytes
	}
	if err := w.Flush(); err != nil {
		return err
	}
	s := all[0]
	fmt.Fprintf(cmd.OutOrStdout(), "\nall hosts, last generation: %s\n", size(sum))
	fmt.Fprintf(cmd.OutOrStdout(), "compression of what is no hole:")
	for _, c := range codec.Reported {
		fmt.Fprintf(cmd.OutOrStdout(), "  %v %.2f", c, s.Compression[c.String()])
	}
	fmt.Fprintf(cmd.OutOrStdout(), "\nholes: %.3g %% of new files\nduplication: each block of new files occurs %.3g times\n", 100*s.HoleShare, s.Duplication)
	return nil
}
