// Package config reads what file systems are to be generated: the YAML of
//
//	hosts:
//	 - count: 10
//	   parameters:
//	     module: Complex
//	     size: 10737418240
//	     change_rate: 0.05
//
// and flags of the same names, which override it. It names keys that it does not know.
package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/reckon-bench/reckon/reckon/flags"
	"github.com/reckon-bench/reckon/workloads/data/tree"
)

// A Host is one of the file systems that are described.
type Host struct {
	Name string // host1 and so on
	Spec tree.Spec
}

// MaxHosts is how many file systems one file can describe.
const MaxHosts = 100_000

// A Setting is a parameter that was given by flag.
type Setting struct{ Name, Value string }

// An Expectation is that what is restored below a path is what stands below
// another of a generation.
type Expectation struct {
	Host       string // host1 unless said otherwise
	Generation int
	Source     string // path in the tree, "." for all of it
	Restore    string // path in the mount
}

// A File is what a configuration file says.
type File struct {
	Hosts        []Host
	Expectations []Expectation
}

// Default returns the one host that the settings describe.
func Default(settings []Setting) (File, error) {
	all, err := hosts([]group{{count: 1}}, settings)
	return File{Hosts: all}, err
}

// Parse reads a configuration file; settings override its parameters.
func Parse(text []byte, settings []Setting) (f File, err error) {
	groups, err := f.parse(text)
	if err != nil {
		return File{}, err
	}
	f.Hosts, err = hosts(groups, settings)
	if err != nil {
		return File{}, err
	}
	for _, e := range f.Expectations {
		known := false
		for _, h := range f.Hosts {
			known = known || h.Name == e.Host
		}
		if !known {
			return File{}, fmt.Errorf("expectations: host %q: must be one of host1 to host%d", e.Host, len(f.Hosts))
		}
	}
	return f, nil
}

func (f *File) parse(text []byte) ([]group, error) {
	for n, line := range strings.Split(string(text), "\n") {
		if indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]; strings.Contains(indent, "\t") {
			return nil, fmt.Errorf("line %d: is indented with a tab; YAML wants spaces", n+1)
		}
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var doc yaml.Node
	if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
		return nil, errors.New("is empty; want hosts, with count and parameters")
	} else if err != nil {
		return nil, errors.New(strings.ReplaceAll(strings.TrimPrefix(err.Error(), "yaml: "), "\n", " "))
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, errors.New("has more than one document; want one")
	}
	return f.top(doc.Content[0])
}

// A group is a list item: so many hosts with these parameters.
type group struct {
	count    int
	settings []Setting
}

// top reads the file's keys.
func (f *File) top(n *yaml.Node) (all []group, err error) {
	err = mapping(n, "the file", []string{"hosts", "expectations"}, func(key string, list *yaml.Node) error {
		if list.Kind != yaml.SequenceNode || len(list.Content) == 0 {
			return at(list, fmt.Errorf("%s: want a list", key))
		}
		for _, item := range list.Content {
			if key == "expectations" {
				e, err := parseExpectation(item)
				if err != nil {
					return err
				}
				f.Expectations = append(f.Expectations, e)
				continue
			}
			g, err := parseGroup(item)
			if err != nil {
				return err
			}
			all = append(all, g)
		}
		return nil
	})
	if err == nil && len(all) == 0 {
		err = errors.New("hosts: is missing; want a list of count and parameters")
	}
	return all, err
}

func parseExpectation(item *yaml.Node) (e Expectation, err error) {
	e = Expectation{Host: "host1", Source: ".", Generation: -1}
	err = mapping(item, "expectations", []string{"generation", "source_path", "restore_path", "host"}, func(key string, value *yaml.Node) error {
		if value.Kind != yaml.ScalarNode || value.Value == "" {
			return at(value, fmt.Errorf("%s: want one value", key))
		}
		switch key {
		case "host":
			e.Host = value.Value
		case "source_path":
			e.Source = clean(value.Value)
		case "restore_path":
			e.Restore = clean(value.Value)
		case "generation":
			n, err := strconv.Atoi(value.Value)
			if err != nil || n < 0 || n > tree.MaxGeneration {
				return at(value, fmt.Errorf("generation %q: want a whole number from 0 to %d", value.Value, tree.MaxGeneration))
			}
			e.Generation = n
		}
		return nil
	})
	switch {
	case err != nil:
	case e.Generation < 0:
		err = at(item, errors.New("generation: is missing"))
	case e.Restore == "" || e.Restore == ".":
		err = at(item, errors.New("restore_path: is missing; want a path below the mount"))
	}
	return e, err
}

// clean makes a path relative to its root.
func clean(p string) string {
	if p = strings.TrimPrefix(path.Clean("/"+p), "/"); p == "" {
		return "."
	}
	return p
}

func parseGroup(item *yaml.Node) (group, error) {
	g := group{count: 1}
	err := mapping(item, "hosts", []string{"count", "parameters"}, func(key string, value *yaml.Node) error {
		if key == "count" {
			n, err := strconv.Atoi(value.Value)
			if err != nil || value.Kind != yaml.ScalarNode || n < 1 || n > MaxHosts {
				return at(value, fmt.Errorf("count %q: want a whole number from 1 to %d", value.Value, MaxHosts))
			}
			g.count = n
			return nil
		}
		return mapping(value, "parameters", names(), func(key string, value *yaml.Node) error {
			if value.Kind != yaml.ScalarNode {
				return at(value, fmt.Errorf("%s: want one value", key))
			}
			if err := new(values).set(Setting{key, value.Value}); err != nil {
				return at(value, err)
			}
			g.settings = append(g.settings, Setting{key, value.Value})
			return nil
		})
	})
	return g, err
}

// mapping calls do with each key of the mapping and its value. It refuses other keys than the known, and a second of one.
func mapping(n *yaml.Node, what string, known []string, do func(key string, value *yaml.Node) error) error {
	if n.Kind != yaml.MappingNode {
		return at(n, fmt.Errorf("%s: want keys and values, of %s", what, strings.Join(known, ", ")))
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if value.Kind == yaml.AliasNode {
			value = value.Alias
		}
		ok := false
		for _, k := range known {
			ok = ok || k == key.Value
		}
		switch {
		case !ok:
			return at(key, flags.Suggest("key", key.Value, known))
		case seen[key.Value]:
			return at(key, fmt.Errorf("key %q: is given twice", key.Value))
		}
		seen[key.Value] = true
		if err := do(key.Value, value); err != nil {
			return err
		}
	}
	return nil
}

func at(n *yaml.Node, err error) error { return fmt.Errorf("line %d: %w", n.Line, err) }

// hosts makes the file systems of the groups.
func hosts(groups []group, overriding []Setting) (all []Host, err error) {
	used := map[uint64]string{}
	for _, g := range groups {
		v := newValues()
		for _, s := range append(append([]Setting{}, g.settings...), overriding...) {
			if err := v.set(s); err != nil {
				return nil, err
			}
		}
		spec, err := v.spec()
		if err != nil {
			return nil, err
		}
		if len(all)+g.count > MaxHosts {
			return nil, fmt.Errorf("hosts: must not be more than %d", MaxHosts)
		}
		for i := range g.count {
			h := Host{fmt.Sprintf("host%d", len(all)+1), spec}
			h.Spec.Seed += uint64(i)
			if other, ok := used[h.Spec.Seed]; ok {
				return nil, fmt.Errorf("seed_start: %s and %s would both have seed %d; begin the later ones higher", other, h.Name, h.Spec.Seed)
			}
			used[h.Spec.Seed] = h.Name
			all = append(all, h)
		}
	}
	return all, nil
}
