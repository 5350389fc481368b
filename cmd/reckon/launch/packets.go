package launch

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/reckon-bench/reckon/reckon/capture"
	"github.com/reckon-bench/reckon/results"
)

// packetsDir is the directory, within a run's, of the captured packets: one file per host.
const packetsDir = "pcap"

// Packets is a run's directory with a place for captured packets.
type Packets struct{ *results.Dir }

// Packets creates the file for the host's packets.
func (p Packets) Packets(host string) (*os.File, error) {
	if err := os.MkdirAll(p.Path(packetsDir), 0o777); err != nil {
		return nil, err
	}
	return os.Create(p.Path(packetsDir, host+".pcapng"))
}

// PrintPackets prints where the run's captured packets are, if there are any.
func PrintPackets(out io.Writer, dir *results.Dir) {
	files, _ := filepath.Glob(dir.Path(packetsDir, "*.pcapng")) // the pattern is well formed
	if len(files) == 0 {
		return
	}
	var size int64
	for _, f := range files {
		if info, err := os.Stat(f); err == nil {
			size += info.Size()
		}
	}
	fmt.Fprintf(out, "packets: %s (%d files, %s)\n", dir.Path(packetsDir), len(files), capture.Size(size))
}
