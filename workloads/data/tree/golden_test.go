package tree

import (
	"crypto/sha256"
	"fmt"
	"testing"

	"github.com/reckon-bench/reckon/workloads/data/draw"
)

// Golden vectors of format version 1: SHA-256 of everything that is said of a
// tree but what its files hold. Whoever changes one has made another format, and
// must raise stream.Version.
func TestGoldenVectors(t *testing.T) {
	s := article()
	s.HardLinks, s.Xattrs, s.Duplication = draw.RateOf(0.1), draw.RateOf(0.1), 2
	tr := tree(t, s, 3)
	for g, want := range []string{
		"ce9e9bf2bfc8679d811b3a4af5624c45ba5ff5a77d0aa03335888928f287e3a8",
		"1ab2dd75fa3e12a8096d8f688883667aae49b1af658f99f6e8456fe870caf9af",
		"1a91bef420d740f22c4b4b670114e91e6264a3ea481fbaf7b20b6ebc0140ab80",
		"863cfe7b4a60db0a6bcf0fc5012ce91f6cb9e9c619274903829eed8cbeb4252c",
	} {
		v := at(t, tr, g)
		sum := sha256.New()
		walk(v, 0, func(e Entry) {
			a := v.Attributes(e)
			fmt.Fprintln(sum, v.Path(e), e.Kind, e.ID(), v.Size(e), v.Links(e), a.Mode, a.UID, a.GID, a.Time.Unix(), a.Xattrs)
			switch e.Kind {
			case Symlink:
				fmt.Fprintln(sum, v.Target(e))
			case File:
				f, err := v.File(e)
				if err != nil {
					t.Fatal(err)
				}
				fmt.Fprintln(sum, f.File.Stream, f.File.First, f.File.History.Birth, len(f.File.History.Steps))
			}
		})
		if got := fmt.Sprintf("%x", sum.Sum(nil)); got != want {
			t.Errorf("generation %d: %s", g, got)
		}
	}
}
