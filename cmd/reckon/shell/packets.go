package shell

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/reckon-bench/reckon/reckon/link"
)

type recording struct {
	path string
	stop func() (string, error)
}

func (s *shell) pcap(_ context.Context, args []string) error {
	name, path := args[0], args[1]
	if err := s.missing(name); err != nil {
		return err
	}
	if path == "stop" {
		return s.endCapture(name)
	}
	if c, ok := s.captures[name]; ok {
		return fmt.Errorf("%s is being captured to %s; pcap %s stop ends that", name, c.path, name)
	}
	stop, err := s.Capture(name, path)
	if err != nil {
		return err
	}
	s.captures[name] = recording{path, stop}
	fmt.Fprintf(s.out, "capturing %s to %s\n", name, path)
	return nil
}

func (s *shell) endCapture(name string) error {
	c, ok := s.captures[name]
	if !ok {
		return fmt.Errorf("%s is not being captured", name)
	}
	delete(s.captures, name)
	account, err := c.stop()
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "%s: %s\n", c.path, account)
	return nil
}

// close ends every capture, so that its file is complete.
func (s *shell) close() error {
	var errs []error
	for _, name := range slices.SortedFunc(maps.Keys(s.captures), link.CompareHosts) {
		errs = append(errs, s.endCapture(name))
	}
	return errors.Join(errs...)
}
