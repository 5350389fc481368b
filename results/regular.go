package results

import (
	"fmt"
	"io"
	"os"
)

// OpenRegular opens a file of a record for reading. It refuses anything but a regular file, or a
// link to one: opening a FIFO would wait for a writer, and a device such as /dev/zero has no end.
func OpenRegular(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("open %s: not a regular file (%v)", path, info.Mode().Type())
	}
	return os.Open(path)
}

// ReadRegular reads a whole file that OpenRegular opens.
func ReadRegular(path string) ([]byte, error) {
	f, err := OpenRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}
