// Package expect compares what is written to a file system with what a
// generation of a tree holds, as it arrives: in any order, overlapping, sparse,
// under temporary names that are renamed later. It keeps no file's bytes that it
// expects, and those of other names in a spool until it knows what they are.
//
// It is a file system of nodes, as a server of one needs: Restore is its root.
package expect

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/reckon-bench/reckon/workloads/data/damage"
	"github.com/reckon-bench/reckon/workloads/data/trace"
	"github.com/reckon-bench/reckon/workloads/data/tree"
)

// Errors that operations return, besides those of the spool.
var (
	ErrExist    = errors.New("exists")
	ErrNotExist = errors.New("does not exist")
	ErrNotEmpty = errors.New("is not empty")
	ErrIsDir    = errors.New("is a directory")
	ErrNotDir   = errors.New("is no directory")
	ErrInvalid  = errors.New("is not allowed")
	ErrWrong    = errors.New("is not what is expected") // of a write, unless wrong bytes are only recorded
)

// Options are how strict to be.
type Options struct {
	RecordOnly         bool   // wrong writes succeed, and are reported in the end
	Spool              string // directory of bytes that wait for their name; empty for the usual one
	NoOwners, NoXattrs bool
	Now                func() time.Time // nil for time.Now
}

// A Restore is a tree into which somebody restores.
type Restore struct {
	o    Options
	view *tree.View
	from tree.Entry // the directory that is expected
	root *Node

	mu     sync.Mutex // of names
	nextID uint64

	tracing sync.Mutex
	tracer  *trace.Tracer
}

// New returns an empty tree that expects what stands below the directory at
// source, "." for all, of the view. Wrong bytes are looked for in the view's tree
// and in the others.
func New(v *tree.View, source string, o Options, others ...*tree.Tree) (*Restore, error) {
	from, ok := v.Resolve(source)
	if !ok || from.Kind != tree.Directory {
		return nil, fmt.Errorf("expect %s of generation %d: there is no such directory", source, v.Generation())
	}
	if o.Spool == "" {
		o.Spool = os.TempDir()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	r := &Restore{o: o, view: v, from: from, tracer: trace.New(append([]*tree.Tree{v.Tree()}, others...)...)}
	r.root = r.node(tree.Directory, 0o755)
	r.root.directory = &binding{from, true}
	return r, nil
}

// Root returns the root's node.
func (r *Restore) Root() *Node { return r.root }

// A binding is which entry of the expected tree a name stands for; false for none.
type binding struct {
	entry tree.Entry
	ok    bool
}

// Attributes are what a node has.
type Attributes struct {
	Mode     uint32 // permission bits
	UID, GID uint32
	Time     time.Time
}

// A Node is a directory, file or symbolic link. Its methods may be called at any time.
type Node struct {
	r    *Restore
	id   uint64
	kind tree.Kind

	// By Restore.mu.
	children  map[string]*Node
	parent    *Node
	names     map[name]bool // of a file or link; several by hard links
	directory *binding      // of a directory: the expected one

	mu     sync.Mutex
	attr   Attributes
	xattrs map[string]string
	target string
	file   file
}

// A name is one by which a node is reached.
type name struct {
	in   *Node
	name string
}

func (r *Restore) node(k tree.Kind, mode uint32) *Node {
	r.nextID++
	n := &Node{r: r, id: r.nextID, kind: k, attr: Attributes{Mode: mode, Time: r.o.Now()}}
	if k == tree.Directory {
		n.children = map[string]*Node{}
	} else {
		n.names = map[name]bool{}
	}
	return n
}

// ID returns a number of the node's own.
func (n *Node) ID() uint64 { return n.id }

// Kind returns what the node is.
func (n *Node) Kind() tree.Kind { return n.kind }

// Links returns how many names the node has.
func (n *Node) Links() int {
	n.r.mu.Lock()
	defer n.r.mu.Unlock()
	if n.kind == tree.Directory {
		return 2
	}
	return len(n.names)
}

// Attributes returns mode, owner and time.
func (n *Node) Attributes() Attributes {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.attr
}

// SetAttributes sets them.
func (n *Node) SetAttributes(set func(*Attributes)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	set(&n.attr)
}

// Xattr returns an extended attribute.
func (n *Node) Xattr(name string) (value string, ok bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	value, ok = n.xattrs[name]
	return value, ok
}

// Xattrs returns the names of all.
func (n *Node) Xattrs() (all []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for name := range n.xattrs {
		all = append(all, name)
	}
	return all
}

// SetXattr sets an extended attribute, or removes it.
func (n *Node) SetXattr(name, value string, remove bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.xattrs == nil {
		n.xattrs = map[string]string{}
	}
	if n.xattrs[name] = value; remove {
		delete(n.xattrs, name)
	}
}

// Target returns where a symbolic link leads.
func (n *Node) Target() string { return n.target }

// expected returns what the tree has under the name in the directory.
func (n *Node) expected(name string) binding {
	if n.directory == nil || !n.directory.ok {
		return binding{}
	}
	e, ok := n.r.view.Lookup(n.directory.entry.Number, name)
	return binding{e, ok}
}

// explain words wrong bytes; b was written at at.
func (r *Restore) explain(f *damage.File, b []byte, at int64, x damage.Extent) []damage.Damage {
	r.tracing.Lock()
	defer r.tracing.Unlock()
	found, err := f.Explain(r.tracer, shifted{b, at}, x)
	if err != nil {
		found = []damage.Damage{{Path: f.Path, Kind: damage.Failed, What: err.Error()}}
	}
	return found
}

// shifted is bytes that stand at an offset.
type shifted struct {
	b  []byte
	at int64
}

func (s shifted) ReadAt(b []byte, off int64) (int, error) {
	if off < s.at || off+int64(len(b)) > s.at+int64(len(s.b)) {
		return 0, fmt.Errorf("read %d bytes at %d: not among those that were written", len(b), off)
	}
	return copy(b, s.b[off-s.at:]), nil
}
