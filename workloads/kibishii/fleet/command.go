package fleet

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/reckon-bench/reckon/workloads/kibishii"
)

// A Command is what a caller wants of all nodes.
type Command struct {
	// OpID is a decimal number that no other operation has. Where it is empty the caller picks one.
	OpID string
	Cmd  kibishii.Command
	Spec kibishii.Spec
	// Timeout is the operation's deadline, in whole seconds; 0 leaves it to the workers' own.
	Timeout time.Duration
}

// control is the value of the control key. The first eight are the original's.
type control struct {
	OpID          string `json:"opID"`
	Cmd           string `json:"cmd"`
	Levels        string `json:"levels"`
	DirsPerLevel  string `json:"dirsPerLevel"`
	FilesPerLevel string `json:"filesPerLevel"`
	FileLength    string `json:"fileLength"`
	BlockSize     string `json:"blockSize"`
	PassNum       string `json:"passNum"`
	Timeout       string `json:"timeout,omitempty"` // seconds
}

// encode is the command as callers put it.
func (c Command) encode() string {
	v := control{
		OpID: c.OpID, Cmd: string(c.Cmd), Levels: strconv.Itoa(c.Spec.Levels), DirsPerLevel: strconv.Itoa(c.Spec.Dirs),
		FilesPerLevel: strconv.Itoa(c.Spec.Files), FileLength: strconv.FormatInt(c.Spec.Length, 10),
		BlockSize: strconv.FormatInt(c.Spec.BlockSize, 10), PassNum: strconv.FormatInt(int64(c.Spec.Pass), 10),
	}
	if c.Timeout > 0 {
		v.Timeout = strconv.FormatInt(int64(c.Timeout/time.Second), 10)
	}
	b, _ := json.Marshal(v) // strings can always be written
	return string(b)
}

// Validate returns an error, with the value and the rule, where no node could carry it out.
func (c Command) Validate() error {
	if c.OpID != "" && !decimal(c.OpID) {
		return fmt.Errorf("opID %q: must be a decimal number", c.OpID)
	}
	switch {
	case c.Cmd != kibishii.CmdGenerate && c.Cmd != kibishii.CmdVerify:
		return fmt.Errorf("cmd %q: must be %s or %s", c.Cmd, kibishii.CmdGenerate, kibishii.CmdVerify)
	case c.Timeout < 0 || c.Timeout%time.Second != 0:
		return fmt.Errorf("timeout %v: must be whole seconds, and not negative", c.Timeout)
	}
	return c.Spec.Validate()
}

func decimal(s string) bool {
	_, err := strconv.ParseUint(s, 10, 63)
	return err == nil && !strings.HasPrefix(s, "+")
}

// decode reads the value of a control key. Where that is no command the error says why, and the
// command has at least the OpID if one can be told, so that whoever waits for that operation can be
// told as well.
func decode(value []byte) (Command, error) {
	fields := map[string]json.RawMessage{}
	d := json.NewDecoder(bytes.NewReader(value))
	err := d.Decode(&fields)
	if err == nil && len(bytes.TrimSpace(value[d.InputOffset():])) > 0 {
		err = errors.New("there is more after its end")
	}
	if err != nil {
		return Command{}, fmt.Errorf("no JSON object: %w", err)
	}
	var c Command
	var errs []error
	text := func(name string, wanted bool) string {
		s, err := textOf(name, fields[name], wanted)
		errs = append(errs, err)
		return s
	}
	number := func(name string, bits int, wanted bool) int64 {
		s := text(name, wanted)
		n, err := strconv.ParseInt(s, 10, bits)
		if err != nil && s != "" {
			errs = append(errs, fmt.Errorf("%s %q: must be a decimal number of %d bits", name, s, bits))
		}
		return n
	}
	c.OpID = text("opID", true)
	c.Cmd = kibishii.Command(text("cmd", true))
	c.Spec = kibishii.Spec{
		Levels: int(number("levels", 32, true)), Dirs: int(number("dirsPerLevel", 32, true)), Files: int(number("filesPerLevel", 32, true)),
		Length: number("fileLength", 64, true), BlockSize: number("blockSize", 64, true), Pass: int32(number("passNum", 32, true)),
	}
	c.Timeout = time.Duration(number("timeout", 32, false)) * time.Second
	if err := errors.Join(errs...); err != nil {
		return Command{OpID: tellable(fields["opID"])}, firstOf(err)
	}
	return c, c.Validate()
}

// textOf is a field's string.
func textOf(name string, raw json.RawMessage, wanted bool) (s string, err error) {
	switch {
	case raw == nil && !wanted:
		return "", nil
	case raw == nil:
		return "", fmt.Errorf("%s is missing", name)
	case json.Unmarshal(raw, &s) != nil || raw[0] != '"':
		return "", fmt.Errorf("%s is %s: must be a string", name, raw)
	case s == "" && wanted:
		return "", fmt.Errorf("%s is empty", name)
	}
	return s, nil
}

// tellable is the opID, also where it is a number instead of a string; "" where a key cannot have
// it.
func tellable(raw json.RawMessage) string {
	s := strings.Trim(string(raw), `"`)
	if !validName(s) || len(s) > 100 || strings.ContainsAny(s, "\\\n {}[]") {
		return ""
	}
	return s
}

// firstOf is one line of the errors that were joined.
func firstOf(err error) error {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return errors.New(line)
}
