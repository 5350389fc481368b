package kibishii

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
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
		root := t.TempDir()
		if _, err := Generate(t.Context(), root, c.spec, Options{}); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(root, "file0"))
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != c.sum {
			t.Errorf("%+v: SHA-256 %x, want %s", c.spec, sum, c.sum)
		}
	}
}
