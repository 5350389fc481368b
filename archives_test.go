package reckon_test

import (
	"bytes"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// archives matches the host names of package archives and registries. A machine's own package
// manager knows which archive it is to use, often a mirror, so the repository names none. The names
// stand here in parts, because this file is searched too.
var archives = func() *regexp.Regexp {
	var names []string
	for _, labels := range [][]string{
		{"debian", "org"},
		{"ubuntu", "com"},
		{"alpinelinux", "org"},
		{"archlinux", "org"},
		{"fedoraproject", "org"},
		{"proxy", "golang", "org"},
		{"sum", "golang", "org"},
		{"pypi", "org"},
		{"pythonhosted", "org"},
		{"npmjs", "(?:com|org)"},
		{"rubygems", "org"},
		{"crates", "io"},
	} {
		names = append(names, strings.Join(labels, `\.`))
	}
	return regexp.MustCompile(`(?i)\b(?:[a-z0-9-]+\.)*(?:` + strings.Join(names, "|") + `)\b`)
}()

func TestNoArchiveIsNamed(t *testing.T) {
	// A checkout may belong to somebody else than who tests it, as under sudo.
	out, err := exec.Command("git", "-c", "safe.directory=*", "ls-files", "-z").Output()
	if err != nil {
		t.Fatalf("list the tracked files: %v", err)
	}
	files := strings.FieldsFunc(string(out), func(r rune) bool { return r == 0 })
	if len(files) == 0 {
		t.Fatal("git tracks no file here")
	}
	for _, name := range files {
		content, err := os.ReadFile(name)
		if os.IsNotExist(err) {
			continue // deleted, and not committed yet
		}
		if err != nil {
			t.Error(err)
		}
		for i, line := range bytes.Split(content, []byte("\n")) {
			if host := archives.Find(line); host != nil {
				t.Errorf("%s:%d names the package archive %s: let the package manager say which it uses", name, i+1, host)
			}
		}
	}
}

func TestArchivesAreRecognised(t *testing.T) {
	dot := func(labels ...string) string { return strings.Join(labels, ".") }
	for text, want := range map[string]string{
		"http://" + dot("deb", "debian", "org") + "/debian":                dot("deb", "debian", "org"),
		"deb http://" + dot("Archive", "Ubuntu", "com") + " noble":         dot("Archive", "Ubuntu", "com"),
		"GOPROXY=https://" + dot("proxy", "golang", "org") + ",direct":     dot("proxy", "golang", "org"),
		"registry=https://" + dot("registry", "npmjs", "org") + "/package": dot("registry", "npmjs", "org"),
		dot("golang", "org") + "/x/sys":                                    "",
		"container: debian:trixie":                                         "",
		dot("notdebian", "org"):                                            "",
	} {
		if got := archives.FindString(text); got != want {
			t.Errorf("in %q found %q, want %q", text, got, want)
		}
	}
}
