package matrix

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/reckon-bench/reckon/reckon/flags"
	"go.yaml.in/yaml/v3"
)

// Read reads a matrix file. Its errors name file, line and what is allowed.
func Read(path string) (*File, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read matrix: %w", err)
	}
	return Parse(path, text)
}

// Keys of a matrix file. A block that is included knows the first six.
var (
	fileKeys    = []string{"system", "topology", "workload", "fault", "flags", "repeats", "seed", "exclude", "include", "thresholds", "expect"}
	includeKeys = fileKeys[:6]
)

// maxRepeats bounds what one misplaced zero can ask for.
const maxRepeats = 10_000

// Parse parses the text of a matrix file; name is for its errors.
func Parse(name string, text []byte) (*File, error) {
	p := &parser{name: name}
	f := &File{Name: name, Text: text, Seed: 1}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var doc yaml.Node
	if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: the file is empty; it needs %s", name, strings.Join(kinds, ", "))
	} else if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: one document is all that a matrix file may hold", name)
	}
	p.file(f, doc.Content[0])
	if p.err != nil {
		return nil, p.err
	}
	return f, nil
}

// A parser reads nodes and keeps the first thing that is wrong.
type parser struct {
	name string
	err  error
}

func (p *parser) fail(n *yaml.Node, format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf("%s:%d: %s", p.name, n.Line, fmt.Sprintf(format, args...))
	}
}

// entry is one key of a mapping with its value, aliases followed.
type entry struct {
	key   string
	node  *yaml.Node // the key's
	value *yaml.Node
}

// follow follows an alias to what it stands for; yaml refuses those that contain themselves.
func follow(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// mapping lists the entries of a mapping. Keys must be known, each may stand once.
func (p *parser) mapping(n *yaml.Node, what string, known []string) (all []entry) {
	n = follow(n)
	if n.Kind != yaml.MappingNode {
		p.fail(n, "%s: want keys and values; known keys: %s", what, strings.Join(known, ", "))
		return nil
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], follow(n.Content[i+1])
		switch {
		case k.Kind != yaml.ScalarNode || k.Tag == "!!merge":
			p.fail(k, "%s: a key must be a plain word", what)
		case !slices.Contains(known, k.Value):
			p.fail(k, "%s: unknown key %q%s; known: %s", what, k.Value, didYouMean(k.Value, known), strings.Join(known, ", "))
		case seen[k.Value]:
			p.fail(k, "%s: key %q stands twice", what, k.Value)
		}
		seen[k.Value] = true
		all = append(all, entry{k.Value, k, v})
	}
	return all
}

func didYouMean(word string, known []string) string {
	if near := flags.Nearest(word, known); near != "" {
		return fmt.Sprintf(", did you mean %q?", near)
	}
	return ""
}

// list is the elements of a list.
func (p *parser) list(n *yaml.Node, what string) []*yaml.Node {
	if n.Kind != yaml.SequenceNode {
		p.fail(n, "%s: want a list", what)
		return nil
	}
	out := make([]*yaml.Node, len(n.Content))
	for i, c := range n.Content {
		out[i] = follow(c)
	}
	return out
}

// text is a value that is one word or number, as it was written.
func (p *parser) text(n *yaml.Node, what string) string {
	n = follow(n)
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		p.fail(n, "%s: want a word or a number", what)
		return ""
	}
	return n.Value
}

// texts is one word or number, or a list of them.
func (p *parser) texts(n *yaml.Node, what string) (all []string) {
	if n.Kind != yaml.SequenceNode {
		return []string{p.text(n, what)}
	}
	for _, c := range p.list(n, what) {
		all = append(all, p.text(c, what))
	}
	return all
}

// axis is what a word or flag may be set to: one value or a list of them. A list
// within that list is one value of a flag that may be repeated.
func (p *parser) axis(n *yaml.Node, name string) axis {
	a := axis{name: name}
	if n.Kind != yaml.SequenceNode {
		a.values = []value{{p.text(n, name)}}
		return a
	}
	for _, c := range p.list(n, name) {
		var v value
		if isWord(name) {
			v = value{p.text(c, name)}
		} else {
			v = p.texts(c, name)
		}
		if slices.ContainsFunc(a.values, func(w value) bool { return w.String() == v.String() }) {
			p.fail(c, "%s: %q stands twice", name, v)
		}
		a.values = append(a.values, v)
	}
	if len(a.values) == 0 {
		p.fail(n, "%s: the list is empty", name)
	}
	return a
}

// file reads the whole file.
func (p *parser) file(f *File, n *yaml.Node) {
	entries := p.mapping(n, "matrix", fileKeys)
	if p.err != nil {
		return
	}
	top := p.block(entries, block{repeats: 1, line: n.Line})
	for _, k := range kinds {
		if _, ok := top.axis(k); !ok {
			p.fail(n, "matrix: it names no %s; it needs %s", k, strings.Join(kinds, ", "))
		}
	}
	f.blocks = []block{top}
	known := map[string]func(*yaml.Node){
		"seed":       func(n *yaml.Node) { f.Seed = p.seed(n) },
		"include":    func(n *yaml.Node) { p.include(f, n, top) },
		"exclude":    func(n *yaml.Node) { f.exclude = p.wheres(n, "exclude") },
		"thresholds": func(n *yaml.Node) { f.thresholds = p.thresholds(n) },
		"expect":     func(n *yaml.Node) { f.invalid = p.expect(n) },
	}
	for _, e := range entries {
		if read, ok := known[e.key]; ok && p.err == nil {
			read(e.value)
		}
	}
	if p.err == nil {
		p.err = f.checkWheres()
	}
}

// block reads the axes of one product over those that it inherits.
func (p *parser) block(entries []entry, from block) block {
	b := block{axes: slices.Clone(from.axes), repeats: from.repeats, line: from.line}
	for _, e := range entries {
		switch {
		case isWord(e.key):
			b.set(p.axis(e.value, e.key))
		case e.key == "flags":
			for _, fl := range p.flags(e.value) {
				b.set(fl)
			}
		case e.key == "repeats":
			b.repeats = p.repeats(e.value)
		}
	}
	slices.SortStableFunc(b.axes, func(a, c axis) int { return place(a.name) - place(c.name) })
	return b
}

// place orders the words as they are typed, and flags behind them.
func place(name string) int {
	if i := slices.Index(kinds, name); i >= 0 {
		return i
	}
	return len(kinds)
}

// set adds the axis, or puts it in the place of the one of its name.
func (b *block) set(a axis) {
	if i := slices.IndexFunc(b.axes, func(o axis) bool { return o.name == a.name }); i >= 0 {
		b.axes[i] = a
		return
	}
	b.axes = append(b.axes, a)
}

func (p *parser) flags(n *yaml.Node) (all []axis) {
	known := everyFlag()
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		switch k := n.Content[i]; {
		case k.Value == "seed":
			p.fail(k, "flags: every cell's seed is derived from the file's own key, seed")
		case strings.HasPrefix(k.Value, "-"):
			p.fail(k, "flags: write %q without the dashes", strings.TrimLeft(k.Value, "-"))
		case slices.Contains([]string{"result-location", "debug", "keep-data"}, k.Value):
			p.fail(k, "flags: %q is no flag of a cell", k.Value)
		}
	}
	for _, e := range p.mapping(n, "flags", known) {
		all = append(all, p.axis(e.value, e.key))
	}
	return all
}

func (p *parser) repeats(n *yaml.Node) int {
	r, err := strconv.Atoi(p.text(n, "repeats"))
	if err != nil || r < 1 || r > maxRepeats {
		p.fail(n, "repeats %s: want a whole number from 1 to %d", n.Value, maxRepeats)
	}
	return r
}

func (p *parser) seed(n *yaml.Node) uint64 {
	s, err := strconv.ParseUint(p.text(n, "seed"), 10, 64)
	if err != nil {
		p.fail(n, "seed %s: want a whole number from 0 up", n.Value)
	}
	return s
}

// include reads further products. What one leaves out is as at the top; flags add up.
func (p *parser) include(f *File, n *yaml.Node, top block) {
	for _, c := range p.list(n, "include") {
		b := p.block(p.mapping(c, "include", includeKeys), top)
		b.line = c.Line
		f.blocks = append(f.blocks, b)
	}
}

func (p *parser) expect(n *yaml.Node) []where {
	for _, e := range p.mapping(n, "expect", []string{"invalid"}) {
		return p.wheres(e.value, "expect invalid")
	}
	return nil
}
