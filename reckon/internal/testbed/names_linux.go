package testbed

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// NameHosts makes the names of the hosts resolve, and no others, by mounting files in dir over two
// of the machine's. Nobody outside the run's mount namespace sees it. Where the machine has no such
// file there is nothing to mount over; notes tell that, a line each.
func (t *Testbed) NameHosts(dir string) (notes []string, err error) {
	var hosts strings.Builder
	hosts.WriteString("127.0.0.1 localhost")
	if name, err := os.Hostname(); err == nil {
		hosts.WriteString(" " + name)
	}
	hosts.WriteByte('\n')
	for _, h := range t.Plan.Hosts {
		fmt.Fprintf(&hosts, "%s %s\n", h.Addr, h.Name)
	}
	for _, f := range []struct{ path, content string }{
		{"/etc/hosts", hosts.String()},
		// The machine's name servers cannot be reached from here. This one refuses at once, instead
		// of never answering.
		{"/etc/resolv.conf", "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n"},
	} {
		own := filepath.Join(dir, filepath.Base(f.path))
		if err := os.WriteFile(own, []byte(f.content), 0o644); err != nil {
			return nil, fmt.Errorf("name the hosts: %w", err)
		}
		err := unix.Mount(own, f.path, "", unix.MS_BIND, "")
		switch {
		case errors.Is(err, fs.ErrNotExist):
			notes = append(notes, fmt.Sprintf("this machine has no %s, so names do not resolve as they should; addresses work", f.path))
		case err != nil:
			return nil, fmt.Errorf("name the hosts: mount over %s: %w", f.path, err)
		}
	}
	return notes, nil
}
