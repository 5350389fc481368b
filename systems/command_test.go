package systems

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/spf13/pflag"

	"github.com/reckon-bench/reckon/reckon"
)

// TestCommand is a transcript (testdata/command). Every argument but n is a flag of the word.
//
//	command WORD n=3 [FLAG=VALUE ...]   the command line of the first of n members, an argument a line
//	needs WORD [FLAG=VALUE ...]         whether the word could do with these flags
func TestCommand(t *testing.T) {
	datadriven.RunTest(t, "testdata/command", func(t *testing.T, d *datadriven.TestData) string {
		s, err := wordOf(d)
		if err != nil {
			return err.Error() + "\n"
		}
		switch d.Cmd {
		case "command":
			return showCommand(s, d)
		case "needs":
			return showNeeds(s)
		}
		return fmt.Sprintf("unknown command %q", d.Cmd)
	})
}

func wordOf(d *datadriven.TestData) (reckon.System, error) {
	w, err := reckon.Systems.Lookup(d.CmdArgs[0].Key)
	if err != nil {
		return nil, err
	}
	fs := pflag.NewFlagSet(w.Name, pflag.ContinueOnError)
	s := w.New(fs)
	for _, a := range d.CmdArgs[1:] {
		for _, v := range a.Vals {
			if a.Key == "n" {
				continue
			}
			if err := fs.Set(a.Key, v); err != nil {
				return nil, err
			}
		}
	}
	return s, nil
}

func showCommand(s reckon.System, d *datadriven.TestData) string {
	n := 0
	for _, a := range d.CmdArgs {
		if a.Key == "n" {
			fmt.Sscan(a.Vals[0], &n)
		}
	}
	var members []reckon.Member
	for i := 1; i <= n; i++ {
		members = append(members, reckon.Member{Name: fmt.Sprint("n", i), Addr: netip.AddrFrom4([4]byte{10, 1, 0, byte(i)}), Dir: fmt.Sprint("/run/n", i)})
	}
	c := s.Command(members[0], members)
	var b strings.Builder
	if c.Path != "" {
		fmt.Fprintln(&b, "path", c.Path)
	}
	for _, a := range c.Args {
		fmt.Fprintln(&b, a)
	}
	for _, e := range c.Env {
		fmt.Fprintln(&b, "env", e)
	}
	return b.String()
}

func showNeeds(s reckon.System) string {
	if n, ok := s.(reckon.Validator); ok {
		if err := n.Validate(reckon.Setting{}); err != nil {
			return err.Error() + "\n"
		}
	}
	return "ok\n"
}
