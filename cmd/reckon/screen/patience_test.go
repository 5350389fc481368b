package screen

import (
	"bufio"
	"io"
	"strings"
	"testing"
	"time"
)

// A long computation says what it is doing while it goes on; a short one says nothing.
func TestAnnounce(t *testing.T) {
	r, w := io.Pipe()
	done := Announce(w, 0, "planning 100000 cells")
	line, err := bufio.NewReader(r).ReadString('\n') // comes although done has not been called
	if err != nil || line != "planning 100000 cells\n" {
		t.Errorf("%q, %v", line, err)
	}
	done()
	var out strings.Builder
	Announce(&out, time.Hour, "never")()
	if out.Len() > 0 {
		t.Errorf("printed %q after its end", out.String())
	}
}
