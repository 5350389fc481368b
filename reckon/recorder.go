package reckon

import (
	"io"
	"os"

	"github.com/reckon-bench/reckon/reckon/history"
)

// A Recorder keeps what happens in a run, as it happens. It is safe for concurrent use. What has
// been given to it is kept, however the run ends.
type Recorder interface {
	Op(op Op) error
	// Ops appends whole lines of operations that are encoded already (history.Op.AppendJSON): load
	// drivers encode, so that the runner need not decode a million of them.
	Ops(lines []byte) error
	Event(e history.Event) error
	Change(c history.Change) error
	Pass(p history.Pass) error
	// Log opens the log of a process for appending: a restart must not truncate it.
	Log(name string) (io.WriteCloser, error)
	// Scratch makes a directory for a process's data, on the disk that holds the run.
	Scratch(name string) (dir string, err error)
}

// A PacketRecorder is a Recorder with a place for packets. --pcap needs one.
type PacketRecorder interface {
	// Packets makes the file for the packets of a host.
	Packets(host string) (*os.File, error)
}

// LeastPcapLimit is the smallest limit of a packet file's size that leaves room for packets, in
// bytes.
const LeastPcapLimit = 64 << 10
