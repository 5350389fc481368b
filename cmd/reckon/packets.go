package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/reckon-bench/reckon/reckon/capture"
	"github.com/reckon-bench/reckon/results"
)

// packetsDir is where a run's directory has the packets, one file for each host.
const packetsDir = "pcap"

// packetDir is a run's directory, with a place for packets.
type packetDir struct{ *results.Dir }

// Packets makes the file for the host's packets.
func (r packetDir) Packets(host string) (*os.File, error) {
	if err := os.MkdirAll(r.Path(packetsDir), 0o777); err != nil {
		return nil, err
	}
	return os.Create(r.Path(packetsDir, host+".pcapng"))
}

// printPackets says where the run's packets are, if it recorded any.
func printPackets(out io.Writer, dir *results.Dir) {
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
