package expect

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/reckon-bench/reckon/workloads/data/damage"
	"github.com/reckon-bench/reckon/workloads/data/draw"
	"github.com/reckon-bench/reckon/workloads/data/tree"
)

func view(t *testing.T, g int) *tree.View {
	t.Helper()
	tr, err := tree.New(tree.Spec{
		Seed: 7, Size: 3 << 20, Files: 60, Directories: 8, Fanout: 3,
		Symlinks: draw.RateOf(0.1), Holes: draw.RateOf(0.2), HardLinks: draw.RateOf(0.3), Xattrs: draw.RateOf(0.3),
		Change: draw.RateOf(0.2), Growth: draw.RateOf(0.05), Start: time.Unix(1e9, 0), Period: time.Hour,
	}, 3)
	if err != nil {
		t.Fatal(err)
	}
	v, err := tr.At(g)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// A restorer restores as tools do: in parts, in any order, overlapping, leaving out
// holes, under temporary names.
type restorer struct {
	t     *testing.T
	r     *rand.Rand
	v     *tree.View
	first map[uint64]*Node
	wrong error
}

func (x *restorer) must(err error) {
	x.t.Helper()
	if err != nil {
		if errors.Is(err, ErrWrong) {
			x.wrong = err
			return
		}
		x.t.Fatal(err)
	}
}

func (x *restorer) directory(into *Node, number uint64) {
	for e := range x.v.Entries(number) {
		switch e.Kind {
		case tree.Directory:
			temporary := "tmp." + e.Name
			n, err := into.Mkdir(temporary, 0o700)
			x.must(err)
			late := x.r.IntN(2) == 0
			if late {
				x.directory(n, e.Number)
			}
			x.must(into.Rename(temporary, into, e.Name, false))
			if !late {
				x.directory(n, e.Number)
			}
			x.attributes(n, e)
		case tree.Symlink:
			n, err := into.Symlink(e.Name, x.v.Target(e))
			x.must(err)
			x.attributes(n, e)
		case tree.File:
			if n := x.first[e.Number]; n != nil {
				x.must(into.Link(e.Name, n))
				continue
			}
			x.first[e.Number] = x.file(into, e)
		}
	}
}

func (x *restorer) attributes(n *Node, e tree.Entry) {
	a := x.v.Attributes(e)
	n.SetAttributes(func(got *Attributes) {
		got.Mode, got.UID, got.GID = a.Mode, a.UID, a.GID
		if e.Kind != tree.Directory {
			got.Time = a.Time
		}
	})
	for name, value := range a.Xattrs {
		n.SetXattr(name, value, false)
	}
}

// content are the entry's bytes, with whatever a test does to them.
func (x *restorer) content(e tree.Entry) []byte {
	f, err := x.v.File(e)
	x.must(err)
	b := make([]byte, f.Size())
	_, err = f.ReadAt(b, 0)
	x.must(err)
	return b
}

func (x *restorer) file(into *Node, e tree.Entry) *Node {
	name := e.Name
	if x.r.IntN(2) == 0 {
		name = "." + e.Name + ".tmp"
	}
	n, err := into.Create(name, 0o600)
	x.must(err)
	b := x.content(e)
	x.must(n.Truncate(int64(len(b))))
	var starts []int
	const part = 5000
	for at := 0; at < len(b); at += part {
		starts = append(starts, at)
	}
	x.r.Shuffle(len(starts), func(i, j int) { starts[i], starts[j] = starts[j], starts[i] })
	for _, at := range starts {
		lo, hi := max(0, at-x.r.IntN(100)), min(len(b), at+part+x.r.IntN(100))
		if slices.Max(b[lo:hi]) > 0 || x.r.IntN(2) == 0 {
			_, err := n.WriteAt(b[lo:hi], int64(lo))
			x.must(err)
		}
	}
	if name != e.Name {
		x.must(into.Rename(name, into, e.Name, false))
	}
	got := make([]byte, len(b))
	if k, err := n.ReadAt(got, 0); k != len(b) || err != nil && err != io.EOF || !bytes.Equal(got, b) {
		x.t.Fatalf("%s reads back otherwise: %d of %d bytes, %v", e.Name, k, len(b), err)
	}
	x.attributes(n, e)
	return n
}

func restored(t *testing.T, g int, o Options) (*Restore, *restorer) {
	t.Helper()
	v := view(t, g)
	o.Spool = t.TempDir()
	r, err := New(v, ".", o)
	if err != nil {
		t.Fatal(err)
	}
	x := &restorer{t: t, r: rand.New(rand.NewPCG(uint64(g), 9)), v: v, first: map[uint64]*Node{}}
	x.directory(r.Root(), 0)
	return r, x
}

func TestRestoreOfEveryGeneration(t *testing.T) {
	for g := range 4 {
		r, x := restored(t, g, Options{})
		report, want := r.Report(), x.v.Totals()
		if !report.OK() || report.Files != want.Files || report.Directories != want.Directories || report.Bytes != want.Bytes {
			t.Errorf("generation %d: %d files, %d directories, %d bytes of %+v; %v", g, report.Files, report.Directories, report.Bytes, want, report.Damage)
		}
	}
}

// pick returns a plain file of some size and its node.
func pick(t *testing.T, r *Restore, v *tree.View, n int) (*Node, tree.Entry, string) {
	for d := range uint64(9) {
		for e := range v.Entries(d) {
			if e.Kind != tree.File || v.Links(e) > 1 || v.Size(e) < 20_000 {
				continue
			}
			if n--; n >= 0 {
				continue
			}
			at := r.Root()
			for part := range strings.SplitSeq(v.Path(e), "/") {
				var err error
				if at, err = at.Lookup(part); err != nil {
					t.Fatal(err)
				}
			}
			return at, e, v.Path(e)
		}
	}
	t.Fatal("no such file")
	return nil, tree.Entry{}, ""
}

func findings(r *Restore) string {
	all := ""
	for _, d := range r.Report().Damage {
		all += d.String() + "\n"
	}
	return all
}

// A wrong write fails with the origin of its bytes; written over, it is forgotten.
func TestWrongWritesAreNamed(t *testing.T) {
	r, x := restored(t, 2, Options{})
	n, e, path := pick(t, r, x.v, 0)
	_, other, otherPath := pick(t, r, x.v, 2)
	b, foreign := x.content(e), x.content(other)
	at := int64(777)
	before := n.Attributes()
	if _, err := n.WriteAt(foreign[333:5333], at); !errors.Is(err, ErrWrong) || !strings.Contains(err.Error(), fmt.Sprintf("bytes of another file, %q", otherPath)) {
		t.Fatalf("%v", err)
	}
	got := make([]byte, 5000)
	if _, err := n.ReadAt(got, at); err != nil || !bytes.Equal(got, foreign[333:5333]) {
		t.Error("what was written wrongly does not read back")
	}
	n.SetAttributes(func(a *Attributes) { *a = before })
	if all := findings(r); strings.Count(all, "\n") != 1 || !strings.HasPrefix(all, path+": content: bytes 777 to") || !strings.Contains(all, fmt.Sprintf("bytes of another file, %q", otherPath)) {
		t.Errorf("%s", all)
	}
	half := int64(2000)
	if _, err := n.WriteAt(b[at:at+half], at); err != nil {
		t.Fatal(err)
	}
	n.SetAttributes(func(a *Attributes) { *a = before })
	d := r.Report().Damage
	if len(d) != 1 || d[0].Off != at+half || d[0].Origin == nil || d[0].Origin.Offset != 333+half {
		t.Errorf("%v", d)
	}
	if _, err := n.WriteAt(b, 0); err != nil {
		t.Fatal(err)
	}
	n.SetAttributes(func(a *Attributes) { *a = before })
	if all := findings(r); all != "" {
		t.Errorf("after all is written over: %s", all)
	}
}

// solid returns where the file has n bytes of data that generation 0 had not there, but others.
func (x *restorer) solid(e tree.Entry, n int) int64 {
	f, err := x.v.File(e)
	x.must(err)
	b := x.content(e)
	old := make([]byte, f.File.At(0).Size())
	_, err = f.File.At(0).ReadAt(old, 0)
	x.must(err)
	for at := 0; at+n < min(len(b), len(old)); at += 500 {
		same, zeros := 0, 0
		for i := at; i < at+n; i++ {
			if b[i] == old[i] {
				same++
			}
			if b[i] == 0 || old[i] == 0 {
				zeros++
			}
		}
		if same < n/50 && zeros < n/50 {
			return int64(at)
		}
	}
	return -1
}

func TestEveryDamageIsReported(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(t *testing.T, r *Restore, x *restorer, n *Node, e tree.Entry, in *Node)
		want string
	}{
		"stale": {func(t *testing.T, r *Restore, x *restorer, n *Node, e tree.Entry, in *Node) {
			f, err := x.v.File(e)
			x.must(err)
			b := make([]byte, 2000)
			_, err = f.File.At(0).ReadAt(b, x.solid(e, 2000))
			x.must(err)
			_, err = n.WriteAt(b, x.solid(e, 2000))
			x.must(err)
		}, "stale: "},
		"truncated": {func(t *testing.T, r *Restore, x *restorer, n *Node, e tree.Entry, in *Node) {
			x.must(n.Truncate(x.v.Size(e) - 1))
		}, "size: truncated"},
		"too long": {func(t *testing.T, r *Restore, x *restorer, n *Node, e tree.Entry, in *Node) {
			_, err := n.WriteAt([]byte("more"), x.v.Size(e))
			x.must(err)
		}, "size: too long"},
		"hole": {func(t *testing.T, r *Restore, x *restorer, n *Node, e tree.Entry, in *Node) {
			x.must(n.Punch(x.solid(e, 2000)+50, 100))
		}, "was never written"},
		"cut and grown": {func(t *testing.T, r *Restore, x *restorer, n *Node, e tree.Entry, in *Node) {
			x.must(n.Truncate(x.v.Size(e) - 1))
			x.must(n.Truncate(x.v.Size(e)))
		}, "was never written"},
		"missing": {func(t *testing.T, r *Restore, x *restorer, n *Node, e tree.Entry, in *Node) {
			x.must(in.Unlink(e.Name))
		}, "missing: was not restored"},
		"extra": {func(t *testing.T, r *Restore, x *restorer, n *Node, e tree.Entry, in *Node) {
			_, err := in.Create("notes", 0o644)
			x.must(err)
		}, "notes: extra"},
		"mode": {func(t *testing.T, r *Restore, x *restorer, n *Node, e tree.Entry, in *Node) {
			n.SetAttributes(func(a *Attributes) { a.Mode ^= 1 })
		}, "mode: is"},
		"owner": {func(t *testing.T, r *Restore, x *restorer, n *Node, e tree.Entry, in *Node) {
			n.SetAttributes(func(a *Attributes) { a.UID++ })
		}, "owner: is"},
		"time": {func(t *testing.T, r *Restore, x *restorer, n *Node, e tree.Entry, in *Node) {
			n.SetAttributes(func(a *Attributes) { a.Time = a.Time.Add(1) })
		}, "time: is"},
		"renamed": {func(t *testing.T, r *Restore, x *restorer, n *Node, e tree.Entry, in *Node) {
			x.must(in.Rename(e.Name, in, "other", false))
		}, "other: extra"},
	} {
		t.Run(name, func(t *testing.T) {
			r, x := restored(t, 2, Options{RecordOnly: true})
			var n, in *Node
			var e tree.Entry
			for i := 0; ; i++ { // one that changed after its first generation, of which there is a stale state
				n, e, _ = pick(t, r, x.v, i)
				f, err := x.v.File(e)
				x.must(err)
				if f.File.History.Birth == 0 && x.solid(e, 2000) >= 0 {
					break
				}
			}
			for at := range n.names {
				in = at.in
			}
			before := n.Attributes()
			c.do(t, r, x, n, e, in)
			if name != "mode" && name != "owner" && name != "time" {
				n.SetAttributes(func(a *Attributes) { *a = before })
			}
			all := findings(r)
			if !strings.Contains(all, c.want) || name != "renamed" && strings.Count(all, "\n") != 1 {
				t.Errorf("want %q of %s:\n%s", c.want, e.Name, all)
			}
		})
	}
}

func TestLinksAreWhatTheyShould(t *testing.T) {
	r, x := restored(t, 1, Options{})
	var e tree.Entry
	for d := range uint64(9) {
		for c := range x.v.Entries(d) {
			if c.Kind == tree.File && x.v.Links(c) > 1 && !x.v.First(c) {
				e = c
			}
		}
	}
	in := r.Root()
	path := x.v.Path(e)
	for part := range strings.SplitSeq(path[:max(0, strings.LastIndexByte(path, '/'))], "/") {
		if part != "" {
			in, _ = in.Lookup(part)
		}
	}
	x.must(in.Unlink(e.Name))
	x.file(in, e)
	if all := findings(r); strings.Count(all, "\n") != 1 || !strings.Contains(all, "link: is a file of its own") {
		t.Errorf("%s", all)
	}
}

// Whatever is done to nodes, they read back as files of a file system do.
func TestReadsBackAsAFile(t *testing.T) {
	v := view(t, 2)
	for n := range uint64(40) {
		rnd := rand.New(rand.NewPCG(n, 10))
		r, err := New(v, ".", Options{RecordOnly: true, Spool: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		_, e, _ := func() (*Node, tree.Entry, string) {
			for e := range v.Entries(0) {
				if e.Kind == tree.File && v.Size(e) > 3000 {
					return nil, e, ""
				}
			}
			return nil, tree.Entry{}, ""
		}()
		x := &restorer{t: t, v: v}
		expected := x.content(e)
		file, err := r.Root().Create(e.Name, 0o600)
		x.must(err)
		name := e.Name
		var model []byte
		for range 60 {
			switch rnd.IntN(6) {
			case 0:
				size := rnd.IntN(9000)
				x.must(file.Truncate(int64(size)))
				model = append(model[:min(size, len(model))], make([]byte, max(0, size-len(model)))...)
			case 1:
				other := []string{e.Name, "temporary"}[rnd.IntN(2)]
				x.must(r.Root().Rename(name, r.Root(), other, false))
				name = other
			case 2:
				at, size := rnd.IntN(9000), rnd.IntN(2000)
				x.must(file.Punch(int64(at), int64(size)))
				if at < len(model) {
					clear(model[at:min(len(model), at+size)])
				}
			default:
				at := rnd.IntN(9000)
				b := make([]byte, rnd.IntN(3000))
				for i := range b {
					b[i] = byte(rnd.Uint32())
				}
				if rnd.IntN(2) == 0 && at < len(expected) {
					copy(b, expected[at:])
				}
				if _, err := file.WriteAt(b, int64(at)); err != nil {
					t.Fatal(err)
				}
				if at+len(b) > len(model) && len(b) > 0 {
					model = append(model, make([]byte, at+len(b)-len(model))...)
				}
				copy(model[min(at, len(model)):], b)
			}
			got := make([]byte, len(model)+10)
			k, err := file.ReadAt(got, 0)
			if k != len(model) || err != io.EOF || !bytes.Equal(got[:k], model) || file.Size() != int64(len(model)) {
				t.Fatalf("case %d: %d bytes of %d, %v", n, k, len(model), err)
			}
		}
		// What it says is wrong is what is wrong.
		x.must(r.Root().Rename(name, r.Root(), e.Name, false))
		wrong := make([]bool, len(model))
		for i := range min(len(model), len(expected)) {
			wrong[i] = model[i] != expected[i]
		}
		for _, d := range r.Report().Damage {
			if d.Path == e.Name && d.Kind == damage.Content {
				for i := d.Off; i < d.Off+d.Len; i++ {
					wrong[i] = false
				}
			}
		}
		if i := slices.Index(wrong, true); i >= 0 {
			t.Fatalf("case %d: byte %d of %s is wrong, and not said to be", n, i, e.Name)
		}
	}
}
