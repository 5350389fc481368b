package wal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// store is a process that keeps a list of records: its state is the list.
type store struct {
	t    *testing.T
	log  *Log
	done chan error

	mu      sync.Mutex
	records []string
	next    uint64
	pending map[uint64]string
	last    uint64
	failed  int
	cond    *sync.Cond
}

func open(t *testing.T, o Options) (*store, error) {
	s := &store{t: t, done: make(chan error, 1), pending: map[uint64]string{}}
	s.cond = sync.NewCond(&s.mu)
	if o.Durability == "" {
		o.Durability = Sync
	}
	o.Logf = t.Logf
	var err error
	s.log, err = Open(o, func(r []byte) error {
		if strings.HasPrefix(string(r), "reset") {
			s.records = nil
		} else {
			s.records = append(s.records, string(r))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	go func() { s.done <- s.log.Run(Events{s.written, s.fail, s.snapshot}) }()
	return s, nil
}

func must(t *testing.T, o Options) *store {
	t.Helper()
	s, err := open(t, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *store) written(id uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.last < id {
		s.last++
		if r, ok := s.pending[s.last]; ok {
			s.records = append(s.records, r)
		}
	}
	s.cond.Broadcast()
}

func (s *store) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log.Discard()
	s.last, s.failed = s.next, s.failed+1
	s.cond.Broadcast()
}

// snapshot replaces the list by itself, after a record that empties it: loading it over the log
// would show doubles.
func (s *store) snapshot() func(func([]byte) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := slices.Clone(s.records)
	return func(yield func([]byte) bool) {
		if !yield([]byte("reset")) {
			return
		}
		for _, r := range list {
			if !yield([]byte(r)) {
				return
			}
		}
	}
}

func (s *store) add(r string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next++
	s.pending[s.next] = r
	s.log.Submit(s.next, []byte(r))
}

// wait waits until all that was added is written or failed.
func (s *store) wait() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.last < s.next {
		s.cond.Wait()
	}
	return slices.Clone(s.records)
}

func (s *store) close() {
	s.t.Helper()
	s.log.Close()
	if err := <-s.done; err != nil {
		s.t.Error(err)
	}
}

// TestKeeps: what was written is there after a restart, through snapshots, whatever the durability.
func TestKeeps(t *testing.T) {
	for _, d := range Durabilities {
		o := Options{Dir: filepath.Join(t.TempDir(), "data"), Cluster: 7, Durability: Durability(d), Compact: 20_000}
		var want []string
		for life := range 4 {
			s := must(t, o)
			if got := s.wait(); !slices.Equal(got, want) {
				t.Fatalf("%s: start %d found %d records, want %d", d, life, len(got), len(want))
			}
			for i := range 1500 {
				r := fmt.Sprintf("record %d of life %d %s", i, life, strings.Repeat("x", i%50))
				want = append(want, r)
				s.add(r)
				if i%100 == 0 {
					s.wait()
				}
			}
			s.wait()
			s.close()
		}
		logs, snaps, err := list(o.Dir)
		if err != nil || len(snaps) != 1 || len(logs) > 2 || logs[0] < 2 {
			t.Errorf("%s: segments %v and snapshots %v are left, %v", d, logs, snaps, err)
		}
	}
}

// TestTornTail: wherever a crash cuts the last segment, or whatever it leaves there, all whole
// records before it are read, and writing goes on.
func TestTornTail(t *testing.T) {
	dir := t.TempDir()
	o := Options{Dir: dir, Cluster: 7}
	s := must(t, o)
	var want []string
	var ends []int64
	for i := range 8 {
		r := fmt.Sprint("record ", i, strings.Repeat("y", i*3))
		s.add(r)
		s.wait()
		want, ends = append(want, r), append(ends, s.log.size)
	}
	s.close()
	name := filepath.Join(dir, logName(1))
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for cut := range whole {
		for _, junk := range []string{"", "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", "\xff\xff\xff\xff12345678"} {
			if err := os.WriteFile(name, append(slices.Clone(whole[:cut]), junk...), 0o600); err != nil {
				t.Fatal(err)
			}
			if junk != "" && cut < len(magic)+8 {
				continue
			}
			s := must(t, o)
			n := 0
			for n < len(ends) && ends[n] <= int64(cut) {
				n++
			}
			if got := s.wait(); !slices.Equal(got, want[:n]) {
				t.Fatalf("cut at %d: read %d records, want %d", cut, len(got), n)
			}
			s.add("more")
			s.wait()
			s.close()
			s = must(t, o)
			if got := s.wait(); !slices.Equal(got, append(slices.Clone(want[:n]), "more")) {
				t.Fatalf("cut at %d: then read %q", cut, got)
			}
			s.close()
		}
	}
}

// TestDamageIsAnError: a bit that is wrong before the end of what was written is not passed over in
// silence.
func TestDamageIsAnError(t *testing.T) {
	dir := t.TempDir()
	o := Options{Dir: dir, Cluster: 7, Compact: 500}
	s := must(t, o)
	for i := range 100 {
		s.add(fmt.Sprint("record ", i))
		s.wait()
	}
	s.close()
	_, snaps, err := list(dir)
	if err != nil || len(snaps) != 1 {
		t.Fatal(snaps, err)
	}
	name := filepath.Join(dir, snapName(snaps[0]))
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []int{0, 7, 10, 20, 30, len(b) / 2, len(b) - 1} {
		bad := slices.Clone(b)
		bad[at] ^= 4
		if err := os.WriteFile(name, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if s, err := open(t, o); err == nil {
			t.Errorf("a wrong bit at byte %d of a snapshot was not noticed", at)
			s.close()
		} else if at == 0 {
			t.Log(err)
		}
	}
}

// TestRefuses: a directory of another cluster, another version, another program, or in use.
func TestRefuses(t *testing.T) {
	dir := t.TempDir()
	s := must(t, Options{Dir: dir, Cluster: 7})
	if _, err := open(t, Options{Dir: dir, Cluster: 7}); err == nil || !strings.Contains(err.Error(), "another process uses it") {
		t.Errorf("in use: %v", err)
	}
	s.add("x")
	s.wait()
	s.close()
	if _, err := open(t, Options{Dir: dir, Cluster: 8}); err == nil || !strings.Contains(err.Error(), "another cluster") {
		t.Errorf("of another cluster: %v", err)
	}
	name := filepath.Join(dir, logName(1))
	for content, want := range map[string]string{"RKGOSSP\x02" + "12345678": "version 2", "something else entirely": "no log"} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := open(t, Options{Dir: dir, Cluster: 7}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", content, err)
		}
	}
}

// TestDiskFull: a write for which there is no room fails clearly and leaves nothing behind, and
// writing goes on when there is.
func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	s := must(t, Options{Dir: dir, Cluster: 7})
	s.add("before")
	s.wait()
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	limit := old
	limit.Cur = uint64(s.log.size) + 100 // EFBIG in place of ENOSPC: the same way through the code
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	s.add(strings.Repeat("z", 5000))
	s.wait()
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	s.add("after")
	if got := s.wait(); !slices.Equal(got, []string{"before", "after"}) || s.failed != 1 {
		t.Errorf("%q, failed %d times", got, s.failed)
	}
	s.close()
	if s = must(t, Options{Dir: dir, Cluster: 7}); !slices.Equal(s.wait(), []string{"before", "after"}) {
		t.Errorf("after a restart %q", s.wait())
	}
	s.close()
}

// FuzzFrames: whatever bytes follow the header, what is read before the first damage is what was
// written there.
func FuzzFrames(f *testing.F) {
	f.Add(appendFrame(appendFrame(nil, []byte("one")), []byte("two")))
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 0})
	f.Add([]byte{255, 255, 255, 3, 0, 0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		var again []byte
		right, err := frames(strings.NewReader(string(b)), func(r []byte) error {
			again = appendFrame(again, r)
			return nil
		})
		if err != nil && !errors.Is(err, errDamaged) || right != int64(len(again)) || string(again) != string(b[:right]) {
			t.Errorf("%d bytes right of %d, %v", right, len(b), err)
		}
		if err == nil && right != int64(len(b)) {
			t.Errorf("%d bytes of %d passed over in silence", len(b)-int(right), len(b))
		}
	})
}
