package world

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/reckon-bench/reckon/reckon/link"
)

// Describe prints the state of every node, disk, path and client.
func (w *World) Describe(out io.Writer) {
	t := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "node\tstate\tstarts\tevents\tserves\tleads\tterm\trevision\tlog in memory\trequests\tclock off by")
	for _, n := range w.Nodes {
		state := n.State().String()
		if n.Frozen() {
			state += ", frozen"
		}
		fmt.Fprintf(t, "%s\t%s\t%d\t%d", n.Name, state, n.Starts(), n.Handled())
		if m := Member(n); m != nil {
			st := m.Status()
			mem, _ := n.Memory()
			fmt.Fprintf(t, "\t%v\t%v\t%d\t%d\t%d entries\t%d", st.Serves, st.Leads, st.Term, st.Revision, mem.Entries, mem.InFlight)
		} else {
			fmt.Fprint(t, "\t-\t-\t-\t-\t-\t-")
		}
		fmt.Fprintf(t, "\t%v\n", n.Clock.Now()-w.Loop.Now())
	}
	fmt.Fprintln(t, "\ndisk\tbytes\tunsynced\tnames unsynced\treads\twrites\tsyncs\tpower cuts\tfailures")
	for _, n := range w.Nodes {
		bytes, names := n.Disk.Unsynced()
		c := n.Disk.Counts()
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\n", n.Name, n.Disk.Used(), bytes, names, c.Reads, c.Writes, c.Syncs, c.Cuts, c.Failures)
	}
	fmt.Fprintln(t, "\npath\tdoes\tin flight\tkept")
	for i := range w.Network.Hosts() {
		for j := range w.Network.Hosts() {
			p := link.Path{From: w.Network.Host(i), To: w.Network.Host(j)}
			flying, kept := w.Network.InFlight(p), len(w.Network.Kept(p))
			if shape := w.Network.Shape(p); i != j && (flying+kept > 0 || shape.Cut) {
				fmt.Fprintf(t, "%s\t%v\t%d\t%d\n", p, shape, flying, kept)
			}
		}
	}
	fmt.Fprintln(t, "\nclient\toperations under way")
	for i, c := range w.Clients {
		name := ReaderHost
		if i < len(w.Config.Clients) {
			name = w.Config.Clients[i]
		}
		fmt.Fprintf(t, "%s\t%d\n", name, c.InFlight())
	}
	t.Flush() // to whoever reads it
	fmt.Fprintf(out, "\n%d events are queued; %d operations and %d events of the run are recorded\n", w.Loop.Pending(), len(w.History.Ops), len(w.History.Events))
}
