// Package disk writes trees of generated files to a directory, takes them from
// one generation to the next, and verifies them, without a copy and without a
// list of files: what should be there is always computed.
//
// A label in the directory, LabelName, says which tree is there and at which
// generation, so that a call that was interrupted can go on, and a directory of
// something else is left alone.
package disk

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/reckon-bench/reckon/workloads/data/trace"
	"github.com/reckon-bench/reckon/workloads/data/tree"
)

// Options are how to go about it, not what.
type Options struct {
	Workers  int       // at a time; 0 for twice the processors
	Progress *Progress // may be nil
	// What is set and verified besides modes and times. Owners take privilege, and extended attributes
	// and holes a file system that has them.
	NoOwners, NoXattrs, NoHoles bool
}

func (o *Options) workers() int {
	if o.Workers > 0 {
		return o.Workers
	}
	return min(max(4, 2*runtime.GOMAXPROCS(0)), 64)
}

// Progress is how far it has come; its methods may be called at any time. The zero value is ready.
type Progress struct{ files, bytes, allFiles, allBytes atomic.Int64 }

// Done returns how many names and bytes have been dealt with.
func (p *Progress) Done() (files, bytes int64) { return p.files.Load(), p.bytes.Load() }

// All returns how many there are; zero before it has begun.
func (p *Progress) All() (files, bytes int64) { return p.allFiles.Load(), p.allBytes.Load() }

func (p *Progress) begin(t tree.Totals) {
	p.files.Store(0)
	p.bytes.Store(0)
	p.allFiles.Store(t.Files)
	p.allBytes.Store(t.Bytes)
}

// A Kind of damage.
type Kind string

// The kinds.
const (
	Missing Kind = "missing" // it should be there
	Extra   Kind = "extra"   // it should not
	Type    Kind = "type"    // a directory, file, link or device where another should be
	Size    Kind = "size"    // a file is shorter or longer
	Content Kind = "content" // bytes are others
	Hole    Kind = "hole"    // zeros are written out where nothing should be allocated
	Link    Kind = "link"    // names of one file are not, or others are
	Target  Kind = "target"  // a symbolic link leads elsewhere
	Mode    Kind = "mode"
	Owner   Kind = "owner"
	Time    Kind = "time"
	Xattr   Kind = "xattr"
	Failed  Kind = "failed" // it cannot be read
)

// A Damage is one thing that is wrong.
type Damage struct {
	Path string `json:"path"`
	Kind Kind   `json:"kind"`
	What string `json:"what"`
	Off  int64  `json:"off,omitempty"` // of wrong bytes in the file, and how many
	Len  int64  `json:"len,omitempty"`
	// Where the wrong bytes come from, if any file held them.
	Origin *trace.Origin `json:"origin,omitempty"`
}

// String is one line, whatever the path has in it.
func (d Damage) String() string {
	where := ""
	if d.Len > 0 {
		where = fmt.Sprintf(" bytes %d to %d:", d.Off, d.Off+d.Len-1)
	}
	return fmt.Sprintf("%s: %s:%s %s", printable(d.Path), d.Kind, where, d.What)
}

// printable returns the path, quoted if it is not plain.
func printable(path string) string {
	if q := fmt.Sprintf("%q", path); q != `"`+path+`"` {
		return q
	}
	return path
}

// MaxDamage is how many damages a report holds; of more it has the number.
const MaxDamage = 1000

// A Report is what a verify found.
type Report struct {
	Generation  int      `json:"generation"`
	Files       int64    `json:"files"` // names that are no directories, and are right
	Directories int64    `json:"directories"`
	Bytes       int64    `json:"bytes"` // read and compared
	Damage      []Damage `json:"damage"`
	More        int64    `json:"more"`    // damages beyond MaxDamage
	Skipped     []string `json:"skipped"` // what was not verified, and why

	mu sync.Mutex
}

// OK reports whether everything is as it should be.
func (r *Report) OK() bool { return len(r.Damage) == 0 }

func (r *Report) add(d ...Damage) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, d := range d {
		if len(r.Damage) == MaxDamage {
			r.More++
			continue
		}
		r.Damage = append(r.Damage, d)
	}
}

func (r *Report) count(files, directories, bytes int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Files, r.Directories, r.Bytes = r.Files+files, r.Directories+directories, r.Bytes+bytes
}
