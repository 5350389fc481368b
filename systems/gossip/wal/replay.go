package wal

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
)

// magic begins every file, with the format's version as its last byte.
const magic = "RKGOSSP\x01"

// frameHead is a frame's length and checksum.
const frameHead = 8

// frameMost is the longest record. A length beyond it is damage.
const frameMost = 64 << 20

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func header(cluster uint64) []byte { return binary.LittleEndian.AppendUint64([]byte(magic), cluster) }

func appendFrame(b, record []byte) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(len(record)))
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(record, castagnoli))
	return append(b, record...)
}

// errDamaged means that a frame is not what was written.
var errDamaged = errors.New("damaged frame")

// frames reads frames until the end, or the first that is damaged, and returns how many bytes were
// right. The record is valid during the call only.
func frames(r io.Reader, do func(record []byte) error) (right int64, err error) {
	var head [frameHead]byte
	var buffer []byte
	for {
		if _, err := io.ReadFull(r, head[:]); err == io.EOF {
			return right, nil
		} else if err != nil {
			return right, errDamaged
		}
		n := binary.LittleEndian.Uint32(head[:])
		if n == 0 || n > frameMost {
			return right, errDamaged
		}
		if uint32(cap(buffer)) < n {
			// It grows as bytes come, so that a damaged length costs no memory that the file does
			// not have.
			buffer = make([]byte, 0, min(n, 1<<20))
		}
		buffer = buffer[:0]
		for uint32(len(buffer)) < n {
			step := min(n-uint32(len(buffer)), 1<<20)
			at := len(buffer)
			buffer = append(buffer, make([]byte, step)...)
			if _, err := io.ReadFull(r, buffer[at:]); err != nil {
				return right, errDamaged
			}
		}
		if crc32.Checksum(buffer, castagnoli) != binary.LittleEndian.Uint32(head[4:]) {
			return right, errDamaged
		}
		if err := do(buffer); err != nil {
			return right, err
		}
		right += frameHead + int64(n)
	}
}

// replay loads the newest snapshot and all segments since, and opens the last.
func (l *Log) replay(load func([]byte) error) error {
	logs, snaps, err := list(l.o.Dir)
	if err != nil {
		return fmt.Errorf("open log: %w", err)
	}
	var from uint64
	if len(snaps) > 0 {
		from = snaps[len(snaps)-1]
		if err := l.loadSnapshot(from, load); err != nil {
			return fmt.Errorf("open log: %w", err)
		}
	}
	for len(logs) > 0 && logs[0] < from {
		logs = logs[1:]
	}
	for i, n := range logs {
		if i > 0 && n != logs[i-1]+1 {
			return fmt.Errorf("open log: %s is missing from %s", logName(logs[i-1]+1), l.o.Dir)
		}
		if err := l.loadSegment(n, i == len(logs)-1, load); err != nil {
			return fmt.Errorf("open log: %w", err)
		}
	}
	if err := sweep(l.o.Dir, from); err != nil {
		l.o.Logf("remove old segments: %v", err)
	}
	if len(logs) == 0 {
		if err := l.begin(max(from, 1)); err != nil {
			return fmt.Errorf("begin log: %w", err)
		}
		return nil
	}
	l.since = l.size
	return nil
}

// owned reads a file's header.
func (l *Log) owned(f *os.File, r io.Reader) error {
	head := make([]byte, len(magic)+8)
	if _, err := io.ReadFull(r, head); err != nil {
		return io.ErrUnexpectedEOF
	}
	switch {
	case string(head[:len(magic)-1]) != magic[:len(magic)-1]:
		return fmt.Errorf("%s is no log of a gossip store", f.Name())
	case head[len(magic)-1] != magic[len(magic)-1]:
		return fmt.Errorf("%s has version %d of the format: this program knows version %d", f.Name(), head[len(magic)-1], magic[len(magic)-1])
	case binary.LittleEndian.Uint64(head[len(magic):]) != l.o.Cluster:
		return fmt.Errorf("%s belongs to another cluster", f.Name())
	}
	return nil
}

// loadSegment loads a segment, and opens it where it is the last.
func (l *Log) loadSegment(number uint64, last bool, load func([]byte) error) error {
	f, err := os.OpenFile(filepath.Join(l.o.Dir, logName(number)), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	keep := false
	defer func() {
		if !keep {
			f.Close()
		}
	}()
	r := bufio.NewReaderSize(f, 1<<20)
	headSize := int64(len(magic) + 8)
	err = l.owned(f, r)
	if last && errors.Is(err, io.ErrUnexpectedEOF) { // the crash came as it was begun
		return l.begin(number)
	}
	if err != nil {
		return err
	}
	right, err := frames(r, load)
	switch {
	case errors.Is(err, errDamaged) && last:
		if err := l.cutTail(f, headSize+right); err != nil {
			return err
		}
	case errors.Is(err, errDamaged):
		return fmt.Errorf("%s is damaged at byte %d", f.Name(), headSize+right)
	case err != nil:
		return fmt.Errorf("%s at byte %d: %w", f.Name(), headSize+right, err)
	}
	if last {
		keep = true
		l.file, l.number, l.size = f, number, headSize+right
	}
	return nil
}

// cutTail cuts what a crash tore off the end of the segment, and keeps it for whoever wants to
// look.
func (l *Log) cutTail(f *os.File, at int64) error {
	if _, err := f.Seek(at, io.SeekStart); err != nil {
		return err
	}
	tail, err := os.OpenFile(f.Name()+".torn", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer tail.Close()
	n, err := io.Copy(tail, f)
	if err != nil {
		return err
	}
	l.o.Logf("cut %d bytes off the end of %s, which a crash had torn; they are in %s", n, f.Name(), tail.Name())
	if err := f.Truncate(at); err != nil {
		return err
	}
	return syncData(f)
}

// writeSnapshot writes a state aside and moves it in place when it is whole: its last record is
// empty but for one byte.
func writeSnapshot(o Options, number uint64, state func(yield func([]byte) bool)) error {
	name := filepath.Join(o.Dir, snapName(number))
	f, err := os.OpenFile(name+".tmp", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	_, err = w.Write(header(o.Cluster))
	var frame []byte
	state(func(record []byte) bool {
		frame = appendFrame(frame[:0], record)
		_, werr := w.Write(frame)
		err = errors.Join(err, werr)
		return err == nil
	})
	if err == nil {
		_, err = w.Write(appendFrame(nil, []byte{end}))
	}
	if err = errors.Join(err, w.Flush()); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	if err := os.Rename(f.Name(), name); err != nil {
		return err
	}
	return syncDir(o.Dir)
}

// end is the last record of a snapshot: one byte that begins no other.
const end = 0

func (l *Log) loadSnapshot(number uint64, load func([]byte) error) error {
	f, err := os.Open(filepath.Join(l.o.Dir, snapName(number)))
	if err != nil {
		return err
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 1<<20)
	if err := l.owned(f, r); err != nil {
		return err
	}
	whole := false
	right, err := frames(r, func(record []byte) error {
		if len(record) == 1 && record[0] == end {
			whole = true
			return nil
		}
		return load(record)
	})
	if errors.Is(err, errDamaged) || err == nil && !whole {
		return fmt.Errorf("%s is damaged at byte %d", f.Name(), int64(len(magic)+8)+right)
	}
	return err
}
