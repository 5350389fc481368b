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

// Default returns the one host that the settings describe.
func Default(settings []Setting) ([]Host, error) {
	return hosts([]group{{count: 1}}, settings)
}

// Parse reads the hosts of a configuration file; settings override its parameters.
func Parse(text []byte, settings []Setting) ([]Host, error) {
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
	groups, err := parseGroups(doc.Content[0])
	if err != nil {
		return nil, err
	}
	return hosts(groups, settings)
}

// A group is a list item: so many hosts with these parameters.
type group struct {
	count    int
	settings []Setting
}

func parseGroups(top *yaml.Node) (all []group, err error) {
	err = mapping(top, "the file", []string{"hosts"}, func(_ string, list *yaml.Node) error {
		if list.Kind != yaml.SequenceNode || len(list.Content) == 0 {
			return at(list, errors.New("hosts: want a list of count and parameters"))
		}
		for _, item := range list.Content {
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
