// Package damage words what is wrong with a file system, and says where wrong
// bytes come from.
package damage

import (
	"fmt"
	"sync"

	"github.com/reckon-bench/reckon/workloads/data/trace"
)

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
	return fmt.Sprintf("%s: %s:%s %s", Printable(d.Path), d.Kind, where, d.What)
}

// Printable returns the path, quoted if it is not plain.
func Printable(path string) string {
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

// Add adds damages.
func (r *Report) Add(d ...Damage) {
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

// Count counts what is right, and bytes that were compared.
func (r *Report) Count(files, directories, bytes int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Files, r.Directories, r.Bytes = r.Files+files, r.Directories+directories, r.Bytes+bytes
}
