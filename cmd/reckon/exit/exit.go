// Package exit holds the exit statuses of the command line, and the errors that choose them.
package exit

import (
	"errors"
	"fmt"
)

// The exit statuses that do not come from a verdict (results.Status has those).
const (
	UsageStatus   = 2  // wrong usage, or a machine that cannot run it: nothing was started
	HarnessStatus = 3  // the harness itself failed
	EXUsage       = 64 // EX_USAGE of sysexits.h, for commands in which 2 means something else
)

// Status is an error that ends the command with this exit status, after everything has been said.
type Status int

func (s Status) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

// coded is an error with an exit status of its own.
type coded struct {
	error
	status int
}

func (e coded) Unwrap() error { return e.error }

// Harness marks the error as one of the harness, not of the user: exit status 3. Nil stays nil.
func Harness(err error) error { return with(HarnessStatus, err) }

// Usage marks the error as wrong usage of a command whose exit status 2 means something else: 64.
// Nil stays nil.
func Usage(err error) error { return with(EXUsage, err) }

func with(status int, err error) error {
	if err == nil {
		return nil
	}
	return coded{err, status}
}

// Code returns the exit status for the error that a command returned, and whether the error still
// has to be printed. An error without a status of its own is wrong usage.
func Code(err error) (status int, unsaid bool) {
	var said Status
	var own coded
	switch {
	case err == nil:
		return 0, false
	case errors.As(err, &said):
		return int(said), false
	case errors.As(err, &own):
		return own.status, true
	}
	return UsageStatus, true
}
