package host

import (
	"bytes"
	"cmp"
	"io"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// LastWords passes a program's output on to a log, and keeps the last of it for error messages. It
// is safe for concurrent use.
type LastWords struct {
	w    io.Writer
	mu   sync.Mutex
	last []byte
	line []byte // the one that is being written, or its beginning
	why  string // the last line that gives the reason for an end
}

// tailBytes is enough for the dozens of lines, a stack among them, with which a program ends.
const tailBytes = 16 << 10

// NewLastWords returns a writer that passes what it is given on to w.
func NewLastWords(w io.Writer) *LastWords { return &LastWords{w: w} }

func (l *LastWords) Write(b []byte) (int, error) {
	l.mu.Lock()
	l.last = append(l.last, b...)
	if n := len(l.last); n > tailBytes {
		l.last = slices.Clone(l.last[n-tailBytes:])
	}
	for b := range bytes.Lines(b) {
		l.line = append(l.line, b[:min(len(b), max(0, tailBytes-len(l.line)))]...)
		if b[len(b)-1] != '\n' {
			break
		}
		if s := string(bytes.TrimSpace(l.line)); complains(s) {
			l.why = s
		}
		l.line = l.line[:0]
	}
	l.mu.Unlock()
	return l.w.Write(b)
}

// complains reports whether the line gives the reason why a program ends. It is followed by stacks,
// in Go those of all goroutines, which may be more than is kept.
func complains(line string) bool {
	for _, begins := range []string{"panic: ", "fatal error: ", "SIG"} {
		if strings.HasPrefix(line, begins) {
			return true
		}
	}
	return strings.Contains(line, `"level":"fatal"`)
}

// Complaint returns the line that gives the reason why the program ended, as far as one can be
// recognised, or else the last line.
func (l *LastWords) Complaint() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	ls := strings.Split(strings.TrimSpace(string(l.last)), "\n")
	said := cmp.Or(l.why, ls[len(ls)-1], "it printed nothing")
	return said[:min(len(said), 300)]
}

// Lacks returns what the program lacked on this machine according to its output (disk space,
// memory, files), "" where the output names nothing of the kind.
func (l *LastWords) Lacks() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	last := strings.ToLower(l.why + "\n" + string(l.last))
	for _, what := range []string{
		unix.ENOSPC.Error(), unix.EDQUOT.Error(), unix.EIO.Error(), unix.EROFS.Error(), unix.ENOMEM.Error(), unix.EMFILE.Error(), unix.ENFILE.Error(),
		"out of memory", "failed to create new os thread", "newosproc", // thus Go's runtime
	} {
		if strings.Contains(last, what) {
			return what
		}
	}
	return ""
}

// Quote returns the last lines, each on an indented line of its own, to be appended to an error.
func (l *LastWords) Quote() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := strings.TrimSpace(string(l.last))
	if s == "" {
		return "; it printed nothing"
	}
	ls := strings.Split(s, "\n")
	ls = ls[max(0, len(ls)-8):]
	for i, s := range ls {
		ls[i] = "    " + s[:min(len(s), 300)]
	}
	return "; it last printed:\n" + strings.Join(ls, "\n")
}
