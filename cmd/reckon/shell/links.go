package shell

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/link"
)

// overlay lies between two hosts.
type overlay struct {
	hosts [2]string
	links link.Matrix
	heal  func(context.Context) error
}

func (s *shell) links(context.Context, []string) error {
	fmt.Fprint(s.out, s.Cluster().Links().Table())
	for _, o := range s.overlays {
		fmt.Fprintf(s.out, "overlay: %s\n", strings.ReplaceAll(o.links.String(), "\n", "; "))
	}
	return nil
}

const cutArgs = "HOST HOST [--one-way] [--reset] | HOST --link-down"

func (s *shell) cut(ctx context.Context, args []string) error {
	args, oneWay := take(args, "--one-way")
	args, reset := take(args, "--reset")
	args, down := take(args, "--link-down")
	way := reckon.Drop
	if reset {
		way = reckon.Reset
	}
	switch {
	case down && len(args) == 1 && !oneWay && !reset:
		return s.unplug(ctx, args[0])
	case down || len(args) != 2:
		return errors.New("want cut " + cutArgs)
	}
	return s.lay(args[0], args[1], link.Shape{Cut: true}, oneWay, func(m link.Matrix) (func(context.Context) error, error) {
		return s.Cluster().Cut(ctx, m.Paths(), way)
	})
}

// unplug takes the host's interface down, which cuts all its links.
func (s *shell) unplug(ctx context.Context, name string) error {
	if err := s.missing(name); err != nil {
		return err
	}
	if slices.ContainsFunc(s.overlays, func(o overlay) bool { return o.hosts == unplugged(name) }) {
		return fmt.Errorf("the interface of %s is down already", name)
	}
	m := link.Cut([]string{name}, slices.DeleteFunc(s.names(""), func(n string) bool { return n == name }))
	heal, err := s.Cluster().Cut(ctx, m.Paths(), reckon.LinkDown)
	if err != nil {
		return err
	}
	s.overlays = append(s.overlays, overlay{unplugged(name), m, heal})
	fmt.Fprintln(s.out, m)
	return nil
}

// unplugged returns the pair under which the overlay of an interface that is down is stored.
func unplugged(name string) [2]string { return [2]string{name, ""} }

func (s *shell) shape(ctx context.Context, args []string) error {
	args, oneWay := take(args, "--one-way")
	if len(args) < 3 {
		return errors.New("want shape HOST HOST PART=VALUE... [--one-way]")
	}
	shape, err := parseShape(args[2:])
	if err != nil {
		return err
	}
	return s.lay(args[0], args[1], shape, oneWay, func(m link.Matrix) (func(context.Context) error, error) {
		return s.Cluster().Degrade(ctx, m)
	})
}

// take removes the flag from the arguments, and reports whether it was there.
func take(args []string, flag string) (rest []string, found bool) {
	rest = slices.DeleteFunc(slices.Clone(args), func(a string) bool { return a == flag })
	return rest, len(rest) < len(args)
}

// lay adds an overlay with the shape for each pair of hosts of the two lists, so that each can be
// healed separately.
func (s *shell) lay(from, to string, shape link.Shape, oneWay bool, by func(link.Matrix) (func(context.Context) error, error)) error {
	pairs, err := s.pairs(from, to)
	if err != nil {
		return err
	}
	for _, p := range pairs {
		m := link.Matrix{{From: p[0], To: p[1]}: shape}
		if !oneWay {
			m[link.Path{From: p[1], To: p[0]}] = shape
		}
		heal, err := by(m)
		if err != nil {
			return err
		}
		s.overlays = append(s.overlays, overlay{p, m, heal})
		fmt.Fprintln(s.out, m)
	}
	return nil
}

// pairs returns each pair of a host of one list and a different host of the other, once.
func (s *shell) pairs(from, to string) (pairs [][2]string, err error) {
	for a := range strings.SplitSeq(from, ",") {
		for b := range strings.SplitSeq(to, ",") {
			if h := cmp.Or(s.missing(a), s.missing(b)); h != nil {
				return nil, h
			}
			if p := [2]string{a, b}; a != b && !slices.ContainsFunc(pairs, func(q [2]string) bool { return same(p, q) }) {
				pairs = append(pairs, p)
			}
		}
	}
	if len(pairs) == 0 {
		return nil, fmt.Errorf("no link leads from %s to itself", from)
	}
	return pairs, nil
}

// missing returns an error if there is no such host.
func (s *shell) missing(name string) error {
	if s.host(name) != nil {
		return nil
	}
	return fmt.Errorf("no host %q; hosts are %s", name, strings.Join(s.names(""), ", "))
}

// same reports whether the pairs are the same in either order.
func same(p, q [2]string) bool { return p == q || p == [2]string{q[1], q[0]} }

func (s *shell) heal(ctx context.Context, args []string) error {
	chosen := func([2]string) bool { return true }
	switch len(args) {
	case 1:
		if err := s.missing(args[0]); err != nil {
			return err
		}
		chosen = func(p [2]string) bool { return p == unplugged(args[0]) }
	case 2:
		pairs, err := s.pairs(args[0], args[1])
		if err != nil {
			return err
		}
		chosen = func(p [2]string) bool {
			return slices.ContainsFunc(pairs, func(q [2]string) bool { return same(p, q) })
		}
	}
	var left []overlay
	var errs []error
	for _, o := range s.overlays {
		if chosen(o.hosts) {
			if err := o.heal(ctx); err == nil {
				fmt.Fprintf(s.out, "healed %s\n", strings.ReplaceAll(o.links.String(), "\n", "; "))
				continue
			} else {
				errs = append(errs, err)
			}
		}
		left = append(left, o)
	}
	switch unchanged := len(left) == len(s.overlays) && len(errs) == 0; {
	case unchanged && len(args) == 1:
		return fmt.Errorf("the interface of %s is up; want heal, or heal HOST HOST for links", args[0])
	case unchanged && len(args) == 2:
		return fmt.Errorf("there is no overlay between %s and %s", args[0], args[1])
	}
	s.overlays = left
	return errors.Join(errs...)
}
