package raftkv

import (
	"encoding/binary"
	"errors"

	"github.com/cespare/xxhash/v2"

	"github.com/reckon-bench/reckon/reckon/history"
)

// A store is the replicated state: a map with revisions, as etcd counts them, and its own account of its past. The first write
// is revision 2.
type store struct {
	revision int64
	keys     map[string]value
	past     []change
	hash     uint64 // of the past, and so of all of the state
	bytes    int
}

type value struct {
	data     string
	version  int64
	modified int64
}

type change struct {
	key, data string
	version   int64
}

const firstRevision = 1

func newStore() *store { return &store{revision: firstRevision, keys: map[string]value{}} }

// put writes the key and returns the revision.
func (s *store) put(key, data string) int64 {
	s.revision++
	v := value{data, s.keys[key].version + 1, s.revision}
	s.keys[key] = v
	s.past = append(s.past, change{key, data, v.version})
	s.bytes += len(key) + len(data)
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:], s.hash)
	binary.LittleEndian.PutUint64(b[8:], xxhash.Sum64String(data)^xxhash.Sum64String(key)<<1)
	s.hash = xxhash.Sum64(b[:])
	return s.revision
}

// encode is the state as a snapshot holds it: its past, from which all else follows.
func (s *store) encode() []byte {
	b := make([]byte, 0, s.bytes+8*len(s.past))
	for _, c := range s.past {
		b = binary.AppendUvarint(b, uint64(len(c.key)))
		b = append(b, c.key...)
		b = binary.AppendUvarint(b, uint64(len(c.data)))
		b = append(b, c.data...)
	}
	return b
}

var errSnapshot = errors.New("snapshot: not what a store wrote")

func decodeStore(b []byte) (*store, error) {
	s := newStore()
	text := func() (string, bool) {
		n, size := binary.Uvarint(b)
		if size <= 0 || uint64(len(b)-size) < n {
			return "", false
		}
		t := string(b[size : size+int(n)])
		b = b[size+int(n):]
		return t, true
	}
	for len(b) > 0 {
		key, ok := text()
		data, ok2 := text()
		if !ok || !ok2 {
			return nil, errSnapshot
		}
		s.put(key, data)
	}
	return s, nil
}

// changes is the state's past for the record.
func (s *store) changes(member string) []history.Change {
	all := make([]history.Change, len(s.past))
	for i, c := range s.past {
		all[i] = history.Change{Revision: int64(i) + firstRevision + 1, Version: c.version, Key: c.key, Value: c.data, Member: member}
	}
	return all
}

// A command is what a log entry of a put holds: the number of the request, key and value.
func encodePut(id uint64, key, data string) []byte {
	b := make([]byte, 0, 8+2+len(key)+len(data))
	b = binary.LittleEndian.AppendUint64(b, id)
	b = binary.AppendUvarint(b, uint64(len(key)))
	b = append(b, key...)
	return append(b, data...)
}

func decodePut(b []byte) (id uint64, key, data string, ok bool) {
	if len(b) < 9 {
		return 0, "", "", false
	}
	id = binary.LittleEndian.Uint64(b)
	n, size := binary.Uvarint(b[8:])
	rest := b[8+max(size, 0):]
	if size <= 0 || uint64(len(rest)) < n {
		return 0, "", "", false
	}
	return id, string(rest[:n]), string(rest[n:]), true
}
