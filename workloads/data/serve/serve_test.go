package serve

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/reckon-bench/reckon/workloads/data/draw"
	"github.com/reckon-bench/reckon/workloads/data/tree"
)

func TestRangesAreTheFiles(t *testing.T) {
	tr, err := tree.New(tree.Spec{Seed: 5, Size: 1 << 20, Files: 40, Directories: 5, Fanout: 3, Change: draw.RateOf(0.1), Start: time.Unix(0, 0), Period: time.Hour}, 2)
	if err != nil {
		t.Fatal(err)
	}
	h := New()
	var views []*tree.View
	for g := range 3 {
		v, err := tr.At(g)
		if err != nil {
			t.Fatal(err)
		}
		views = append(views, v)
		h.Add(fmt.Sprintf("/gen%d", g), v)
	}
	s := httptest.NewServer(h)
	defer s.Close()
	get := func(path, span string) (int, []byte) {
		t.Helper()
		r, err := http.NewRequest(http.MethodGet, s.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if span != "" {
			r.Header.Set("Range", span)
		}
		resp, err := s.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, b
	}
	for g, v := range views {
		files := 0
		for e := range v.Entries(1) {
			if e.Kind != tree.File || v.Size(e) < 100 {
				continue
			}
			files++
			f, err := v.File(e)
			if err != nil {
				t.Fatal(err)
			}
			want := make([]byte, f.Size())
			if _, err := f.ReadAt(want, 0); err != nil {
				t.Fatal(err)
			}
			path := fmt.Sprintf("/gen%d/%s", g, v.Path(e))
			if code, got := get(path, ""); code != http.StatusOK || !bytes.Equal(got, want) {
				t.Errorf("%s: %d, %d bytes of %d", path, code, len(got), len(want))
			}
			if code, got := get(path, "bytes=33-99"); code != http.StatusPartialContent || !bytes.Equal(got, want[33:100]) {
				t.Errorf("%s: %d, %d bytes of 67", path, code, len(got))
			}
		}
		if files == 0 {
			t.Errorf("generation %d has no file in the first directory", g)
		}
	}
	if code, got := get("/", ""); code != http.StatusOK || strings.Count(string(got), "href") != 3 {
		t.Errorf("%d %s", code, got)
	}
	if code, _ := get("/gen0/absent", ""); code != http.StatusNotFound {
		t.Errorf("what is not there: %d", code)
	}
	if code, _ := get("/gen0/../../etc/passwd", ""); code == http.StatusOK {
		t.Errorf("outside of the tree: %d", code)
	}
}
