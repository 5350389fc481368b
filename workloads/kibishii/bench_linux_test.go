package kibishii

import (
	"context"
	"crypto/sha1"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/moby/sys/reexec"
	"golang.org/x/sys/unix"
)

// BenchmarkKibishii measures generating and verifying beside dd and SHA-1 on the same machine at
// the same time, and prints a table of what was reached beside what is asked. It never fails for
// being slow: it says so in the table.
//
// Run it with -benchtime 1x; each row has its own number of rounds.
func BenchmarkKibishii(b *testing.B) {
	t := &table{b: b}
	for b.Loop() {
		t.large()
		t.small()
		t.many()
	}
	b.ReportMetric(0, "ns/op")
	fmt.Printf("\n%s\n%s\n", t, machine(b.TempDir()))
}

// rounds is how often measurements take turns; medians are reported.
const rounds = 5

type table struct {
	b       *testing.B
	rows    []string
	top     string  // of the fresh roots
	memory  float64 // MiB, the most that any of the processes had
	handles int     // the most that any had open
}

func (t *table) add(ok bool, what, target, reached string, args ...any) {
	met := map[bool]string{true: "yes", false: "NO"}[ok]
	if target == "" {
		met = ""
	}
	t.rows = append(t.rows, strings.Join([]string{what, target, fmt.Sprintf(reached, args...), met}, "\t"))
}

func (t *table) String() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "what\ttarget\treached\tmet")
	for _, r := range t.rows {
		fmt.Fprintln(w, r)
	}
	w.Flush() // to a strings.Builder
	return b.String()
}

// A measured is one command in a process of its own.
type measured struct {
	Cmd        Command
	Root       string
	Spec       Spec
	Identity   Identity
	SyncBlocks bool

	Took    time.Duration
	Memory  float64 // MiB, at most
	Handles int     // at most
}

const measureRole = "kibishii-measure"

func init() { reexec.Register(measureRole, measureMain) }

// measureMain does what it is told, and says how that went.
func measureMain() {
	var m measured
	must(json.Unmarshal([]byte(os.Args[1]), &m))
	do := map[Command]func() (Result, error){
		CmdGenerate: func() (Result, error) {
			return Generate(context.Background(), m.Root, m.Spec, Options{Identity: m.Identity, syncBlocks: m.SyncBlocks})
		},
		CmdVerify: func() (Result, error) {
			return Verify(context.Background(), m.Root, m.Spec, Options{Identity: m.Identity})
		},
	}[m.Cmd]
	handles := watchHandles()
	begin := time.Now()
	r, err := do()
	m.Took = time.Since(begin)
	must(err)
	if !r.Success() {
		must(fmt.Errorf("%v", r))
	}
	m.Handles, m.Memory = handles(), peakMemory()
	must(json.NewEncoder(os.Stdout).Encode(m))
}

// watchHandles watches how many descriptors are open, until the function that it returns is called.
func watchHandles() (most func() int) {
	stop, result := make(chan struct{}), make(chan int)
	go func() {
		n := 0
		for {
			n = max(n, openHandles())
			select {
			case <-stop:
				result <- n
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	}()
	return func() int { close(stop); return <-result }
}

func openHandles() int {
	all, err := os.ReadDir("/proc/self/fd")
	must(err)
	return len(all) - 1 // without the one that lists them
}

// peakMemory is the most that this process ever had, in MiB.
func peakMemory() float64 {
	b, err := os.ReadFile("/proc/self/status")
	must(err)
	_, rest, _ := strings.Cut(string(b), "VmHWM:")
	kib, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
	must(err)
	return kib / 1024
}

// run has a process do it, and says how long it took.
func (t *table) run(m measured) time.Duration {
	t.b.Helper()
	arg, err := json.Marshal(m)
	t.must(err)
	out, err := reexec.Command(measureRole, string(arg)).Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		t.b.Fatalf("%s %+v: %s", m.Cmd, m.Spec, exit.Stderr)
	}
	t.must(err)
	t.must(json.Unmarshal(out, &m))
	t.memory, t.handles = max(t.memory, m.Memory), max(t.handles, m.Handles)
	return m.Took
}

func (t *table) must(err error) {
	t.b.Helper()
	if err != nil {
		t.b.Fatal(err)
	}
}

// root is an empty directory; remove removes it and waits until the disk is done with that.
func (t *table) root() (path string, remove func()) {
	path, err := os.MkdirTemp(t.b.TempDir(), "")
	t.must(err)
	return path, func() {
		t.must(os.RemoveAll(path))
		unix.Sync()
	}
}

// freshRoot is a directory where no files were removed lately, as far as one can see to that: ext4
// does not use their inodes again for minutes, and every new file nearby looks through all of them.
// It puts what is below a directory with this flag somewhere else each time. What is there is
// removed at the end of the benchmark.
func (t *table) freshRoot() string {
	if t.top == "" {
		t.top = t.b.TempDir()
		fd, err := unix.Open(t.top, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		t.must(err)
		defer unix.Close(fd)
		const topDir = 0x20000                                        // FS_TOPDIR_FL
		_ = unix.IoctlSetPointerInt(fd, unix.FS_IOC_SETFLAGS, topDir) // other file systems know nothing of it, and need it not
	}
	path, err := os.MkdirTemp(t.top, "")
	t.must(err)
	return path
}

// largeSpec is of 1 GiB.
var largeSpec = Spec{Levels: 1, Files: 64, Length: 16 << 20, BlockSize: 64 << 10, Pass: 1}

// large measures large files beside dd and SHA-1. All take turns, because a disk is not the same
// from one minute to the next.
func (t *table) large() {
	var dd, sum, generate, generateOwn, verify, verifyOwn, synced []float64
	bytes := float64(largeSpec.Size().Bytes)
	for range rounds {
		dd = append(dd, bytes/t.dd(largeSpec.Size().Bytes))
		sum = append(sum, sumRate())
		for _, id := range []Identity{{}, ours} {
			root, remove := t.root()
			m := measured{Cmd: CmdGenerate, Root: root, Spec: largeSpec, Identity: id}
			g := bytes / t.run(m).Seconds()
			m.Cmd = CmdVerify
			t.run(m) // so that all is in memory
			v := bytes / t.run(m).Seconds()
			if remove(); id == ours {
				generateOwn, verifyOwn = append(generateOwn, g), append(verifyOwn, v)
			} else {
				generate, verify = append(generate, g), append(verify, v)
			}
		}
		root, remove := t.root()
		few := largeSpec
		few.Files = 4
		synced = append(synced, float64(few.Size().Bytes)/t.run(measured{Cmd: CmdGenerate, Root: root, Spec: few, SyncBlocks: true}).Seconds())
		remove()
	}
	disk, all := middle(dd), float64(runtime.NumCPU())*middle(sum)
	row := func(what string, got []float64, base float64, name string) {
		ratio := middle(got) / base
		t.add(ratio >= 0.8, what, ">= 0.80", "%.2f (%s of %s: %s)", ratio, rate(middle(got)), name, rate(base))
	}
	row("generate 64 x 16 MiB, 64 KiB blocks, a sync a file, of dd with one", generate, disk, "dd")
	row("  the same with an identity", generateOwn, disk, "dd")
	t.add(true, "  with a sync a block, as the original does it", "", "%s", rate(middle(synced)))
	row("verify the same, warm, of the SHA-1 rate of all processors", verify, all, "SHA-1")
	row("  the same with an identity", verifyOwn, all, "SHA-1")
	t.b.ReportMetric(middle(generate)/1e6, "generate-MB/s")
	t.b.ReportMetric(middle(verify)/1e6, "verify-MB/s")
}

// dd is how many seconds dd takes to write so many bytes and sync them once.
func (t *table) dd(bytes int64) float64 {
	root, remove := t.root()
	defer remove()
	begin := time.Now()
	out, err := exec.Command("dd", "if=/dev/zero", "of="+filepath.Join(root, "file"), "bs=1M", fmt.Sprintf("count=%d", bytes>>20), "conv=fdatasync").CombinedOutput()
	if err != nil {
		t.b.Fatalf("dd: %v: %s", err, out)
	}
	return time.Since(begin).Seconds()
}

// sumRate is how many bytes a second one processor has SHA-1 for.
func sumRate() float64 {
	const size, n = 64 << 10, 4 << 10
	b := make([]byte, size)
	begin := time.Now()
	for range n {
		sha1.Sum(b)
	}
	return n * size / time.Since(begin).Seconds()
}

// smallSpec is of 20,000 files.
var smallSpec = Spec{Levels: 2, Dirs: 19, Files: 1000, Length: 4 << 10, BlockSize: 4 << 10, Pass: 1}

func (t *table) small() {
	files := float64(smallSpec.Size().Files)
	for _, id := range []Identity{{}, ours} {
		var generate, again, verify []float64
		for range rounds {
			root := t.freshRoot()
			m := measured{Cmd: CmdGenerate, Root: root, Spec: smallSpec, Identity: id}
			generate = append(generate, files/t.run(m).Seconds())
			m.Spec.Pass++
			again = append(again, files/t.run(m).Seconds())
			m.Cmd = CmdVerify
			t.run(m)
			verify = append(verify, files/t.run(m).Seconds())
		}
		if id == ours {
			t.add(true, "  the same three with an identity", "", "%.0f, %.0f, %.0f files/s", middle(generate), middle(again), middle(verify))
			continue
		}
		t.add(middle(generate) >= 10_000, "generate 20,000 files of 4 KiB, on the disk at the end", ">= 10000 files/s", "%.0f files/s", middle(generate))
		t.add(middle(again) >= 10_000, "  the next pass over them", "", "%.0f files/s", middle(again))
		t.add(middle(verify) >= 60_000, "verify the same, warm", ">= 60000 files/s", "%.0f files/s", middle(verify))
		t.b.ReportMetric(middle(generate), "generated-files/s")
		t.b.ReportMetric(middle(verify), "verified-files/s")
	}
}

// many takes a tree of many directories and files, and one of a single large file: what they need
// besides time.
func (t *table) many() {
	for _, s := range []Spec{
		{Levels: 4, Dirs: 10, Files: 50, Length: 128, BlockSize: 128},
		{Levels: 1, Files: 1, Length: 2 << 30, BlockSize: 8 << 20},
		{Levels: 200, Dirs: 1, Files: 2, Length: 1 << 20, BlockSize: 2 << 10},
	} {
		root := t.freshRoot()
		t.run(measured{Cmd: CmdGenerate, Root: root, Spec: s, Identity: ours})
		t.run(measured{Cmd: CmdVerify, Root: root, Spec: s, Identity: ours})
	}
	what := "the most memory of any of these processes, and of such with 55,550 files, with one of 2 GiB, with 200 levels"
	t.add(t.memory < 64, what, "< 64 MiB", "%.1f MiB", t.memory)
	t.add(t.handles < 500, "  and the most descriptors", "bounded", "%d", t.handles)
}

// middle is the median.
func middle(xs []float64) float64 {
	slices.Sort(xs)
	return xs[len(xs)/2]
}

func rate(bytes float64) string { return fmt.Sprintf("%.0f MB/s", bytes/1e6) }

// machine says where this was measured.
func machine(dir string) string {
	var u unix.Utsname
	unix.Uname(&u)
	var fs unix.Statfs_t
	unix.Statfs(dir, &fs)
	load, _ := os.ReadFile("/proc/loadavg")
	return fmt.Sprintf("kernel %s, %d processors, file system type %#x at %s, load %s", unix.ByteSliceToString(u.Release[:]), runtime.NumCPU(), fs.Type, dir, strings.TrimSpace(string(load)))
}

// must ends a process that only measures.
func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
