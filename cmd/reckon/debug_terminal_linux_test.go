package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestShellAtATerminal sits at a pseudo-terminal: lines are edited and completed, a command has the
// terminal to itself, Ctrl-C interrupts it and leaves the cluster alone, and afterwards the
// terminal is what it was.
func TestShellAtATerminal(t *testing.T) {
	t.Parallel()
	if ok, err := hosts(); err != nil {
		t.Fatal(err)
	} else if !ok {
		t.Skip("no namespaces here; reckon doctor says why")
	}
	home := t.TempDir()
	p := startAtTerminal(t, home, "memory", "simple", "uniform", "none", "--debug", "--result-location", filepath.Join(home, "run"))
	before := p.modes(t)

	p.await("reckon> ")
	p.write("n1 sh -c 'echo beg''ins; sleep 1000'\r")
	p.await("begins\r\n")
	p.write("\x03")
	p.await("reckon> ")
	p.write("n1 echo lis''tens; read words; echo he''ard: $words\r")
	p.await("listens\r\n")
	p.write("\x04") // the end of input, for the command alone
	p.await("heard:\r\n")
	p.await("reckon> ")
	p.write("statu\t\r")
	p.await("n1  leads term 1")
	p.await("reckon> ")
	p.write("nonsense\x03") // gives up the line
	p.await("reckon> ")
	p.write("kil\tn1\r")
	p.await("n1 is dead")
	p.await("reckon> ")
	p.write("\x04")

	if err := p.cmd.Wait(); err != nil {
		t.Errorf("%v; it said\n%s", err, p.said())
	}
	if after := p.modes(t); after != before {
		t.Errorf("the terminal's modes are %+v, and were %+v", after, before)
	}
	kept, err := os.ReadFile(filepath.Join(home, ".local", "state", "reckon", "history"))
	if err != nil || !strings.Contains(string(kept), "kill n1\n") || strings.Contains(string(kept), "nonsense") {
		t.Errorf("the history is %q, %v", kept, err)
	}
}

// typist is a program at a pseudo-terminal, and who types there.
type typist struct {
	t        *testing.T
	cmd      *exec.Cmd
	terminal *os.File // the typist's end
	own      *os.File // the program's

	mu     sync.Mutex
	output bytes.Buffer
	seen   int // bytes of it that were awaited
}

func startAtTerminal(t *testing.T, home string, args ...string) *typist {
	t.Helper()
	p := &typist{t: t}
	p.terminal, p.own = openPseudoTerminal(t)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(home, "reckon") // testscript dispatches on the name
	if err := os.Symlink(exe, name); err != nil {
		t.Fatal(err)
	}
	p.cmd = exec.Command(name, args...)
	p.cmd.Env = append(os.Environ(), "HOME="+home, "XDG_STATE_HOME=", "TERM=xterm")
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = p.own, p.own, p.own
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.cmd.Process.Kill() })
	go p.listen()
	return p
}

func openPseudoTerminal(t *testing.T) (terminal, own *os.File) {
	t.Helper()
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo-terminals here: %v", err)
	}
	t.Cleanup(func() { terminal.Close() })
	fd := int(terminal.Fd())
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 200}); err != nil {
		t.Fatal(err)
	}
	own, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { own.Close() })
	return terminal, own
}

func (p *typist) modes(t *testing.T) unix.Termios {
	t.Helper()
	m, err := unix.IoctlGetTermios(int(p.own.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return *m
}

func (p *typist) listen() {
	b := make([]byte, 4096)
	for {
		n, err := p.terminal.Read(b)
		if err != nil {
			return
		}
		p.mu.Lock()
		p.output.Write(b[:n])
		p.mu.Unlock()
	}
}

func (p *typist) said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.output.String()
}

// await waits, bounded, until the program says what.
func (p *typist) await(what string) {
	p.t.Helper()
	for range 60_000 / 10 {
		said := p.said()
		if i := strings.Index(said[p.seen:], what); i >= 0 {
			p.seen += i + len(what)
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	p.t.Fatalf("it does not say %q; it said\n%s", what, p.said()[p.seen:])
}

func (p *typist) write(s string) {
	p.t.Helper()
	if _, err := p.terminal.WriteString(s); err != nil {
		p.t.Fatal(err)
	}
}
