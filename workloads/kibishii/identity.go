package kibishii

import (
	"fmt"
	"strings"
	"unicode"
)

// An Identity is whose a tree is. With one, the text of every block ends with a line
//
//	<Node>/<Volume>:<path below the root>
//
// between two newlines, and verifying wants that line. Without, verifying wants the three header
// fields and the checksum, as the original does, and accepts trees with any identity or none.
type Identity struct {
	Node   string `json:"node"`
	Volume string `json:"volume"`
}

// ParseIdentity reads NODE/VOLUME.
func ParseIdentity(s string) (Identity, error) {
	node, volume, ok := strings.Cut(s, "/")
	if !ok {
		return Identity{}, fmt.Errorf("identity %q: want NODE/VOLUME", s)
	}
	id := Identity{node, volume}
	return id, id.Validate()
}

func (id Identity) String() string { return id.Node + "/" + id.Volume }

// Validate returns an error, with the value and the rule, where a name cannot be one. The zero
// Identity is valid.
func (id Identity) Validate() error {
	if id == (Identity{}) {
		return nil
	}
	for _, f := range []struct{ what, name string }{{"node", id.Node}, {"volume", id.Volume}} {
		switch {
		case f.name == "" || len(f.name) > maxName:
			return fmt.Errorf("%s %q: must have 1 to %d bytes", f.what, f.name, maxName)
		case strings.ContainsAny(f.name, ",/") || strings.ContainsFunc(f.name, unicode.IsControl):
			return fmt.Errorf("%s %q: must hold no comma, slash or control character", f.what, f.name)
		}
	}
	return nil
}

const maxName = 255 // bytes, as of a file's name

// longest is how long the line of the tree's longest path is; 0 without an identity.
func (id Identity) longest(s Spec) int {
	if id == (Identity{}) {
		return 0
	}
	dirs := 0
	if s.Dirs > 0 {
		dirs = max(s.Levels-1, 0) * len(fmt.Sprintf("dir%d/", s.Dirs-1))
	}
	return len(id.String()) + len("\n:\n") + dirs + len(fmt.Sprintf("file%d", max(s.Files-1, 0)))
}

// fits returns an error where a block has no room for the line of the longest path: cut, it could
// not tell two files apart.
func (id Identity) fits(s Spec) error {
	least := int64(id.longest(s)) + headerSize + padSize + sumSize
	if id == (Identity{}) || s.Files == 0 || s.Length == 0 || s.BlockSize >= least {
		return nil
	}
	return fmt.Errorf("block size %d: must be at least %d to hold the identity %s with the longest path of this tree", s.BlockSize, least, id)
}

// appendLine appends the line that the blocks of a file carry.
func (id Identity) appendLine(b []byte, dir, name string) []byte {
	if id == (Identity{}) {
		return b
	}
	b = append(b, '\n')
	b = append(b, id.Node...)
	b = append(b, '/')
	b = append(b, id.Volume...)
	b = append(b, ':')
	b = append(b, dir...)
	b = append(b, name...)
	return append(b, '\n')
}
