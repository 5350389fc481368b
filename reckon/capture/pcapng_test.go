package capture_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"flag"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/reckon-bench/reckon/reckon/capture"
)

var update = flag.Bool("update", false, "rewrite the golden file")

var head = capture.Head{
	Comment: "reckon etcd simple uniform leader", System: "Linux", Application: "reckon",
	Interface: "eth0", Description: "eth0 of n1",
	Names: map[netip.Addr]string{netip.MustParseAddr("10.1.0.2"): "n2", netip.MustParseAddr("10.1.0.1"): "n1"},
}

// at is 2025-01-02T03:04:05.000000006Z.
const at = 1735787045_000000006

// frame returns an Ethernet frame with an IPv4 header from n1 to n2 and n zero bytes.
func frame(n int) []byte {
	f := []byte{
		0x02, 0x72, 0x65, 0x63, 0x6b, 0x6e, 0x02, 0x00, 10, 1, 0, 1, 0x08, 0x00,
		0x45, 0, 0, byte(20 + n), 0, 1, 0x40, 0, 64, 253, 0, 0, 10, 1, 0, 1, 10, 1, 0, 2, // protocol 253 is for experiments (RFC 3692)
	}
	return append(f, make([]byte, n)...)
}

func write(t *testing.T, limit int64, packets ...capture.Packet) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := capture.NewWriter(&out, head, limit)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range packets {
		if err := w.Packet(p); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(capture.Stats{Start: at, End: at + 2e9, Received: uint64(len(packets)) + 3, Dropped: 3, Comments: []string{"healed"}}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func sample(t *testing.T) []byte {
	return write(t, 1<<20,
		capture.Packet{At: at, Data: frame(5), Direction: capture.Outbound},
		capture.Packet{At: at + 1, Data: frame(6), Length: 1500, Direction: capture.Inbound, Comments: []string{"struck leader: killed n2", "±"}},
		capture.Packet{At: at + 1e9, Data: frame(0)},
	)
}

// The golden bytes follow the draft, block by block: compare them with it before regenerating them.
func TestGolden(t *testing.T) {
	got := hex.Dump(sample(t))
	path := filepath.Join("testdata", "golden.txt")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// blocks parses a file, and checks what every reader relies on: the lengths before and after each
// block agree, and are multiples of 4.
func blocks(t *testing.T, file []byte) (kinds []uint32) {
	t.Helper()
	for len(file) > 0 {
		if len(file) < 12 {
			t.Fatalf("%d bytes are left over", len(file))
		}
		n := binary.LittleEndian.Uint32(file[4:])
		if n%4 != 0 || n < 12 || int(n) > len(file) || binary.LittleEndian.Uint32(file[n-4:]) != n {
			t.Fatalf("block %d is %d bytes long, and %d are left", len(kinds), n, len(file))
		}
		kinds = append(kinds, binary.LittleEndian.Uint32(file))
		file = file[n:]
	}
	return kinds
}

// A file keeps to its limit, and says where and why it ends, and how much is missing.
func TestLimit(t *testing.T) {
	const limit = capture.LeastLimit
	long := strings.Repeat("ä", 10_000) // longer than a comment may be
	for _, size := range []int{0, 1, 900, 1400, 60_000} {
		var packets []capture.Packet
		for i := range 2000 {
			packets = append(packets, capture.Packet{At: at + int64(i), Data: frame(size)})
			if i < 5 || size > 1000 { // some files end with a packet that has no comment, some with one that has too many
				packets[i].Comments = []string{long, long, long}
			}
		}
		file := write(t, limit, packets...)
		if len(file) > limit {
			t.Errorf("packets of %d bytes: the file has %d bytes, and its limit is %d", size, len(file), limit)
		}
		if size < 60_000 && len(file) < limit/2 {
			t.Errorf("packets of %d bytes: the file has %d bytes of %d", size, len(file), limit)
		}
		blocks(t, file)
		for _, want := range []string{"the capture ends here: the file has reached its limit of 64 KiB", "later packets are not in it"} {
			if n := bytes.Count(file, []byte(want)); n != 1 {
				t.Errorf("packets of %d bytes: %q is in it %d times", size, want, n)
			}
		}
		if !utf8.Valid(file[bytes.Index(file, []byte("ä")):bytes.Index(file, []byte("…"))]) {
			t.Error("a comment is cut in the middle of a letter")
		}
	}
	if _, err := capture.NewWriter(new(bytes.Buffer), head, limit-1); err == nil {
		t.Error("a limit that leaves room for nothing is taken")
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestBrokenDisk(t *testing.T) {
	if _, err := capture.NewWriter(broken{}, head, 1<<20); err == nil || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("got %v", err)
	}
}

// What tshark and capinfos make of the file, if they are installed.
func TestOthersReadIt(t *testing.T) {
	file := filepath.Join(t.TempDir(), "n1.pcapng")
	if err := os.WriteFile(file, sample(t), 0o666); err != nil {
		t.Fatal(err)
	}
	out := tool(t, "tshark", "-r", file, "-N", "n", "-W", "n", "-T", "fields", "-E", "separator=;",
		"-e", "frame.time_epoch", "-e", "frame.len", "-e", "frame.cap_len", "-e", "frame.packet_flags_direction", "-e", "ip.src_host", "-e", "ip.dst_host", "-e", "frame.comment")
	const want = "" +
		"1735787045.000000006;39;39;0x00000002;n1;n2;\n" +
		"1735787045.000000007;1500;40;0x00000001;n1;n2;struck leader: killed n2,±\n" +
		"1735787046.000000006;34;34;;n1;n2;\n"
	if out != want {
		t.Errorf("tshark reads\n%s\nwant\n%s", out, want)
	}
	out = tool(t, "capinfos", file)
	for _, want := range []string{"reckon etcd simple uniform leader", "Number of packets:   3", "Name = eth0", "Number of stat entries = 1"} {
		if !strings.Contains(out, want) {
			t.Errorf("capinfos does not say %q:\n%s", want, out)
		}
	}
}

func tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%v: the golden bytes have to do", err)
	}
	cmd := exec.Command(path, args...)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v: %s", name, err, complaint.String())
	}
	return string(out)
}
