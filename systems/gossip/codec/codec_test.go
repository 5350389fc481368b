package codec

import (
	"slices"
	"testing"
)

// FuzzReader: fields are read as they were written; bytes that are cut short are an error, and
// never cost more memory than they are.
func FuzzReader(f *testing.F) {
	f.Add(uint64(7), "text", true, []byte{1, 2, 3, 4, 5, 6, 7, 8, 9})
	f.Fuzz(func(t *testing.T, n uint64, s string, flag bool, raw []byte) {
		ids := []uint64{n, n + 1, 0}
		b := AppendIDs(AppendBool(AppendString(AppendUint(AppendUint64(nil, n), n), s), flag), ids)
		r := NewReader(b)
		if r.Uint64() != n || r.Uint() != n || r.String() != s || r.Bool() != flag || !slices.Equal(r.IDs(), ids) || r.End() != nil {
			t.Error("fields changed on the way")
		}
		for cut := range len(b) {
			r := NewReader(b[:cut])
			r.Uint64()
			r.Uint()
			_ = r.String()
			r.Bool()
			if got := r.IDs(); r.End() == nil || len(got) > len(b) {
				t.Errorf("%d of %d bytes were enough", cut, len(b))
			}
		}
		g := NewReader(raw)
		for range 4 {
			if got := g.IDs(); len(got) > len(raw) {
				t.Error("more ids than bytes")
			}
			g.Bytes()
		}
	})
}
