package capture

import (
	"fmt"
	"strings"

	"github.com/reckon-bench/reckon/reckon/history"
)

// caption returns the event in words for someone who reads packets, "" where it means nothing to
// them.
func caption(e history.Event) string {
	switch e.Kind {
	case history.Phase:
		return "phase " + e.Subject
	case history.Struck:
		return fmt.Sprintf("injected %s: %s", e.Subject, e.Detail)
	case history.Healed, history.Missed:
		return strings.TrimSuffix(fmt.Sprintf("%s %s: %s", e.Kind, e.Subject, e.Detail), ": ")
	case history.Held:
		return fmt.Sprintf("%s is %s", e.Subject, e.Detail)
	case history.Released:
		return fmt.Sprintf("%s is no longer held %s", e.Subject, e.Detail)
	case history.Degraded:
		return "overlay applied: " + strings.ReplaceAll(e.Detail, "\n", "; ")
	case history.Restored:
		return "overlay removed: " + strings.ReplaceAll(e.Detail, "\n", "; ")
	case history.Up:
		return e.Subject + " answers"
	case history.Down:
		return e.Subject + " does not answer"
	case history.Ended:
		return e.Subject + " ended by itself: " + e.Detail
	case history.Leads:
		if e.Subject == "" {
			return "no node leads"
		}
		return fmt.Sprintf("%s leads term %d", e.Subject, e.Term())
	case history.Interrupted:
		return "interrupted: " + e.Detail
	}
	return ""
}
