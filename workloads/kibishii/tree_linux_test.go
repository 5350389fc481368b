package kibishii

import (
	"bytes"
	"fmt"
	"testing"
)

var (
	ours   = Identity{"n1", "data"}
	theirs = Identity{"n2", "data"}
)

// Every file is what the simplest way makes, whichever way it was made: from the stencil or not,
// whole or in parts, in pieces that hold many blocks or one or a part of one.
func TestContent(t *testing.T) {
	for _, c := range []Spec{
		{Levels: 3, Dirs: 2, Files: 3, Length: 40 * 7, BlockSize: 40, Pass: 1},
		{Levels: 1, Files: 2, Length: 0, BlockSize: 40},
		{Levels: 2, Dirs: 1, Files: 2, Length: 59 * 3, BlockSize: 59, Pass: -7},
		{Levels: 2, Dirs: 1, Files: 2, Length: 60 * 3, BlockSize: 60},
		{Levels: 2, Dirs: 1, Files: 2, Length: 61 * 3, BlockSize: 61},
		{Levels: 2, Dirs: 1, Files: 2, Length: 75 * 30, BlockSize: 75, Pass: 1 << 30},
		{Levels: 2, Dirs: 10, Files: 10, Length: 1024, BlockSize: 1024},
		{Files: 1, Length: 1000 * 1001, BlockSize: 1001},
		{Files: 2, Length: 1000 * 1001, BlockSize: 1001},
		{Files: 2, Length: 4 * pieceSize, BlockSize: pieceSize, Pass: 5},
		{Files: 1, Length: 4 * (pieceSize + 1), BlockSize: pieceSize + 1, Pass: 5},
		{Files: 2, Length: 4 * (pieceSize - 1), BlockSize: pieceSize - 1, Pass: 5},
		{Files: 2, Length: 3 * (2*pieceSize + 11), BlockSize: 2*pieceSize + 11, Pass: 5},
		{Files: 2, Length: stencilSize + 3<<16, BlockSize: 1 << 16, Pass: 5}, // the stencil's end, and parts
		{Files: 2, Length: stencilSize + 3, BlockSize: stencilSize + 3},      // no stencil
	} {
		for _, id := range []Identity{{}, ours} {
			if id.fits(c) != nil {
				continue
			}
			t.Run(fmt.Sprintf("%+v %v", c, id), func(t *testing.T) {
				o := Options{Identity: id}
				tree := planted(t, c, o)
				everyFile(c, func(path string) {
					got := tree.read(path)
					if !bytes.Equal(got, content(c, id, path)) {
						t.Fatalf("%s is not what it should be", path)
					}
					if !acceptedByTheOriginal(c, got) {
						t.Fatalf("the original would refuse %s", path)
					}
				})
				tree.sound(c, o)
				tree.sound(c, Options{}) // as the original would
			})
		}
	}
}

// On small clusters callers ask for no file at all, in blocks of 0.
func TestNothingToDo(t *testing.T) {
	for _, s := range []Spec{{}, {Levels: 2}, {Levels: 1, Dirs: 5}, {Levels: 2, Dirs: 3, Length: 10 << 20}} {
		tree := planted(t, s, Options{Identity: ours})
		tree.sound(s, Options{Identity: ours})
	}
}
