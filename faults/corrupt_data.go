package faults

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/flags"
)

// An acknowledged tree is damaged at rest, behind the workers' back. A run in which nobody notices
// has verified nothing: this word proves that a valid run means something.
func init() {
	reckon.Faults.Register(reckon.Word[reckon.Fault]{
		Name:   "corrupt-data",
		Doc:    "after the first third of the load, damages the verified tree of a random worker as --corrupt says; the next verify pass must report it",
		Source: "silent damage to data at rest, as Jepsen's and ZFS's fault injectors do it",
		New: func(fs *pflag.FlagSet) reckon.Fault {
			c := &corruptData{}
			flags.ChoiceVar(fs, &c.kind, "corrupt", drawnKind, append([]string{drawnKind}, damages...), "how to damage the tree; drawn picks one of the others by the seed")
			return c
		},
	})
}

type corruptData struct{ kind string }

const drawnKind = "drawn"

var damages = []string{"flip", "truncate", "delete", "swap", "add"}

func (*corruptData) Validate(s reckon.Setting) error { return wantWorkers(s) }

func (*corruptData) Trial() reckon.Trial {
	return reckon.Trial{Workload: "uniform,kibishii", Flags: map[string][]string{"number-clients": {"2"}}, Invalid: true}
}

func (f *corruptData) Strikes(s reckon.Setting, rng *rand.Rand) []reckon.Strike {
	at := s.Duration / 3
	from, to := s.Window(at, at) // the damage lasts
	drawn := oneWorker(rng)
	d := damage{kind: damages[rng.IntN(len(damages))], file: rng.Uint64(), place: rng.Uint64(), bit: rng.UintN(8)}
	if f.kind != drawnKind {
		d.kind = f.kind
	}
	return []reckon.Strike{{From: from, To: to, Name: "damage a worker's tree: " + d.kind, Inject: func(ctx context.Context, c reckon.Cluster) (reckon.Injection, error) {
		w, err := drawn(c)
		if err != nil {
			return reckon.Injection{}, err
		}
		var did string
		err = w.AtRest(ctx, func(tree string) (seen string, err error) {
			did, seen, err = d.do(tree, w)
			return seen, err
		})
		return reckon.Injection{Detail: did, Heal: nothingToHeal}, err
	}}}
}

// damage is what to do to a tree. Its numbers are taken modulo what the tree has.
type damage struct {
	kind        string
	file, place uint64
	bit         uint
}

// do damages the tree and reads it again: did says what was done, and seen what shows it.
func (d damage) do(tree string, w reckon.Worker) (did, seen string, err error) {
	files, err := filesBelow(tree)
	if err != nil {
		return "", "", err
	}
	if len(files) == 0 {
		return "", "", fmt.Errorf("the tree of %s holds no file to damage", w.Name())
	}
	path := files[d.file%uint64(len(files))]
	switch name := ofWorker(path, w); d.kind {
	case "flip":
		return d.flip(filepath.Join(tree, path), name)
	case "truncate":
		return d.truncate(filepath.Join(tree, path), name)
	case "delete":
		return d.remove(filepath.Join(tree, path), name)
	case "swap":
		if len(files) < 2 {
			return "", "", fmt.Errorf("the tree of %s holds one file, which cannot be swapped with another", w.Name())
		}
		other := files[(d.file+1+d.place%uint64(len(files)-1))%uint64(len(files))]
		return d.swap(filepath.Join(tree, path), filepath.Join(tree, other), name, ofWorker(other, w))
	default:
		stray := path + "-stray"
		return d.add(filepath.Join(tree, stray), ofWorker(stray, w))
	}
}

// filesBelow returns the regular files of the tree in order of name.
func filesBelow(tree string) (files []string, err error) {
	err = filepath.WalkDir(tree, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		relative, err := filepath.Rel(tree, path)
		files = append(files, relative)
		return err
	})
	return files, err
}

// somewhere returns an offset within the file.
func (d damage) somewhere(path string) (int64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	if info.Size() == 0 {
		return 0, fmt.Errorf("%s is empty: there is no byte to damage", path)
	}
	return int64(d.place % uint64(info.Size())), nil
}

func (d damage) flip(path, name string) (did, seen string, err error) {
	at, err := d.somewhere(path)
	if err != nil {
		return "", "", err
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return "", "", err
	}
	defer f.Close()
	var was, is [1]byte
	if _, err := f.ReadAt(was[:], at); err != nil {
		return "", "", err
	}
	if _, err := f.WriteAt([]byte{was[0] ^ 1<<d.bit}, at); err != nil {
		return "", "", err
	}
	if _, err := f.ReadAt(is[:], at); err != nil {
		return "", "", err
	}
	if is[0] != was[0]^1<<d.bit {
		return "", "", fmt.Errorf("byte %d of %s is still %#02x", at, name, is[0])
	}
	return fmt.Sprintf("flipped bit %d of byte %d of %s", d.bit, at, name), fmt.Sprintf("byte %d of %s was %#02x and reads %#02x", at, name, was[0], is[0]), nil
}

func (d damage) truncate(path, name string) (did, seen string, err error) {
	to, err := d.somewhere(path)
	if err != nil {
		return "", "", err
	}
	before, err := os.Stat(path)
	if err != nil {
		return "", "", err
	}
	if err := os.Truncate(path, to); err != nil {
		return "", "", err
	}
	after, err := os.Stat(path)
	if err != nil {
		return "", "", err
	}
	if after.Size() != to {
		return "", "", fmt.Errorf("%s still has %d bytes", name, after.Size())
	}
	return fmt.Sprintf("truncated %s to %d bytes", name, to), fmt.Sprintf("%s had %d bytes and has %d", name, before.Size(), after.Size()), nil
}

func (d damage) remove(path, name string) (did, seen string, err error) {
	if err := os.Remove(path); err != nil {
		return "", "", err
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return "", "", fmt.Errorf("%s is still there", name)
	}
	return "deleted " + name, name + " is gone", nil
}

// swap exchanges the names of two files.
func (d damage) swap(a, b, nameA, nameB string) (did, seen string, err error) {
	wasA, err := os.ReadFile(a)
	if err != nil {
		return "", "", err
	}
	wasB, err := os.ReadFile(b)
	if err != nil {
		return "", "", err
	}
	if bytes.Equal(wasA, wasB) {
		return "", "", fmt.Errorf("%s and %s hold the same: to swap them is no damage", nameA, nameB)
	}
	aside := a + "-aside"
	for _, move := range [][2]string{{a, aside}, {b, a}, {aside, b}} {
		if err := os.Rename(move[0], move[1]); err != nil {
			return "", "", err
		}
	}
	isA, err := os.ReadFile(a)
	if err != nil {
		return "", "", err
	}
	isB, err := os.ReadFile(b)
	if err != nil {
		return "", "", err
	}
	if !bytes.Equal(isA, wasB) || !bytes.Equal(isB, wasA) {
		return "", "", fmt.Errorf("%s and %s did not change places", nameA, nameB)
	}
	return fmt.Sprintf("swapped %s with %s", nameA, nameB), fmt.Sprintf("each of %s and %s reads as the other did", nameA, nameB), nil
}

func (d damage) add(path, name string) (did, seen string, err error) {
	content := fmt.Appendf(nil, "%016x", d.place)
	if err := os.WriteFile(path, content, 0o666); err != nil {
		return "", "", err
	}
	is, err := os.ReadFile(path)
	if err != nil {
		return "", "", err
	}
	if !bytes.Equal(is, content) {
		return "", "", fmt.Errorf("%s does not hold what was written", name)
	}
	return "added " + name, fmt.Sprintf("%s is there, with %d bytes", name, len(is)), nil
}
