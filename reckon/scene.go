package reckon

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/reckon-bench/reckon/reckon/link"
)

// A Reachability is who still hears whom while faults are in effect.
type Reachability struct {
	Nodes   []string // members, in order
	Clients []string
	Leader  string // "" is nobody
	Dead    []string
	Paused  []string
	Overlay link.Matrix // what faults lay over the links
}

// sceneHosts is how many hosts are shown one by one. In a larger scene those that are alike share a row.
const sceneHosts = 9

// String draws the scene: a row for each host that packets come from and a column for each that they go to.
// Clients that nothing happens to are left out.
func (s Reachability) String() string {
	groups := s.groups()
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
			fmt.Fprint(w, "\t", s.cell(from, to))
		}
		fmt.Fprint(w, "\t", s.state(from[0]))
		fmt.Fprintln(w)
	}
	w.Flush() // to a strings.Builder
	lines := strings.Split(strings.TrimRight(b.String(), "\n"), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n") + "\n"
}

// cell says what becomes of packets between two groups: from the first host of one to the last of the other.
func (s Reachability) cell(from, to []string) string {
	a, b := from[0], to[len(to)-1]
	switch {
	case a == b:
		return "·"
	case slices.Contains(s.Dead, a) || slices.Contains(s.Dead, b):
		return "†"
	}
	switch shape := s.Overlay[link.Path{From: a, To: b}]; {
	case shape.Cut:
		return "✗"
	case shape == link.Shape{}:
		return "✓"
	default:
		return "+ " + shape.String()
	}
}

// state is what there is to say of a host itself.
func (s Reachability) state(host string) string {
	var is []string
	if host == s.Leader {
		is = append(is, "leads")
	}
	if slices.Contains(s.Dead, host) {
		is = append(is, "dead")
	}
	if slices.Contains(s.Paused, host) {
		is = append(is, "paused")
	}
	return strings.Join(is, ", ")
}

// groups are the hosts that are shown, those together that share a row.
func (s Reachability) groups() (groups [][]string) {
	for _, n := range s.Nodes {
		groups = s.join(groups, n, len(s.Nodes) > sceneHosts)
	}
	nodes := len(groups)
	for _, c := range s.Clients {
		touched := slices.ContainsFunc(s.Overlay.Paths(), func(p link.Path) bool { return p.From == c || p.To == c })
		if touched {
			groups = append(groups[:nodes:nodes], s.join(groups[nodes:], c, true)...)
		}
	}
	return groups
}

// join puts the host into the first group that it is like, or makes one for it.
func (s Reachability) join(groups [][]string, host string, may bool) [][]string {
	i := slices.IndexFunc(groups, func(g []string) bool { return may && s.alike(g[0], host) })
	if i < 0 {
		return append(groups, []string{host})
	}
	groups[i] = append(groups[i], host)
	return groups
}

// alike says whether the scene would be the same if the two hosts swapped places.
func (s Reachability) alike(a, b string) bool {
	if s.state(a) != s.state(b) {
		return false
	}
	for _, x := range slices.Concat(s.Nodes, s.Clients) {
		if x != a && x != b && (s.Overlay[link.Path{From: a, To: x}] != s.Overlay[link.Path{From: b, To: x}] || s.Overlay[link.Path{From: x, To: a}] != s.Overlay[link.Path{From: x, To: b}]) {
			return false
		}
	}
	return s.Overlay[link.Path{From: a, To: b}] == s.Overlay[link.Path{From: b, To: a}]
}

// groupName names a group by its first and last host.
func groupName(g []string) string {
	switch len(g) {
	case 1:
		return g[0]
	case 2:
		return g[0] + "," + g[1]
	}
	return fmt.Sprintf("%s..%s (%d)", g[0], g[len(g)-1], len(g))
}
