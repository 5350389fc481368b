// Package serve gives trees to read over HTTP: files with ranges of bytes, and
// lists of directories as HTML. Over a network of machines that have reckon,
// send the seed instead.
package serve

import (
	"fmt"
	"html"
	"net/http"
	"slices"
	"strings"

	"github.com/reckon-bench/reckon/workloads/data/tree"
)

// A Handler serves views below paths. Add before it serves.
type Handler struct {
	mux   *http.ServeMux
	paths []string
}

// New returns a handler of nothing.
func New() *Handler {
	h := &Handler{mux: http.NewServeMux()}
	h.mux.HandleFunc("GET /{$}", h.index)
	return h
}

// Add serves the view below the path, which begins with a slash and does not end with one.
func (h *Handler) Add(path string, v *tree.View) {
	h.paths = append(h.paths, path)
	h.mux.Handle("GET "+path+"/", http.StripPrefix(path, http.FileServerFS(v.FS())))
}

func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.mux.ServeHTTP(w, r) }

// index lists the paths.
func (h *Handler) index(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	var b strings.Builder
	for _, p := range slices.Sorted(slices.Values(h.paths)) {
		fmt.Fprintf(&b, "<a href=\"%s/\">%s</a><br>\n", html.EscapeString(p), html.EscapeString(p))
	}
	_, _ = w.Write([]byte(b.String())) // whoever asked is gone
}
