package screen

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// Patience is how long a command may be silent before it says what it is doing.
const Patience = time.Second

// Announce prints the line to out unless done is called within that time. Once done has returned,
// nothing is printed any more.
func Announce(out io.Writer, within time.Duration, line string) (done func()) {
	var mu sync.Mutex
	over := false
	timer := time.AfterFunc(within, func() {
		mu.Lock()
		defer mu.Unlock()
		if !over {
			fmt.Fprintln(out, line)
		}
	})
	return func() {
		timer.Stop()
		mu.Lock()
		defer mu.Unlock()
		over = true
	}
}
