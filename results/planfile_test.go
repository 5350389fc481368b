package results

import "testing"

func TestQuote(t *testing.T) {
	for in, want := range map[string]string{"a=b": "a=b", "": "''", "a b": "'a b'", "it's": `'it'\''s'`, "$x": "'$x'"} {
		if got := quote(in); got != want {
			t.Errorf("quote(%q) is %s, want %s", in, got, want)
		}
	}
}
