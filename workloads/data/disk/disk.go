// Package disk writes trees of generated files to a directory, takes them from
// one generation to the next, and verifies them, without a copy and without a
// list of files: what should be there is always computed.
//
// A label in the directory, LabelName, says which tree is there and at which
// generation, so that a call that was interrupted can go on, and a directory of
// something else is left alone.
package disk

import (
	"runtime"
	"sync/atomic"

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
