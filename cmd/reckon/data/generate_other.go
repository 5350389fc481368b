//go:build !linux

package data

import (
	"errors"

	"github.com/spf13/cobra"
)

// notHere is what commands say that write and verify real file systems.
var notHere = errors.New("needs Linux; stat and identify work anywhere")

func elsewhere(use string) *cobra.Command {
	return &cobra.Command{Use: use, Short: "Needs Linux", RunE: func(*cobra.Command, []string) error { return notHere }}
}

func newGenerate() *cobra.Command { return elsewhere("generate DIR") }
func newAdvance() *cobra.Command  { return elsewhere("advance DIR") }
func newVerify() *cobra.Command   { return elsewhere("verify DIR") }
func newMount() *cobra.Command    { return elsewhere("mount DIR") }
func newExpect() *cobra.Command   { return elsewhere("expect") }
