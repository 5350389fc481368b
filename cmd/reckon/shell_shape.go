package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/flags"
	"github.com/reckon-bench/reckon/reckon/link"
)

// The parts of a shape are the --link flags of a topology without their prefix, in the same units: there is nothing to
// add here when links learn something new. What the flags call latency may be called delay too.
const (
	shapeTopology = "simple"
	shapePrefix   = "link-"
	shapeDelay    = "latency"
)

// shapeFlags are the flags of a topology whose links all are the shape.
func shapeFlags() (*pflag.FlagSet, reckon.Topology) {
	w, err := reckon.Topologies.Lookup(shapeTopology)
	if err != nil { // it is linked into this binary
		panic(err)
	}
	fs := pflag.NewFlagSet("shape", pflag.ContinueOnError)
	topology := w.New(fs)
	return fs, topology
}

// shapeParts names the parts of a shape.
func shapeParts() (names []string) {
	fs, _ := shapeFlags()
	fs.VisitAll(func(f *pflag.Flag) {
		if name, ok := strings.CutPrefix(f.Name, shapePrefix); ok {
			names = append(names, strings.ReplaceAll(name, shapeDelay, "delay"))
		}
	})
	slices.Sort(names)
	return names
}

// parseShape makes a shape of words such as delay=50ms and loss=5.
func parseShape(words []string) (link.Shape, error) {
	fs, topology := shapeFlags()
	if err := fs.Set(shapePrefix+shapeDelay, "0"); err != nil { // an overlay adds nothing that is not asked for
		return link.Shape{}, err
	}
	for _, w := range words {
		name, value, ok := strings.Cut(w, "=")
		if !ok {
			return link.Shape{}, fmt.Errorf("%q: want PART=VALUE; parts are %s", w, strings.Join(shapeParts(), ", "))
		}
		flag := shapePrefix + strings.ReplaceAll(name, "delay", shapeDelay)
		if fs.Lookup(flag) == nil {
			hint := ""
			if near := flags.Nearest(name, shapeParts()); near != "" {
				hint = fmt.Sprintf(", did you mean %q?", near)
			}
			return link.Shape{}, fmt.Errorf("unknown part %q%s; parts are %s", name, hint, strings.Join(shapeParts(), ", "))
		}
		if err := fs.Set(flag, value); err != nil {
			return link.Shape{}, fmt.Errorf("%s: %w", w, innermost(err))
		}
	}
	layout, err := topology.Layout()
	if err != nil {
		return link.Shape{}, errors.New(strings.NewReplacer("--"+shapePrefix, "", shapeDelay, "delay").Replace(err.Error()))
	}
	for _, s := range layout.Links {
		return s, nil // they all are
	}
	return link.Shape{}, errors.New("a topology without links")
}

// innermost is what a value says of itself: pflag wraps that.
func innermost(err error) error {
	for {
		u := errors.Unwrap(err)
		if u == nil {
			return err
		}
		err = u
	}
}
