package preview

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/reckon-bench/reckon/reckon/link"
)

// Reachability is which hosts reach each other while faults are in effect.
type Reachability struct {
	Nodes   []string // members, in order
	Clients []string
	Leader  string // "" is nobody
	Dead    []string
	Paused  []string
	Overlay link.Matrix // the overlays of all faults, composed
}

// singleHosts is how many hosts are shown one by one. Among more, those that are alike share a row.
const singleHosts = 9

// String draws a row for each host that packets come from and a column for each that they go to.
// Clients on whose paths there is no overlay are left out.
func (r Reachability) String() string {
	groups := r.groups()
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	fmt.Fprint(w, "from\\to")
	for _, to := range groups {
		fmt.Fprint(w, "\t", groupName(to))
	}
	fmt.Fprintln(w)
	for _, from := range groups {
		fmt.Fprint(w, groupName(from))
		for _, to := range groups {
			fmt.Fprint(w, "\t", r.cell(from, to))
		}
		fmt.Fprint(w, "\t", r.state(from[0]))
		fmt.Fprintln(w)
	}
	w.Flush() // to a strings.Builder
	lines := strings.Split(strings.TrimRight(b.String(), "\n"), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n") + "\n"
}

// cell returns the sign for packets between two groups: from the first host of one to the last of
// the other.
func (r Reachability) cell(from, to []string) string {
	a, b := from[0], to[len(to)-1]
	switch {
	case a == b:
		return "·"
	case slices.Contains(r.Dead, a) || slices.Contains(r.Dead, b):
		return "†"
	}
	switch shape := r.Overlay[link.Path{From: a, To: b}]; {
	case shape.Cut:
		return "✗"
	case shape == link.Shape{}:
		return "✓"
	default:
		return "+ " + shape.String()
	}
}

// state returns the host's own state, "" where there is nothing to report.
func (r Reachability) state(host string) string {
	var is []string
	if host == r.Leader {
		is = append(is, "leads")
	}
	if slices.Contains(r.Dead, host) {
		is = append(is, "dead")
	}
	if slices.Contains(r.Paused, host) {
		is = append(is, "paused")
	}
	return strings.Join(is, ", ")
}

// groups returns the hosts that are shown, grouped by row.
func (r Reachability) groups() (groups [][]string) {
	for _, n := range r.Nodes {
		groups = r.join(groups, n, len(r.Nodes) > singleHosts)
	}
	nodes := len(groups)
	for _, c := range r.Clients {
		touched := slices.ContainsFunc(r.Overlay.Paths(), func(p link.Path) bool { return p.From == c || p.To == c })
		if touched {
			groups = append(groups[:nodes:nodes], r.join(groups[nodes:], c, true)...)
		}
	}
	return groups
}

// join adds the host to the first group whose hosts are like it, or to a new one.
func (r Reachability) join(groups [][]string, host string, may bool) [][]string {
	i := slices.IndexFunc(groups, func(g []string) bool { return may && r.alike(g[0], host) })
	if i < 0 {
		return append(groups, []string{host})
	}
	groups[i] = append(groups[i], host)
	return groups
}

// alike reports whether nothing would change if the two hosts swapped places.
func (r Reachability) alike(a, b string) bool {
	if r.state(a) != r.state(b) {
		return false
	}
	for _, x := range slices.Concat(r.Nodes, r.Clients) {
		if x != a && x != b && (r.Overlay[link.Path{From: a, To: x}] != r.Overlay[link.Path{From: b, To: x}] || r.Overlay[link.Path{From: x, To: a}] != r.Overlay[link.Path{From: x, To: b}]) {
			return false
		}
	}
	return r.Overlay[link.Path{From: a, To: b}] == r.Overlay[link.Path{From: b, To: a}]
}

// groupName returns the first and last host of a group.
func groupName(g []string) string {
	switch len(g) {
	case 1:
		return g[0]
	case 2:
		return g[0] + "," + g[1]
	}
	return fmt.Sprintf("%s..%s (%d)", g[0], g[len(g)-1], len(g))
}
