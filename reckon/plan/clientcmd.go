package plan

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/reckon-bench/reckon/reckon/flags"
)

// placeholder matches what is filled into --client-cmd.
var placeholder = regexp.MustCompile(`\{[a-z]+\}`)

// validClientCmd refuses unknown placeholders.
func validClientCmd(cmd string) error {
	for _, p := range placeholder.FindAllString(cmd, -1) {
		if p != "{targets}" && p != "{id}" {
			return fmt.Errorf("--client-cmd: unknown placeholder %s%s; known: {targets}, {id}", p, flags.DidYouMean(p, []string{"{targets}", "{id}"}))
		}
	}
	return nil
}

// FillClientCmd returns the command line of one client: {targets} are the members' URLs, separated
// by commas, and {id} is the client's number from 0.
func FillClientCmd(cmd string, targets []string, id int) string {
	return strings.NewReplacer("{targets}", strings.Join(targets, ","), "{id}", fmt.Sprint(id)).Replace(cmd)
}
