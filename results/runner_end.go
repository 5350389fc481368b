package results

import (
	"encoding/json"
	"os"
)

// endFile says how a runner ended that could not record it itself.
const endFile = "runner.json"

type runnerEnd struct {
	Error string `json:"error"`
}

// NoteRunnerEnd records, outside the record proper, how the runner ended that could not say so.
func (d *Dir) NoteRunnerEnd(why error) error {
	b, err := json.Marshal(runnerEnd{why.Error()})
	if err != nil {
		return err
	}
	return os.WriteFile(d.Path(endFile), append(b, '\n'), 0o666)
}

// RunnerEnd returns how the runner ended, "" where it ended in order or said why in the record.
func (d *Dir) RunnerEnd() string {
	b, err := os.ReadFile(d.Path(endFile))
	if err != nil {
		return ""
	}
	var end runnerEnd
	if err := json.Unmarshal(b, &end); err != nil {
		return "the runner ended, and " + endFile + " cannot be read: " + err.Error()
	}
	return end.Error
}
