package shell

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/peterh/liner"
)

// lines is the source of a shell's commands.
type lines interface {
	// read returns the next line, or io.EOF.
	read() (string, error)
	close() error
}

// scriptLines reads lines without a prompt.
type scriptLines struct{ in *bufio.Reader }

func (l scriptLines) read() (string, error) {
	line, err := l.in.ReadString('\n')
	if err == io.EOF && line != "" {
		err = nil // the last line may lack its end
	}
	return strings.TrimRight(line, "\r\n"), err
}

func (scriptLines) close() error { return nil }

// promptLines reads lines from a terminal, with editing and the history of earlier sessions.
type promptLines struct {
	*liner.State
	editing, ordinary liner.ModeApplier // of the terminal: while a line is edited, and while a command runs
	history           string            // file; "" keeps none
}

const prompt = "reckon> "

func newPromptLines(complete func(string) []string) (*promptLines, error) {
	ordinary, err := liner.TerminalMode()
	if err != nil {
		return nil, fmt.Errorf("read the terminal's mode: %w", err)
	}
	l := &promptLines{State: liner.NewLiner(), ordinary: ordinary}
	if l.editing, err = liner.TerminalMode(); err != nil {
		return nil, fmt.Errorf("read the terminal's mode: %w", err)
	}
	l.SetCtrlCAborts(true)
	l.SetTabCompletionStyle(liner.TabPrints)
	l.SetWordCompleter(func(line string, pos int) (head string, completions []string, tail string) {
		start := strings.LastIndexByte(line[:pos], ' ') + 1
		return line[:start], complete(line[:pos]), line[pos:]
	})
	if l.history = historyFile(); l.history != "" {
		if f, err := os.Open(l.history); err == nil {
			_, _ = l.ReadHistory(f) // without a readable history it begins empty
			f.Close()
		}
	}
	return l, l.ordinary.ApplyMode()
}

// read reads an edited line. Ctrl-C discards it; Ctrl-D on an empty line ends the input.
func (l *promptLines) read() (string, error) {
	if err := l.editing.ApplyMode(); err != nil {
		return "", fmt.Errorf("edit a line: %w", err)
	}
	line, err := l.Prompt(prompt)
	if merr := l.ordinary.ApplyMode(); err == nil {
		err = merr
	}
	switch {
	case errors.Is(err, liner.ErrPromptAborted):
		return "", nil
	case err == io.EOF:
		fmt.Println() // the prompt is still on the line
	case err == nil && strings.TrimSpace(line) != "":
		l.AppendHistory(line)
	}
	return line, err
}

// close saves the history and restores the terminal.
func (l *promptLines) close() error {
	defer l.Close()
	if l.history == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(l.history), 0o700); err != nil {
		return fmt.Errorf("keep the history: %w", err)
	}
	f, err := os.OpenFile(l.history, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("keep the history: %w", err)
	}
	_, err = l.WriteHistory(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("keep the history: %w", err)
	}
	return nil
}

// historyFile returns a file in the user's state directory (XDG Base Directory Specification), or
// "" if there is none.
func historyFile() string {
	dir := os.Getenv("XDG_STATE_HOME")
	if !filepath.IsAbs(dir) {
		home, err := os.UserHomeDir()
		if err != nil {
			return ""
		}
		dir = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(dir, "reckon", "history")
}
