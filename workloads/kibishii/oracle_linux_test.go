package kibishii

import (
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/moby/sys/reexec"
)

func TestMain(m *testing.M) {
	if reexec.Init() { // this process is a part of a test
		return
	}
	os.Exit(m.Run())
}

// content is what a file should hold, made in the simplest way.
func content(s Spec, id Identity, path string) []byte {
	var all []byte
	for n := int64(0); n*s.BlockSize < s.Length; n++ {
		b := binary.BigEndian.AppendUint64(nil, uint64(n*s.BlockSize))
		b = binary.BigEndian.AppendUint64(b, uint64(n))
		b = binary.BigEndian.AppendUint32(b, uint32(s.Pass))
		end := max(20, int(s.BlockSize)-40)
		for word := fmt.Sprintf("iGeekTest-%d-%d", s.Pass, n); len(b) < end; {
			b = append(b, word...)
		}
		b = b[:end]
		if id != (Identity{}) {
			line := fmt.Sprintf("\n%s/%s:%s\n", id.Node, id.Volume, path)
			b = append(b[:end-len(line)], line...)
		}
		b = append(b, make([]byte, int(s.BlockSize)-20-end)...)
		sum := sha1.Sum(b)
		all = append(all, append(b, sum[:]...)...)
	}
	return all
}

// acceptedByTheOriginal is the original verifier's rule: for as many blocks as there should be,
// three fields and a checksum. It looks neither at the file's length nor at the text.
func acceptedByTheOriginal(s Spec, file []byte) bool {
	for n := int64(0); n < s.Length/s.BlockSize; n++ {
		b := file[n*s.BlockSize:][:s.BlockSize]
		sum := sha1.Sum(b[:s.BlockSize-20])
		if int64(binary.BigEndian.Uint64(b)) != n*s.BlockSize || int64(binary.BigEndian.Uint64(b[8:])) != n ||
			int32(binary.BigEndian.Uint32(b[16:])) != s.Pass || !bytes.Equal(sum[:], b[s.BlockSize-20:]) {
			return false
		}
	}
	return true
}

// everyFile calls visit with the path of every file that the original would visit.
func everyFile(s Spec, visit func(path string)) {
	var walk func(at string, levels int)
	walk = func(at string, levels int) {
		for i := 0; levels > 1 && i < s.Dirs; i++ {
			walk(filepath.Join(at, fmt.Sprintf("dir%d", i)), levels-1)
		}
		for i := range s.Files {
			visit(filepath.Join(at, fmt.Sprintf("file%d", i)))
		}
	}
	walk("", s.Levels)
}

// A testTree is a root for a test.
type testTree struct {
	*testing.T
	root string
}

func grown(t *testing.T) *testTree { return &testTree{t, t.TempDir()} }

// planted is a generated one.
func planted(t *testing.T, s Spec, o Options) *testTree {
	tree := grown(t)
	tree.generate(s, o)
	return tree
}

func (t *testTree) path(name string) string { return filepath.Join(t.root, name) }

func (t *testTree) read(name string) []byte {
	t.Helper()
	b, err := os.ReadFile(t.path(name))
	t.must(err)
	return b
}

func (t *testTree) write(name string, b []byte) {
	t.Helper()
	t.must(os.WriteFile(t.path(name), b, 0o666))
}

func (t *testTree) must(err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (t *testTree) generate(s Spec, o Options) Result {
	t.Helper()
	r, err := Generate(t.Context(), t.root, s, o)
	t.must(err)
	size := s.Size()
	if !r.Success() || r.GeneratedFiles != size.Files || r.GeneratedDirs != size.Dirs || r.Bytes != size.Bytes {
		t.Fatalf("generate %+v: %+v", s, r)
	}
	return r
}

// verify wants that everything is accounted for, well or not.
func (t *testTree) verify(s Spec, o Options) Result {
	t.Helper()
	if o.Progress == nil {
		o.Progress = new(Progress)
	}
	r, err := Verify(t.Context(), t.root, s, o)
	t.must(err)
	size := s.Size()
	if r.VerifiedFiles+r.MissingFiles+r.CorruptedFiles != size.Files || r.VerifiedDirs+r.MissingDirs != size.Dirs {
		t.Fatalf("verify %+v: %v does not account for %+v", s, r, size)
	}
	if done := o.Progress.Done(); done != size || o.Progress.Total() != size {
		t.Fatalf("verify %+v: progress says %+v of %+v, want %+v", s, done, o.Progress.Total(), size)
	}
	return r
}

// sound wants that nothing is wrong.
func (t *testTree) sound(s Spec, o Options) {
	t.Helper()
	if r := t.verify(s, o); !r.Success() {
		t.Fatalf("verify %+v: %v, damage %v", s, r, r.Damage)
	}
}

// fail wants an error, and a result that is none.
func (t *testTree) fail(cmd Command, s Spec, o Options) Result {
	t.Helper()
	return t.failIn(t.Context(), cmd, s, o)
}

func (t *testTree) failIn(ctx context.Context, cmd Command, s Spec, o Options) Result {
	t.Helper()
	f := Generate
	if cmd == CmdVerify {
		f = Verify
	}
	r, err := f(ctx, t.root, s, o)
	if err == nil || r.Error != err.Error() || r.ErrorStackTrace == "" || r.Success() || !r.Completed || r.CompletedTime == "" {
		t.Fatalf("%s %+v: error %v, result %+v", cmd, s, err, r)
	}
	return r
}
