package faults

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/flags"
)

func (*timeline) Type() string { return "FILE" }

// String returns the list on one line, which is YAML too, and never a file's name, so that a
// recorded plan can be made again without the file.
func (t *timeline) String() string {
	if len(t.entries) == 0 {
		return ""
	}
	b, err := json.Marshal(t.entries)
	if err != nil {
		panic(err) // of strings
	}
	return string(b)
}

// maxTimeline bounds a file, in bytes.
const maxTimeline = 1 << 20

// Set accepts a file's name, or the content of one, which begins with a bracket.
func (t *timeline) Set(s string) error {
	text := []byte(s)
	if !strings.HasPrefix(s, "[") {
		f, err := os.Open(s)
		if err != nil {
			var p *os.PathError
			if errors.As(err, &p) {
				err = p.Err
			}
			return fmt.Errorf("want a YAML file of faults: %v", err)
		}
		defer f.Close()
		if text, err = io.ReadAll(io.LimitReader(f, maxTimeline+1)); err != nil {
			return fmt.Errorf("want a YAML file of faults: %v", err)
		}
	}
	if len(text) > maxTimeline {
		return fmt.Errorf("longer than %d bytes", maxTimeline)
	}
	entries, err := readTimeline(text)
	if err != nil {
		return err
	}
	t.entries = entries
	return nil
}

// readTimeline reads a timeline strictly: anything unknown is an error that names its line. The
// errors wrap nothing, because a flag shows the innermost.
func readTimeline(text []byte) (entries []timed, err error) {
	var doc yaml.Node
	d := yaml.NewDecoder(strings.NewReader(string(text)))
	switch err := d.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return nil, errors.New("empty: want a list of {fault: WORD, at: TIME, for: TIME, target: ROLE, with: {FLAG: VALUE}}")
	case err != nil:
		return nil, fmt.Errorf("line %d: %s", brokenLine(string(text)), yamlPrefix.ReplaceAllString(err.Error(), ""))
	}
	if err := d.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one document: want one list of faults")
	}
	list := doc.Content[0]
	if list.Kind != yaml.SequenceNode || len(list.Content) == 0 {
		return nil, at(list, errors.New("want a list of {fault: WORD, at: TIME, for: TIME, target: ROLE, with: {FLAG: VALUE}}"))
	}
	for _, n := range list.Content {
		e, err := readEntry(n)
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// yamlPrefix matches what the YAML reader prints before the error proper. Its line numbers are not
// those of the file, and some count from 0.
var yamlPrefix = regexp.MustCompile(`^yaml: (line \d+: )?`)

// brokenLine returns the first line that cannot be read: the one after the longest readable prefix
// of the text.
func brokenLine(text string) int {
	lines := strings.SplitAfter(text, "\n")
	for n := len(lines); n > 0; n-- {
		err := yaml.Unmarshal([]byte(strings.Join(lines[:n], "")), new(yaml.Node))
		if err == nil {
			return n + 1
		}
	}
	return 1
}

// at adds the line of the file to the error.
func at(n *yaml.Node, err error) error { return fmt.Errorf("line %d: %v", n.Line, err) }

// keys are the keys of an entry.
var keys = []string{"fault", "at", "for", "target", "with"}

// readEntry reads one entry, its word first, because the rest depends on it.
func readEntry(n *yaml.Node) (e timed, err error) {
	fields, err := pairs(n, "key", keys)
	if err != nil {
		return e, err
	}
	word := fields["fault"]
	if word == nil {
		return e, at(n, errors.New("an entry without a fault; want {fault: WORD, ...}"))
	}
	if e.Word, err = scalar(word); err != nil {
		return e, err
	}
	w, err := reckon.Faults.Lookup(e.Word)
	switch {
	case err != nil:
		return e, at(word, err)
	case w.Name == timelineWord:
		return e, at(word, errors.New("a timeline cannot contain a timeline"))
	}
	e.Word = w.Name
	if e.at, e.At, err = instant(fields["at"], "at"); err != nil {
		return e, err
	}
	if e.length, e.For, err = instant(fields["for"], "for"); err != nil {
		return e, err
	}
	if e.length != nil && *e.length == 0 {
		return e, at(fields["for"], errors.New("for 0s: want more than 0"))
	}
	if e.Target, err = role(fields["target"]); err != nil {
		return e, err
	}
	return e, e.with(w, fields["with"])
}

// with sets the flags of the word.
func (e *timed) with(w reckon.Word[reckon.Fault], n *yaml.Node) error {
	fs := pflag.NewFlagSet(w.Name, pflag.ContinueOnError)
	e.fault = w.New(fs)
	var known []string
	fs.VisitAll(func(f *pflag.Flag) { known = append(known, f.Name) })
	if n != nil {
		values, err := pairs(n, "flag of "+w.Name, known)
		if err != nil {
			return err
		}
		for _, name := range known {
			if values[name] == nil {
				continue
			}
			v, err := scalar(values[name])
			if err != nil {
				return err
			}
			if err := fs.Set(name, v); err != nil {
				return at(values[name], fmt.Errorf("%s %s: %v", name, v, bare(err)))
			}
		}
	}
	fs.VisitAll(func(f *pflag.Flag) {
		if v := f.Value.String(); v != "" {
			if e.With == nil {
				e.With = map[string]string{}
			}
			e.With[f.Name] = v
		}
	})
	return nil
}

// pairs returns the values of a mapping by key. A key that is not known is an error.
func pairs(n *yaml.Node, kind string, known []string) (map[string]*yaml.Node, error) {
	if n.Kind != yaml.MappingNode {
		return nil, at(n, fmt.Errorf("want {NAME: VALUE, ...}, a %s each", kind))
	}
	out := map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		switch {
		case !slices.Contains(known, key.Value) && len(known) == 0:
			return nil, at(key, fmt.Errorf("unknown %s %q; it has none", kind, key.Value))
		case !slices.Contains(known, key.Value):
			return nil, at(key, flags.Suggest(kind, key.Value, known))
		case out[key.Value] != nil:
			return nil, at(key, fmt.Errorf("%s %q is there twice", kind, key.Value))
		}
		out[key.Value] = n.Content[i+1]
	}
	return out, nil
}

// scalar returns the plain value of the node.
func scalar(n *yaml.Node) (string, error) {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		return "", at(n, errors.New("want a plain value"))
	}
	return n.Value, nil
}

// instant returns a time, in the form that flags accept, and how it prints; nil and "" if there is
// none.
func instant(n *yaml.Node, key string) (*time.Duration, string, error) {
	if n == nil {
		return nil, "", nil
	}
	text, err := scalar(n)
	if err != nil {
		return nil, "", err
	}
	var d time.Duration
	fs := pflag.NewFlagSet(key, pflag.ContinueOnError)
	flags.SecondsVar(fs, &d, key, 0, "")
	if err := fs.Set(key, text); err != nil {
		return nil, "", at(n, fmt.Errorf("%s %s: %v", key, text, bare(err)))
	}
	return &d, d.String(), nil
}

// bare returns the error of a flag's value, without what pflag adds to it.
func bare(err error) error {
	var invalid *pflag.InvalidValueError
	if errors.As(err, &invalid) {
		return invalid.Unwrap()
	}
	return err
}

// role returns the target. Whether the run has such a node is checked later, when its nodes are
// known.
func role(n *yaml.Node) (string, error) {
	if n == nil {
		return "", nil
	}
	name, err := scalar(n)
	if err != nil {
		return "", err
	}
	number, isNode := strings.CutPrefix(name, "n")
	if slices.Contains(roles, name) || isNode && number != "" && strings.Trim(number, "0123456789") == "" {
		return name, nil
	}
	return "", at(n, flags.Suggest("target", name, append(slices.Clone(roles), "a node's name such as n2")))
}
