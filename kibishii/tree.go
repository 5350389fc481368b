package kibishii

import (
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strconv"
)

// Generate writes the tree below root, a directory that must exist, over what is there. When it returns without an
// error all of it is on the disk.
func Generate(ctx context.Context, root string, s Spec, o Options) (Result, error) {
	return walk(ctx, CmdGenerate, root, s, o, func(r *os.Root, name string, want []byte) (string, error) {
		return "", r.WriteFile(name, want, 0o666)
	})
}

// Verify reads the tree below root and compares it with what Generate writes there. What is wrong is in the
// Result; an error means that it could not be carried through.
func Verify(ctx context.Context, root string, s Spec, o Options) (Result, error) {
	return walk(ctx, CmdVerify, root, s, o, func(r *os.Root, name string, want []byte) (string, error) {
		got, err := r.ReadFile(name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return "missing", nil
		case err != nil:
			return "unreadable: " + err.Error(), nil
		case len(got) != len(want):
			return fmt.Sprintf("length %d, want %d", len(got), len(want)), nil
		case !bytes.Equal(got, want):
			return "corrupt", nil
		}
		return "", nil
	})
}

func walk(ctx context.Context, cmd Command, root string, s Spec, o Options, file func(r *os.Root, name string, want []byte) (string, error)) (res Result, err error) {
	p := o.Progress
	if p == nil {
		p = new(Progress)
	}
	p.so.Cmd = cmd
	defer func() {
		p.mu.Lock()
		p.so.over(err)
		p.mu.Unlock()
		res = p.Result()
	}()
	if err := s.Validate(); err != nil {
		return res, err
	}
	if err := o.Identity.Validate(); err != nil {
		return res, err
	}
	r, err := os.OpenRoot(root)
	if err != nil {
		return res, err
	}
	defer r.Close()
	p.total = s.Size()
	var dir func(at string, levels int) error
	dir = func(at string, levels int) error {
		for i := 0; levels > 1 && i < s.Dirs; i++ {
			name := path.Join(at, "dir"+strconv.Itoa(i))
			if cmd == CmdGenerate {
				if err := r.MkdirAll(name, 0o777); err != nil {
					return err
				}
			}
			p.mu.Lock()
			p.done.Dirs++
			if cmd == CmdGenerate {
				p.so.GeneratedDirs++
			} else if _, err := r.Stat(name); err == nil {
				p.so.VerifiedDirs++
			} else {
				p.so.MissingDirs++
			}
			p.mu.Unlock()
			if err := dir(name, levels-1); err != nil {
				return err
			}
		}
		for i := range s.Files {
			if err := context.Cause(ctx); err != nil {
				return fmt.Errorf("interrupted: %w", err)
			}
			name := path.Join(at, "file"+strconv.Itoa(i))
			what, err := file(r, name, content(s, o.Identity, name))
			if err != nil {
				return err
			}
			p.mu.Lock()
			p.done.Files++
			p.done.Bytes += s.Length
			switch {
			case cmd == CmdGenerate:
				p.so.GeneratedFiles++
			case what == "":
				p.so.VerifiedFiles++
			case what == "missing":
				p.so.MissingFiles++
			default:
				p.so.CorruptedFiles++
			}
			if what != "" {
				p.so.note(name, what)
			}
			p.so.Bytes += s.Length
			p.mu.Unlock()
		}
		return nil
	}
	return res, dir(".", s.Levels)
}

func content(s Spec, id Identity, name string) []byte {
	all := make([]byte, s.Length)
	for n := int64(0); n*s.BlockSize < s.Length; n++ {
		b := all[n*s.BlockSize:][:s.BlockSize]
		binary.BigEndian.PutUint64(b, uint64(n*s.BlockSize))
		binary.BigEndian.PutUint64(b[8:], uint64(n))
		binary.BigEndian.PutUint32(b[16:], uint32(s.Pass))
		text := fmt.Sprintf("iGeekTest-%d-%d", s.Pass, n)
		if id != (Identity{}) {
			text += fmt.Sprintf(" %s:%s\n", id, name)
		}
		for at := headerSize; at < len(b)-sumSize-padSize; {
			at += copy(b[at:len(b)-sumSize-padSize], text)
		}
		sum := sha1.Sum(b[:len(b)-sumSize])
		copy(b[len(b)-sumSize:], sum[:])
	}
	return all
}
