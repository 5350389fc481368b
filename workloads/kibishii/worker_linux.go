package kibishii

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha1"
	"fmt"
	"hash"
)

// A worker writes or reads files, one job after the other.
type worker struct {
	*tree
	maker *maker
	hash  hash.Hash
	file  file   // the one under way, if it is this worker's alone
	got   []byte // what was read
}

// pieceSize is how many bytes are written or read at a time, so that they are still near when they
// are looked at.
const pieceSize = 64 << 10

func (t *tree) newWorker() *worker {
	return &worker{tree: t, maker: newMaker(t.stencil), hash: sha1.New()}
}

func (w *worker) do(ctx context.Context, j job) (err error) {
	defer func() { err = cmp.Or(err, j.dir.release()) }()
	if j.file != nil {
		err := w.blocks(ctx, j.file, j.from, j.to)
		return cmp.Or(err, w.leave(j.file, err == nil))
	}
	for i := j.from; i < j.to; i++ {
		if err := interrupted(ctx); err != nil {
			return err
		}
		f := &w.file
		*f = file{dir: j.dir, name: fileName(i)}
		f.held.Store(1)
		ok, err := w.open(f)
		if ok {
			err = w.blocks(ctx, f, 0, w.spec.blocks())
			err = cmp.Or(err, w.leave(f, err == nil))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// blocks writes or verifies those blocks of the file, a piece at a time: as many whole blocks as
// fit into one, or part of one.
func (w *worker) blocks(ctx context.Context, f *file, from, to int64) error {
	w.maker.line = w.o.Identity.appendLine(w.maker.line[:0], f.dir.path, f.name)
	size := w.spec.BlockSize
	for offset, end := from*size, to*size; offset < end; {
		if err := interrupted(ctx); err != nil {
			return err
		}
		n := size
		switch {
		case w.o.syncBlocks:
		case size > pieceSize:
			n = min(pieceSize, size-offset%size)
		default:
			n = min(pieceSize/size*size, end-offset)
		}
		want := w.maker.piece(offset, int(n))
		if w.cmd == CmdGenerate {
			if err := writeAt(f.fd, want, offset); err != nil {
				return fmt.Errorf("write file %s at %d: %w", f.path(), offset, err)
			}
		} else if n = w.compare(f, want, offset); n == 0 {
			return nil // and no more of this file can be read
		}
		offset += n
		f.passed.Add(n)
		w.p.passed(n)
	}
	return nil
}

// compare reads what should be want and says how many bytes were dealt with; 0 where there is no
// reading on.
func (w *worker) compare(f *file, want []byte, offset int64) int64 {
	if cap(w.got) < len(want) {
		w.got = make([]byte, len(want))
	}
	got, size := w.got[:len(want)], w.spec.BlockSize
	if err := readAt(f.fd, got, offset); err != nil {
		f.broken(lost(offset/size, err))
		return 0
	}
	if bytes.Equal(got, want) {
		return int64(len(got))
	}
	if size > int64(len(got)) {
		return w.judgeLarge(f, offset, got, want)
	}
	for at := int64(0); at < int64(len(got)); at += size {
		if block := got[at:][:size]; !bytes.Equal(block, want[at:][:size]) {
			n := (offset + at) / size
			if what := w.judge(n, bytes.NewReader(block)); what != "" {
				f.badBlock(n, what)
			}
		}
	}
	return int64(len(got))
}
