package peer

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"testing"
	"time"
)

// inbox is a transport that keeps what it receives.
func inbox(t *testing.T, listen string) (*Transport, chan string) {
	t.Helper()
	got := make(chan string, 10_000)
	tr, err := Listen(Options{Listen: listen, Logf: t.Logf, Receive: func(b []byte) error {
		if string(b) == "poison" {
			return errors.New("garbage")
		}
		got <- string(b)
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tr.Close)
	return tr, got
}

// reaches sends until something arrives: a message may be lost.
func reaches(t *testing.T, from *Transport, to string, got chan string, m string) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		from.Send(to, []byte(m))
		select {
		case s := <-got:
			if s == m {
				return
			}
		case <-time.After(20 * time.Millisecond):
		case <-deadline:
			t.Fatalf("%q never arrived", m)
		}
	}
}

// TestCarries: messages of all sizes arrive, whole and in order.
func TestCarries(t *testing.T) {
	a, _ := inbox(t, "127.0.0.1:0")
	b, got := inbox(t, "127.0.0.1:0")
	var want []string
	for i := range 200 {
		m := fmt.Sprint(i, " ", string(bytes.Repeat([]byte{byte(i)}, i*i%70_000)))
		want = append(want, m)
		a.Send(b.Addr().String(), []byte(m))
	}
	for i, m := range want {
		select {
		case s := <-got:
			if s != m {
				t.Fatalf("message %d is wrong", i)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("message %d never came", i)
		}
	}
}

// TestComesBack: a member that was away is reached again, at its address.
func TestComesBack(t *testing.T) {
	a, _ := inbox(t, "127.0.0.1:0")
	b, got := inbox(t, "127.0.0.1:0")
	address := b.Addr().String()
	reaches(t, a, address, got, "one")
	b.Close()
	a.Send(address, []byte("to nobody"))
	_, got = inbox(t, address)
	reaches(t, a, address, got, "two")
}

// TestGarbage: whoever sends no frames, too large ones or garbage is hung up on, counted, and does
// no harm.
func TestGarbage(t *testing.T) {
	b, got := inbox(t, "127.0.0.1:0")
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	huge := binary.LittleEndian.AppendUint32([]byte(hello), 1<<31)
	large := binary.LittleEndian.AppendUint32([]byte(hello), frameMost)
	for _, sent := range [][]byte{[]byte("GET / HTTP/1.1\r\n\r\n"), huge, AppendFrame([]byte(hello), nil), AppendFrame([]byte(hello), []byte("poison"))} {
		c, err := net.Dial("tcp", b.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write(sent); err != nil {
			t.Fatal(err)
		}
		_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
		if _, err := io.ReadAll(c); errors.Is(err, net.ErrClosed) {
			t.Errorf("%.20q: not hung up on", sent)
		}
		c.Close()
	}
	for range 50 { // lengths that promise much cost no memory
		c, err := net.Dial("tcp", b.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_, _ = c.Write(large)
	}
	if n := b.Refused.Load(); n != 4 {
		t.Errorf("%d connections were refused, want 4", n)
	}
	var after runtime.MemStats
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 100<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
	a, _ := inbox(t, "127.0.0.1:0")
	reaches(t, a, b.Addr().String(), got, "still here")
}

// TestNeverReads: a member that takes connections and reads nothing costs bounded memory, and
// nobody waits for it.
func TestNeverReads(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	a, _ := inbox(t, "127.0.0.1:0")
	b, got := inbox(t, "127.0.0.1:0")
	m := make([]byte, 1<<20)
	for range 100 {
		a.Send(l.Addr().String(), m)
	}
	if a.Dropped.Load() == 0 {
		t.Error("100 MiB were queued for a member that does not read")
	}
	reaches(t, a, b.Addr().String(), got, "others are served")
}

// FuzzReadFrame: bytes are a frame, or an error.
func FuzzReadFrame(f *testing.F) {
	f.Add(AppendFrame(nil, []byte("message")))
	f.Add([]byte{0, 0, 0, 0})
	f.Add([]byte{255, 255, 255, 255, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := ReadFrame(bytes.NewReader(b))
		if err == nil && !bytes.HasPrefix(b, AppendFrame(nil, m)) {
			t.Errorf("%x was read as %x", b, m)
		}
	})
}
