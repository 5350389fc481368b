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

// Read reads a matrix file. Its errors name the file, the line and what is allowed.
func Read(path string) (*File, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read matrix: %w", err)
	}
	return Parse(path, text)
}

// The keys of a matrix file, and those of a product that it includes.
var (
	fileKeys    = []string{"system", "topology", "workload", "fault", "flags", "repeats", "seed", "trials", "exclude", "include", "thresholds", "expect"}
	includeKeys = fileKeys[:6]
)

// maxRepeats limits what one zero too many can ask for.
const maxRepeats = 10_000

// Parse parses the text of a matrix file; its errors name the file as name. It plans nothing, so
// words and flags are checked no further than that the flags exist.
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
		return nil, fmt.Errorf("%s: a matrix file must hold a single document", name)
	}
	p.file(f, doc.Content[0])
	if p.err != nil {
		return nil, p.err
	}
	return f, nil
}

// A parser reads nodes and keeps the first error.
type parser struct {
	name string
	err  error
}

func (p *parser) fail(n *yaml.Node, format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf("%s:%d: %s", p.name, n.Line, fmt.Sprintf(format, args...))
	}
}

// entry is one key of a mapping with its value, aliases resolved.
type entry struct {
	key   string
	node  *yaml.Node // the key's
	value *yaml.Node
}

// follow returns what an alias stands for, and any other node itself. The decoder has refused
// aliases that contain themselves.
func follow(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// mapping returns the entries of a mapping. Its keys must be known and unique.
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
			p.fail(k, "%s: %v", what, flags.Suggest("key", k.Value, known))
		case seen[k.Value]:
			p.fail(k, "%s: key %q is given twice", what, k.Value)
		}
		seen[k.Value] = true
		all = append(all, entry{k.Value, k, v})
	}
	return all
}

// list returns the elements of a list, aliases resolved.
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

// text returns a single word or number as it was written.
func (p *parser) text(n *yaml.Node, what string) string {
	n = follow(n)
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		p.fail(n, "%s: want a word or a number", what)
		return ""
	}
	return n.Value
}

// texts returns one word or number, or a list of them.
func (p *parser) texts(n *yaml.Node, what string) (all []string) {
	if n.Kind != yaml.SequenceNode {
		return []string{p.text(n, what)}
	}
	for _, c := range p.list(n, what) {
		all = append(all, p.text(c, what))
	}
	return all
}

// axis reads what a word or flag may be set to: one value or a list of them. A list within that
// list is one value of a flag that may be repeated. For a fault, `all` and `others` stand for
// registered words.
func (p *parser) axis(n *yaml.Node, name string) axis {
	a := axis{name: name, line: n.Line}
	if n.Kind != yaml.SequenceNode {
		p.add(&a, n, value{p.text(n, name)})
		return a
	}
	for _, c := range p.list(n, name) {
		if isWord(name) {
			p.add(&a, c, value{p.text(c, name)})
		} else {
			p.add(&a, c, p.texts(c, name))
		}
	}
	if len(n.Content) == 0 {
		p.fail(n, "%s: the list is empty", name)
	}
	return a
}

// add adds the value to the axis; none may be there twice.
func (p *parser) add(a *axis, n *yaml.Node, v value) {
	if a.name == "fault" && (v.String() == allWords || v.String() == otherWords) {
		if a.set != "" {
			p.fail(n, "%s: %q and %q: want one of %s and %s, once", a.name, a.set, v, allWords, otherWords)
		}
		a.set, a.line = v.String(), n.Line
		return
	}
	if slices.ContainsFunc(a.values, func(w value) bool { return w.String() == v.String() }) {
		p.fail(n, "%s: %q is given twice", a.name, v)
	}
	a.values = append(a.values, v)
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
			p.fail(n, "matrix: %s is missing; a matrix needs %s", k, strings.Join(kinds, ", "))
		}
	}
	for _, e := range entries {
		if e.key == "trials" {
			top.trials = p.truth(e.value, e.key)
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

// block reads one product. What the entries leave out is as in from.
func (p *parser) block(entries []entry, from block) block {
	b := block{axes: slices.Clone(from.axes), repeats: from.repeats, trials: from.trials, line: from.line}
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

// place returns where an axis stands: the words as they are typed, then the flags.
func place(name string) int {
	if i := slices.Index(kinds, name); i >= 0 {
		return i
	}
	return len(kinds)
}

// set adds the axis, or replaces the one of its name.
func (b *block) set(a axis) {
	if i := slices.IndexFunc(b.axes, func(o axis) bool { return o.name == a.name }); i >= 0 {
		b.axes[i] = a
		return
	}
	b.axes = append(b.axes, a)
}

// flags reads the flags of one product.
func (p *parser) flags(n *yaml.Node) (all []axis) {
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		switch k := n.Content[i]; {
		case k.Value == "seed":
			p.fail(k, "flags: each cell's seed is derived from the file's own key, seed")
		case strings.HasPrefix(k.Value, "-"):
			p.fail(k, "flags: write %q without the dashes", strings.TrimLeft(k.Value, "-"))
		case slices.Contains([]string{"result-location", "debug", "keep-data"}, k.Value):
			p.fail(k, "flags: %q cannot be set by a matrix file", k.Value)
		}
	}
	for _, e := range p.mapping(n, "flags", knownFlags()) {
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

func (p *parser) truth(n *yaml.Node, what string) bool {
	text := p.text(n, what)
	if text != "true" && text != "false" {
		p.fail(n, "%s %s: want true or false", what, text)
	}
	return text == "true"
}

func (p *parser) seed(n *yaml.Node) uint64 {
	s, err := strconv.ParseUint(p.text(n, "seed"), 10, 64)
	if err != nil {
		p.fail(n, "seed %s: want a whole number from 0 up", n.Value)
	}
	return s
}

// include reads further products. What one leaves out is as at the top, flag by flag.
func (p *parser) include(f *File, n *yaml.Node, top block) {
	for _, c := range p.list(n, "include") {
		b := p.block(p.mapping(c, "include", includeKeys), top)
		b.line, b.include = c.Line, true
		f.blocks = append(f.blocks, b)
	}
}

// expect reads which cells must be invalid.
func (p *parser) expect(n *yaml.Node) []where {
	for _, e := range p.mapping(n, "expect", []string{"invalid"}) {
		return p.wheres(e.value, "expect invalid")
	}
	return nil
}
