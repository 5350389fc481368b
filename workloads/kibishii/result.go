package kibishii

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// A Command is what is done with a tree, in the original's words.
type Command string

const (
	CmdGenerate Command = "generate"
	CmdVerify   Command = "verify"
)

// A Result is what came of generating or verifying one tree, or, while that goes on, of what is
// done so far. Its JSON has the original's names, and ours besides: cmd, bytes, extraFiles, damage,
// moreDamage.
type Result struct {
	Cmd Command `json:"cmd"`
	GenerateCounts
	VerifyCounts
	Outcome
}

// GenerateCounts are in the results of a generate alone.
type GenerateCounts struct {
	GeneratedFiles int64 `json:"generatedFiles"`
	GeneratedDirs  int64 `json:"generatedDirs"` // without the root
}

// VerifyCounts are in the results of a verify alone. When it has come to its end, verified, missing
// and corrupted files are together as many as the Spec wants, and so are verified and missing
// directories.
type VerifyCounts struct {
	MissingFiles   int64    `json:"missingFiles"`   // with those of missing directories
	MissingDirs    int64    `json:"missingDirs"`    // or that are something else, or cannot be opened; with those below them
	CorruptedFiles int64    `json:"corruptedFiles"` // there, but not proven to be what they should be, for whatever reason
	VerifiedFiles  int64    `json:"verifiedFiles"`
	VerifiedDirs   int64    `json:"verifiedDirs"`
	ExtraFiles     int64    `json:"extraFiles"`           // files and directories that the Spec does not know, not counting what is in those directories
	Damage         []Damage `json:"damage,omitempty"`     // the first MaxDamage, in no particular order
	MoreDamage     int64    `json:"moreDamage,omitempty"` // how many more there were
}

// MaxDamage is how many damages a Result names.
const MaxDamage = 100

// A Damage is what is wrong at one path: "missing", "extra", "corrupt: block 7: sha1", "length
// 10241, want 10240", "a directory, want a file", "unreadable: input/output error", "identity:
// block 0 is n2/data:file0, want n1/data:file0".
type Damage struct {
	Path string `json:"path"` // below the root
	What string `json:"what"`
}

func (d Damage) String() string { return d.Path + ": " + d.What }

// An Outcome is in every Result.
type Outcome struct {
	Bytes           int64  `json:"bytes"`     // written, or read
	Completed       bool   `json:"completed"` // it is over, well or not, as in the original
	CompletedTime   string `json:"completedTime,omitempty"`
	Error           string `json:"error,omitempty"`           // why it could not be carried through
	ErrorStackTrace string `json:"errorStackTrace,omitempty"` // the same, a line each cause
}

// MarshalJSON leaves out the counts of the other command.
func (r Result) MarshalJSON() ([]byte, error) {
	if r.Cmd == CmdGenerate {
		return json.Marshal(struct {
			Cmd Command `json:"cmd"`
			GenerateCounts
			Outcome
		}{r.Cmd, r.GenerateCounts, r.Outcome})
	}
	return json.Marshal(struct {
		Cmd Command `json:"cmd"`
		VerifyCounts
		Outcome
	}{r.Cmd, r.VerifyCounts, r.Outcome})
}

// Success says whether it came to its end and nothing was wrong.
func (r Result) Success() bool {
	return r.Completed && r.Error == "" && r.MissingFiles == 0 && r.MissingDirs == 0 && r.CorruptedFiles == 0 && r.ExtraFiles == 0 &&
		len(r.Damage) == 0 && r.MoreDamage == 0
}

// String is one line for people, without the time and the bytes.
func (r Result) String() string {
	parts := []string{"verified " + count(r.VerifiedFiles, "file", "files") + ", " + count(r.VerifiedDirs, "directory", "directories")}
	if r.Cmd == CmdGenerate {
		parts[0] = "generated " + count(r.GeneratedFiles, "file", "files") + ", " + count(r.GeneratedDirs, "directory", "directories")
	}
	for _, c := range []struct {
		n             int64
		one, more, is string
	}{
		{r.MissingFiles, "file", "files", " missing"}, {r.MissingDirs, "directory", "directories", " missing"},
		{r.CorruptedFiles, "file", "files", " corrupted"}, {r.ExtraFiles, "extra", "extra", ""},
	} {
		if c.n > 0 {
			parts = append(parts, count(c.n, c.one, c.more)+c.is)
		}
	}
	return strings.Join(parts, "; ")
}

func count(n int64, one, more string) string {
	if n == 1 {
		more = one
	}
	return fmt.Sprintf("%d %s", n, more)
}

// over notes the end.
func (r *Result) over(err error) {
	r.Completed, r.CompletedTime = true, time.Now().UTC().Format(completedLayout)
	if err == nil {
		return
	}
	r.Error = err.Error()
	var chain []string
	for ; err != nil; err = errors.Unwrap(err) {
		chain = append(chain, err.Error())
	}
	r.ErrorStackTrace = strings.Join(chain, "\n")
}

// completedLayout is how the original writes a time, which is Java's Date.toString.
const completedLayout = "Mon Jan 02 15:04:05 MST 2006"
