package canvas

import "testing"

// A PDF's fonts have one byte a character: a minus is not the three that UTF-8 has.
func TestTextInPDFs(t *testing.T) {
	if got := toWinAnsi("−1.5 ± µs …"); got != "\x961.5 \xb1 \xb5s \x85" {
		t.Errorf("%q", got)
	}
}
