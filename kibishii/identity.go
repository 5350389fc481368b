package kibishii

import (
	"fmt"
	"strings"
	"unicode"
)

// An Identity is whose a tree is. With one, the text of every block is a line that is written again and again:
//
//	iGeekTest-<Pass>-<n> <Node>/<Volume>:<path below the root>\n
//
// and verifying wants that line. Without, verifying wants the three header fields and the checksum, as the original does,
// and accepts trees with any identity or none.
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

// Validate returns an error, with the value and the rule, where a name cannot be one. The zero Identity is valid.
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
