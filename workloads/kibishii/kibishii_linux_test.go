package kibishii

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
)

// Files of the original have these digests.
func TestKnownAnswers(t *testing.T) {
	for _, c := range []struct {
		spec Spec
		sum  string
	}{
		{Spec{Files: 1, Length: 10240, BlockSize: 1024, Pass: 1}, "4707cd98681c43819832f7c489473dc05dd292136e994bb0580ad92b8bb0470c"},
		{Spec{Files: 1, Length: 1024, BlockSize: 1024}, "29d94b095531400423ff3dbbb0fe0bea1df2eee45da01ff45704c10067980577"},
		{Spec{Files: 1, Length: 2 << 20, BlockSize: 1 << 20, Pass: 2}, "864f7b1d4247d59f1570eaa0f1249812a3e67fb1eed1b83d806f0867bdbedc3a"},
	} {
		for _, files := range []int{1, 2} { // computed, and from the stencil
			c.spec.Files = files
			tree := planted(t, c.spec, Options{})
			if sum := sha256.Sum256(tree.read("file0")); hex.EncodeToString(sum[:]) != c.sum {
				t.Errorf("%+v: SHA-256 %x, want %s", c.spec, sum, c.sum)
			}
		}
	}
}

func TestValidate(t *testing.T) {
	files := func(length, block int64) Spec { return Spec{Levels: 1, Files: 1, Length: length, BlockSize: block} }
	for _, c := range []struct {
		spec Spec
		want string // of the error; "" for none
	}{
		{Spec{}, ""},
		{Spec{Levels: 3, Dirs: 2}, ""},
		{Spec{Length: 5, BlockSize: 0}, ""}, // of no file
		{Spec{Pass: math.MinInt32}, ""},
		{files(0, 40), ""},
		{files(80, 40), ""},
		{files(39, 39), "block size 39: must be at least 40 where there are files"}, // the original writes them, and calls them corrupt
		{files(20, 20), "block size 20: must be at least 40 where there are files"},
		{files(0, 0), "block size 0: must be at least 40 where there are files"},
		{files(1000, 1024), "length 1000: must be a multiple of the block size 1024"},
		{Spec{Levels: -1}, "levels -1: must not be negative"},
		{Spec{Dirs: -1}, "dirs -1: must not be negative"},
		{Spec{Files: -1}, "files -1: must not be negative"},
		{Spec{Length: -1}, "length -1: must not be negative"},
		{Spec{BlockSize: -1}, "block size -1: must not be negative"},
		{Spec{Levels: 257}, "levels 257: must be at most 256"},
		{Spec{Levels: 256, Dirs: 2}, "levels 256, dirs 2, files 0, length 0: too many for a count of 64 bits"},
		{Spec{Levels: 2, Dirs: 1 << 40, Files: 1 << 40, BlockSize: 40}, "levels 2, dirs 1099511627776, files 1099511627776, length 0: too many for a count of 64 bits"},
	} {
		if got := text(c.spec.Validate()); got != c.want {
			t.Errorf("%+v: %q, want %q", c.spec, got, c.want)
		}
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestSize(t *testing.T) {
	for _, c := range []struct {
		spec Spec
		want Size
	}{
		{Spec{}, Size{}},
		{Spec{Levels: 0, Dirs: 9, Files: 2, Length: 80, BlockSize: 40}, Size{Files: 2, Bytes: 160}}, // the root alone
		{Spec{Levels: 1, Dirs: 9, Files: 2, Length: 80, BlockSize: 40}, Size{Files: 2, Bytes: 160}},
		{Spec{Levels: 2, Dirs: 10, Files: 10, Length: 1024, BlockSize: 1024}, Size{Files: 110, Dirs: 10, Bytes: 110 << 10}},
		{Spec{Levels: 3, Dirs: 10, Files: 1, Length: 0, BlockSize: 40}, Size{Files: 111, Dirs: 110}},
		{Spec{Levels: 256, Dirs: 1}, Size{Dirs: 255}},
	} {
		if got := c.spec.Size(); got != c.want {
			t.Errorf("%+v: %+v, want %+v", c.spec, got, c.want)
		}
	}
}

func TestIdentityNames(t *testing.T) {
	for s, want := range map[string]string{
		"n1/data":                          "",
		"kibishii-deployment-0/data":       "",
		"n1":                               `identity "n1": want NODE/VOLUME`,
		"/data":                            `node "": must have 1 to 255 bytes`,
		"n1/":                              `volume "": must have 1 to 255 bytes`,
		"n1/a/b":                           `volume "a/b": must hold no comma, slash or control character`,
		"n,1/a":                            `node "n,1": must hold no comma, slash or control character`,
		"n1/a\nb":                          `volume "a\nb": must hold no comma, slash or control character`,
		strings.Repeat("n", 256) + "/data": fmt.Sprintf("node %q: must have 1 to 255 bytes", strings.Repeat("n", 256)),
	} {
		if _, err := ParseIdentity(s); text(err) != want {
			t.Errorf("%q: %q, want %q", s, text(err), want)
		}
	}
}

// A result has the original's names, as whole numbers, and those of its own command alone.
func TestResultJSON(t *testing.T) {
	spec := Spec{Levels: 2, Dirs: 1, Files: 1, Length: 80, BlockSize: 40}
	tree := grown(t)
	for _, c := range []struct {
		result Result
		keys   string
	}{
		{tree.generate(spec, Options{}), "bytes cmd completed completedTime generatedDirs generatedFiles"},
		{tree.verify(spec, Options{}), "bytes cmd completed completedTime corruptedFiles extraFiles missingDirs missingFiles verifiedDirs verifiedFiles"},
		{tree.verify(Spec{Files: 2, Length: 80, BlockSize: 40}, Options{}),
			"bytes cmd completed completedTime corruptedFiles damage extraFiles missingDirs missingFiles verifiedDirs verifiedFiles"},
		{tree.fail(CmdVerify, Spec{Files: -1}, Options{}),
			"bytes cmd completed completedTime corruptedFiles error errorStackTrace extraFiles missingDirs missingFiles verifiedDirs verifiedFiles"},
	} {
		b, err := json.Marshal(c.result)
		if err != nil {
			t.Fatal(err)
		}
		keys := map[string]any{}
		if err := json.Unmarshal(b, &keys); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(slices.Sorted(maps.Keys(keys)), " "); got != c.keys {
			t.Errorf("%s: keys %s, want %s", b, got, c.keys)
		}
		var back Result
		if err := json.Unmarshal(b, &back); err != nil || fmt.Sprintf("%+v", back) != fmt.Sprintf("%+v", c.result) {
			t.Errorf("%s: became %+v, %v", b, back, err)
		}
	}
}
