// Package kibishii makes trees of files whose every block proves where it belongs, and verifies
// them: the format of Kibishii, the distributed data generator of vmware-tanzu-experiments, to the
// byte. What either writes, the other verifies.
//
//	make(dir, L): if L > 1, dir0 ... dir<Dirs-1>, each made with L-1; then file0 ... file<Files-1>
//
// A file is a row of blocks. Block n, of size B, stands at the offset n*B:
//
//	[0,8)    n*B, big-endian         [20,B-40)    the text "iGeekTest-<Pass>-<n>" again and again, cut at B-40
//	[8,16)   n, big-endian           [B-40,B-20)  zeros
//	[16,20)  Pass, big-endian        [B-20,B)     SHA-1 of the bytes [0,B-20)
//
// The original's verifier looks at the first three fields and the checksum, never at the text. So
// the text may also carry the node, the volume and the path that the block belongs to (see
// Identity): then a file that was swapped for another one is found, and the original accepts the
// tree still.
package kibishii

import (
	"cmp"
	"fmt"
	"math"
	"math/bits"
)

// A Spec says what a tree is made of. The zero Spec is an empty root.
type Spec struct {
	Levels    int   `json:"levels"`    // levels of directories, the root's among them; 0 is the same as 1
	Dirs      int   `json:"dirs"`      // directories in each directory above the last level
	Files     int   `json:"files"`     // files in each directory
	Length    int64 `json:"length"`    // bytes of a file; a multiple of BlockSize
	BlockSize int64 `json:"blockSize"` // bytes; means nothing where there are no files
	Pass      int32 `json:"pass"`      // written into every block, so that one generation is told from the next
}

const (
	headerSize = 20
	padSize    = 20 // zeros
	sumSize    = 20

	// MinBlockSize is the smallest block: a header and a checksum. The original also writes
	// blocks of 20 to 39 bytes, and calls them corrupt afterwards.
	MinBlockSize = headerSize + sumSize

	// MaxLevels bounds how deep a tree is, because a descriptor is open for each level while one
	// walks it.
	MaxLevels = 256
)

// Validate returns an error, with the value and the rule, where no such tree can be.
func (s Spec) Validate() error {
	for _, f := range []struct {
		name  string
		value int64
	}{{"levels", int64(s.Levels)}, {"dirs", int64(s.Dirs)}, {"files", int64(s.Files)}, {"length", s.Length}, {"block size", s.BlockSize}} {
		if f.value < 0 {
			return fmt.Errorf("%s %d: must not be negative", f.name, f.value)
		}
	}
	if s.Levels > MaxLevels {
		return fmt.Errorf("levels %d: must be at most %d", s.Levels, MaxLevels)
	}
	if _, ok := s.size(); !ok {
		return fmt.Errorf("levels %d, dirs %d, files %d, length %d: too many for a count of 64 bits", s.Levels, s.Dirs, s.Files, s.Length)
	}
	if s.Files == 0 {
		return nil // callers in the wild ask for 0 files of 0 bytes in blocks of 0
	}
	if s.BlockSize < MinBlockSize {
		return fmt.Errorf("block size %d: must be at least %d where there are files", s.BlockSize, MinBlockSize)
	}
	if s.Length%s.BlockSize != 0 {
		return fmt.Errorf("length %d: must be a multiple of the block size %d", s.Length, s.BlockSize)
	}
	return nil
}

// A Size is how much a tree holds, or how much of it is done.
type Size struct {
	Files int64 `json:"files"`
	Dirs  int64 `json:"dirs"` // without the root
	Bytes int64 `json:"bytes"`
}

// Size is how much the whole tree holds. The Spec must be valid.
func (s Spec) Size() Size {
	size, _ := s.size()
	return size
}

func (s Spec) size() (Size, bool) { return s.below(max(s.Levels, 1)) }

// below is how much a directory with that many levels holds, its own among them; false where an
// int64 does not hold it.
func (s Spec) below(levels int) (Size, bool) {
	ok := true
	mul := func(a, b int64) int64 {
		hi, lo := bits.Mul64(uint64(a), uint64(b))
		ok = ok && hi == 0 && lo <= math.MaxInt64
		return int64(lo)
	}
	dirs, row := int64(0), int64(1) // row: the directories on the level above
	for range levels - 1 {
		if row = mul(row, int64(s.Dirs)); row == 0 || !ok {
			break
		}
		dirs += row
		ok = ok && dirs > 0 && dirs < math.MaxInt64
	}
	files := mul(dirs+1, int64(s.Files))
	return Size{Files: files, Dirs: dirs, Bytes: mul(files, s.Length)}, ok
}

// Options say how a tree is generated or verified.
type Options struct {
	Identity   Identity  // whose the tree is; the zero Identity writes and wants none
	AllowExtra bool      // verify: files and directories that the Spec does not know are no damage
	Progress   *Progress // counts what is done, if not nil; one for each call
	Workers    int       // how many files or parts of them at a time; 0 for what suits the machine

	syncBlocks bool // generate: every block is on the disk before the next is written, as the original does it
}

// Validate returns an error, with the value and the rule, where no such tree can be.
func (o Options) Validate(s Spec) error {
	return cmp.Or(s.Validate(), o.Identity.Validate(), o.Identity.fits(s))
}
