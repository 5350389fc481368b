package tree

import (
	"fmt"
	"math"
	"time"

	"github.com/reckon-bench/reckon/workloads/data/draw"
	"github.com/reckon-bench/reckon/workloads/data/stream"
)

// A Spec is all that decides a tree. Rates are for each generation.
type Spec struct {
	Seed        uint64 `json:"seed"`
	Size        int64  `json:"size"` // bytes of all files at generation 0; a file of several names counts once
	Files       int64  `json:"files"`
	Directories int64  `json:"directories"` // below the root
	Fanout      int64  `json:"fanout"`      // directories in a directory

	Symlinks  draw.Rate `json:"symlinks"`   // share of the files that are symbolic links
	HardLinks draw.Rate `json:"hard_links"` // share of the other names that are one of several of a file
	Xattrs    draw.Rate `json:"xattrs"`     // share of files with extended attributes
	Holes     draw.Rate `json:"holes"`      // share of the bytes of new files that are holes

	Change     draw.Rate `json:"change"`     // bytes added, as a share of the tree's
	Growth     draw.Rate `json:"growth"`     // of the tree; change - growth is deleted
	Attributes draw.Rate `json:"attributes"` // share of files whose mode and owner change

	Start  time.Time     `json:"start"`  // when generation 0 is
	Period time.Duration `json:"period"` // between generations

	Redundancy  draw.Rate     `json:"redundancy"`   // see stream.Options
	Duplication float64       `json:"duplication"`  // how often a block of new files occurs, on average; 1 for once
	DedupUnit   int64         `json:"dedup_unit"`   // size of such a block in bytes
	Spread      stream.Spread `json:"edits_spread"` // of the edits of a changed file
}

// maxSize is up to how many bytes a tree has at generation 0.
const maxSize = 1 << 46

// fill sets what the caller left out.
func (s *Spec) fill() {
	if s.Duplication == 0 {
		s.Duplication = 1
	}
	if s.DedupUnit == 0 {
		s.DedupUnit = 16 << 10
	}
	if s.Spread == (stream.Spread{}) {
		s.Spread = stream.Usual
	}
	if s.Period == 0 {
		s.Period = 24 * time.Hour
	}
	if s.Start.IsZero() {
		s.Start = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	}
}

// MaxFiles is how many files there can be, of all generations together: a stream has a number of 32 bits.
const MaxFiles = math.MaxUint32

// MaxGeneration is the last generation of a tree: what is alive of each is kept for each.
const MaxGeneration = 1024

// Validate returns what is wrong with the spec, by the names that configuration files use.
func (s Spec) Validate() error {
	s.fill()
	for _, r := range []struct {
		name string
		rate draw.Rate
	}{
		{"symlink_probability", s.Symlinks}, {"hard_link_probability", s.HardLinks}, {"xattr_probability", s.Xattrs}, {"hole_probability", s.Holes},
		{"change_rate", s.Change}, {"growth_rate", s.Growth}, {"attribute_change_rate", s.Attributes},
	} {
		if r.rate > draw.One {
			return fmt.Errorf("%s %v: must be between 0 and 1", r.name, r.rate.Float())
		}
	}
	switch {
	case s.Growth > s.Change:
		return fmt.Errorf("growth_rate %v: must not be above change_rate %v, since what is added and does not grow the tree replaces what is deleted", s.Growth.Float(), s.Change.Float())
	case s.Files < 0 || s.Files > MaxFiles:
		return fmt.Errorf("files %d: must be between 0 and %d", s.Files, int64(MaxFiles))
	case s.Directories < 0 || s.Directories > MaxFiles:
		return fmt.Errorf("directories %d: must be between 0 and %d", s.Directories, int64(MaxFiles))
	case s.Fanout < 1 && s.Directories > 0:
		return fmt.Errorf("directory_fanout %d: must be at least 1 where there are directories", s.Fanout)
	case s.Size < 0 || s.Size > maxSize:
		return fmt.Errorf("size %d: must be between 0 and %d bytes", s.Size, int64(maxSize))
	case s.Period < time.Second:
		return fmt.Errorf("generation_period %v: must be at least 1s", s.Period)
	case !(s.Duplication >= 1):
		return fmt.Errorf("duplication %v: must be at least 1", s.Duplication)
	case s.DedupUnit < 4<<10 || s.DedupUnit%(4<<10) != 0:
		return fmt.Errorf("dedup_unit %d: must be a multiple of 4096 bytes", s.DedupUnit)
	case s.Spread.Extent < 1 || s.Spread.Align < 1:
		return fmt.Errorf("edits of %d bytes aligned at %d: both must be at least 1", s.Spread.Extent, s.Spread.Align)
	}
	l := newLinks(s)
	inodes := int64(l.inodes(uint64(s.Files)))
	if s.Size < inodes {
		return fmt.Errorf("size %d: must be at least %d bytes, one for each file that is no symbolic link", s.Size, inodes)
	}
	if s.Size > 0 && inodes == 0 {
		return fmt.Errorf("size %d: must be 0 where there is no file to hold bytes", s.Size)
	}
	return nil
}
