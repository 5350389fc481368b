package disk

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/reckon-bench/reckon/workloads/data/draw"
	"github.com/reckon-bench/reckon/workloads/data/stream"
	"github.com/reckon-bench/reckon/workloads/data/trace"
	"github.com/reckon-bench/reckon/workloads/data/tree"
)

const (
	benchBytes  = 256 << 20 // of the large file: it stays in the page cache
	benchFiles  = 4000      // small files of 4 KiB on average
	benchRounds = 5         // of which medians are taken; all things are measured in each round, side by side
)

// rates are what was measured, by name, a value a round.
type rates struct {
	names []string
	all   map[string][]float64
}

// measure notes how many units a second do does.
func (r *rates) measure(b *testing.B, name string, units float64, do func() error) {
	b.Helper()
	begin := time.Now()
	if err := do(); err != nil {
		b.Fatalf("%s: %v", name, err)
	}
	if r.all[name] == nil {
		r.names = append(r.names, name)
	}
	r.all[name] = append(r.all[name], units/time.Since(begin).Seconds())
}

func (r *rates) median(name string) float64 {
	x := slices.Clone(r.all[name])
	if len(x) == 0 {
		return 0
	}
	slices.Sort(x)
	return x[len(x)/2]
}

// BenchmarkFiles measures making, writing and verifying beside bare calls and
// fio, and prints what was reached beside what is aimed at.
func BenchmarkFiles(b *testing.B) {
	r := &rates{all: map[string][]float64{}}
	dir := b.TempDir()
	large := newLargeFile(b, filepath.Join(dir, "large"))
	for range benchRounds {
		large.round(b, r)
		smallFiles(b, r, filepath.Join(dir, "small"))
		fio(b, r, dir)
	}
	const gb = 1e9
	fmt.Printf("\n%-34s %10s\n", "median of "+strconv.Itoa(benchRounds), "")
	for _, name := range r.names {
		unit, x := "GB/s", r.median(name)/gb
		if r.median(name) < 1e7 {
			unit, x = "k/s", r.median(name)/1e3
		}
		fmt.Printf("%-34s %10.2f %s\n", name, x, unit)
	}
	for _, t := range []struct {
		what, of, to string
		factor       float64
	}{
		{"verify a file, to fio's crc32c verify", "read and verify", "fio: read, crc32c verify", 0.7},
		{"write a file, to fio's refilled writes", "write generated", "fio: refilled writes", 1.2},
		{"create small files, to a bare loop", "create small files", "create small files, bare", 0.85},
		{"verify small files, to a bare loop", "verify small files", "read small files, bare", 0.85},
	} {
		if r.median(t.to) == 0 {
			fmt.Printf("%-40s not measured: there is no fio here\n", t.what)
			continue
		}
		got, word := r.median(t.of)/r.median(t.to), "reached"
		if got < t.factor {
			word = "MISSED"
		}
		fmt.Printf("%-40s %5.2f, aim %.2f: %s\n", t.what, got, t.factor, word)
	}
}

// A largeFile is one that is written and read again and again.
type largeFile struct {
	path        string
	v           *stream.View
	reader      *reader
	buf, memory []byte
}

func newLargeFile(b *testing.B, path string) *largeFile {
	c, err := stream.New(stream.Options{Seed: 1})
	if err != nil {
		b.Fatal(err)
	}
	l := &largeFile{path, c.Stream(1, benchBytes).At(0), newReader(trace.New()), make([]byte, buffer), bytes.Repeat([]byte{1}, buffer)}
	copy(l.buf, l.memory) // touched before it is measured
	return l
}

func (l *largeFile) round(b *testing.B, r *rates) {
	f, err := os.Create(l.path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	chunks := func(do func(off int64) error) func() error {
		return func() error {
			for off := int64(0); off < benchBytes; off += buffer {
				if err := do(off); err != nil {
					return err
				}
			}
			return nil
		}
	}
	r.measure(b, "compare memory", benchBytes, chunks(func(int64) error {
		if !bytes.Equal(l.buf, l.memory) {
			copy(l.buf, l.memory)
		}
		return nil
	}))
	r.measure(b, "generate to memory", benchBytes, chunks(func(off int64) error { _, err := l.v.ReadAt(l.buf, off); return err }))
	write := chunks(func(off int64) error { _, err := f.WriteAt(l.buf, off); return err })
	if err := write(); err != nil { // pages that are there, as where a file is written again
		b.Fatal(err)
	}
	r.measure(b, "write, bare", benchBytes, write)
	r.measure(b, "write generated", benchBytes, func() error { return writeRange(int(f.Fd()), l.buf, l.v, 0, benchBytes) })
	r.measure(b, "read, bare", benchBytes, chunks(func(off int64) error { _, err := f.ReadAt(l.buf, off); return err }))
	r.measure(b, "read and verify", benchBytes, func() error {
		_, err := l.reader.compare(readFile(int(f.Fd())), l.v, benchBytes)
		if len(l.reader.wrong) > 0 {
			return fmt.Errorf("%d places are wrong", len(l.reader.wrong))
		}
		return err
	})
}

// smallFiles makes and verifies files of 4 KiB on average, one at a time, beside a loop of bare calls.
func smallFiles(b *testing.B, r *rates, dir string) {
	t, err := tree.New(tree.Spec{Seed: 3, Files: benchFiles, Size: benchFiles * 4 << 10, Change: draw.RateOf(0.05)}, 0)
	if err != nil {
		b.Fatal(err)
	}
	v, err := t.At(0)
	if err != nil {
		b.Fatal(err)
	}
	bare, ours := dir+".bare", dir+".ours"
	for _, d := range []string{bare, ours} {
		if err := os.RemoveAll(d); err != nil {
			b.Fatal(err)
		}
	}
	if err := os.Mkdir(bare, 0o755); err != nil {
		b.Fatal(err)
	}
	block := make([]byte, 4<<10)
	name := func(i int) string { return filepath.Join(bare, strconv.Itoa(i)) }
	loop := func(do func(i int) error) func() error {
		return func() error {
			for i := range benchFiles {
				if err := do(i); err != nil {
					return err
				}
			}
			return nil
		}
	}
	o := Options{Workers: 1, NoOwners: true}
	r.measure(b, "create small files, bare", benchFiles, loop(func(i int) error { return os.WriteFile(name(i), block, 0o644) }))
	r.measure(b, "create small files", benchFiles, func() error { return Generate(context.Background(), ours, v, o) })
	r.measure(b, "read small files, bare", benchFiles, loop(func(i int) error { _, err := os.ReadFile(name(i)); return err }))
	r.measure(b, "verify small files", benchFiles, func() error {
		report, err := Verify(context.Background(), ours, v, o)
		if err == nil && !report.OK() {
			err = fmt.Errorf("%v", report.Damage[0])
		}
		return err
	})
}

// bandwidth is where fio's terse output, version 3, has KiB/s.
var bandwidth = regexp.MustCompile(`(READ|WRITE): bw=[^(]*\(([0-9.]+)([kMG]B)/s\)`)

// fio measures fio at the same file size, where it is installed.
func fio(b *testing.B, r *rates, dir string) {
	if _, err := exec.LookPath("fio"); err != nil {
		return
	}
	path := filepath.Join(dir, "fio")
	run := func(name, kind string, args ...string) {
		args = append([]string{"--name=x", "--filename=" + path, "--bs=1M", "--ioengine=psync", "--size=" + strconv.Itoa(benchBytes), "--fallocate=none"}, args...)
		out, err := exec.Command("fio", args...).CombinedOutput()
		if err != nil {
			b.Fatalf("fio: %v\n%s", err, out)
		}
		for _, m := range bandwidth.FindAllSubmatch(out, -1) {
			if string(m[1]) != kind {
				continue
			}
			x, err := strconv.ParseFloat(string(m[2]), 64)
			if err != nil {
				b.Fatal(err)
			}
			x *= map[string]float64{"kB": 1e3, "MB": 1e6, "GB": 1e9}[string(m[3])]
			if r.all[name] == nil {
				r.names = append(r.names, name)
			}
			r.all[name] = append(r.all[name], x)
		}
	}
	run("fio: refilled writes", "WRITE", "--rw=write", "--refill_buffers")
	write := []string{"--rw=write", "--verify=crc32c", "--do_verify=0"}
	if out, err := exec.Command("fio", append([]string{"--name=x", "--filename=" + path, "--bs=1M", "--ioengine=psync", "--size=" + strconv.Itoa(benchBytes)}, write...)...).CombinedOutput(); err != nil {
		b.Fatalf("fio: %v\n%s", err, out)
	}
	run("fio: read, crc32c verify", "READ", "--rw=read", "--verify=crc32c", "--verify_only=0")
}
