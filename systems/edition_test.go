package systems

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/sys/reexec"

	"github.com/reckon-bench/reckon/reckon"
)

// prepare prepares the word with the flags given as "--name=value".
func prepare(t *testing.T, name string, flags ...string) (*reckon.Prepared, reckon.System, error) {
	t.Helper()
	s := word(t, name, flags...)
	p, err := s.(reckon.Preparer).Prepare(t.Context(), new(bytes.Buffer))
	return p, s, err
}

// fakeEtcd is a program that says it is the version, and knows no flag that is listed.
func fakeEtcd(t *testing.T, version string, unknown ...string) string {
	t.Helper()
	var refuse strings.Builder
	for _, u := range unknown {
		fmt.Fprintf(&refuse, "--%s=*) echo 'flag provided but not defined: -%s' >&2; exit 2;;\n", u, u)
	}
	return script(t, "for a; do case $a in\n"+refuse.String()+"esac; done\necho 'etcd Version: "+version+"'\n")
}

func script(t *testing.T, body string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "etcd")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+body), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// A real etcd, which reckon's own binary is under the name that Command gives it, is asked and
// taken.
func TestPrepareTakesABinary(t *testing.T) {
	for _, try := range []struct{ word, flag string }{{"etcd@" + reexec.Self(), "--failure-timeout=1"}, {"etcd", "--etcd-binary=" + reexec.Self()}} {
		p, s, err := prepare(t, try.word, try.flag)
		if err != nil {
			t.Fatal(err)
		}
		if p.Word != try.word || p.Path != reexec.Self() || !strings.HasPrefix(p.Version, "3.") || len(p.SHA256) != 64 || len(p.Renamed) != 0 {
			t.Errorf("%s: prepared %+v", try.word, p)
		}
		version, err := s.(reckon.Versioner).Version()
		if want := "etcd " + p.Version + ", " + p.Path; version != want || err != nil {
			t.Errorf("%s: version %q, %v; want %q", try.word, version, err, want)
		}
	}
	if p, _, err := prepare(t, "etcd"); p != nil || err != nil {
		t.Errorf("the etcd that is built in: prepared %v, %v; want nothing to do", p, err)
	}
}

func TestPrepareRefusesWhatIsNoEtcd(t *testing.T) {
	plain := filepath.Join(t.TempDir(), "plain")
	if err := os.WriteFile(plain, []byte("words"), 0o644); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"/nowhere/etcd":                    "no such file or directory",
		plain:                              "permission denied",
		t.TempDir():                        "permission denied",
		script(t, "echo hello"):            `is no etcd: asked for its --version it says "hello"`,
		script(t, "echo sorry >&2; false"): `ended with exit status 1: "sorry"`,
		script(t, "true"):                  `it says ""`,
	} {
		_, _, err := prepare(t, "etcd@"+path)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v; want one line with the path and %q", path, err, want)
		}
	}
}

// What a version does not know is written as it knows it, or refused by name.
func TestPrepareMapsFlags(t *testing.T) {
	for _, c := range []struct {
		word    string
		unknown []string
		flags   []string
		renamed map[string]string
		wantErr string
	}{
		{word: "etcd"},
		{word: "etcd", unknown: []string{"experimental-max-learners"}, flags: []string{"experimental-max-learners=2"},
			renamed: map[string]string{"experimental-max-learners": "max-learners"}},
		{word: "etcd", unknown: []string{"max-learners"}, flags: []string{"max-learners=2"},
			renamed: map[string]string{"max-learners": "experimental-max-learners"}},
		{word: "etcd", unknown: []string{"xyzzy", "experimental-xyzzy"}, flags: []string{"xyzzy=2"}, wantErr: "has no flag --experimental-xyzzy, nor --xyzzy"},
		{word: "etcd", unknown: []string{"pre-vote"}, wantErr: "has no flag --pre-vote: use the word etcd-no-pre-vote"},
		{word: "etcd-no-pre-vote", unknown: []string{"pre-vote", "logger", "log-outputs"},
			renamed: map[string]string{"pre-vote": "", "logger": "", "log-outputs": "log-output"}},
		{word: "etcd", unknown: []string{"election-timeout"}, wantErr: "has no flag --election-timeout, which reckon needs"},
	} {
		var flags []string
		for _, f := range c.flags {
			flags = append(flags, "--etcd-flag="+f)
		}
		p, s, err := prepare(t, c.word+"@"+fakeEtcd(t, "3.1.4", c.unknown...), flags...)
		if c.wantErr != "" {
			if err == nil || !strings.Contains(err.Error(), "etcd 3.1.4 ") || !strings.Contains(err.Error(), c.wantErr) {
				t.Errorf("%s without %v: %v; want %q", c.word, c.unknown, err, c.wantErr)
			}
			continue
		}
		if err != nil || !maps.Equal(p.Renamed, c.renamed) {
			t.Errorf("%s without %v: %+v, %v; want %v", c.word, c.unknown, p, err, c.renamed)
			continue
		}
		one := reckon.Member{Name: "n1"}
		for _, a := range s.Command(one, []reckon.Member{one}).Args {
			name, _, _ := strings.Cut(strings.TrimPrefix(a, "--"), "=")
			if slices.Contains(c.unknown, name) {
				t.Errorf("%s without %v gets %s", c.word, c.unknown, a)
			}
		}
	}
}

// A value that etcd does not take is its own to refuse.
func TestPrepareRefusesValues(t *testing.T) {
	_, _, err := prepare(t, "etcd@"+reexec.Self(), "--etcd-flag=snapshot-count=many")
	if err == nil || !strings.Contains(err.Error(), `invalid value "many" for flag -snapshot-count`) {
		t.Errorf("%v, want etcd's own words", err)
	}
}

func TestNoVersionRunsUnprepared(t *testing.T) {
	one := reckon.Member{Name: "n1"}
	c := word(t, "etcd@v3.5.9").Command(one, []reckon.Member{one})
	if _, err := os.Stat(c.Path); c.Path == "" || err == nil {
		t.Errorf("it would run %q", c.Path)
	}
}

// proxy is a Go module proxy in a directory, with versions of etcd's server that do nothing but say
// which they are; the one in broken does not compile.
func proxy(t *testing.T, broken string, versions ...string) {
	t.Helper()
	dir := t.TempDir()
	at := filepath.Join(dir, filepath.FromSlash(etcdModule), "@v")
	if err := os.MkdirAll(at, 0o755); err != nil {
		t.Fatal(err)
	}
	write := func(name string, content []byte) {
		if err := os.WriteFile(filepath.Join(at, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("list", []byte(strings.Join(versions, "\n")+"\n"))
	for _, v := range versions {
		source := fmt.Sprintf("package etcdmain\n\nfunc Main([]string) { println(%q) }\n", "etcd Version: "+strings.TrimPrefix(v, "v"))
		if v == broken {
			source = "package etcdmain\n\nfunc Main([]string) { undefinedHere() }\n"
		}
		gomod := "module " + etcdModule + "\n\ngo 1.21\n"
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		for name, content := range map[string]string{"go.mod": gomod, "etcdmain/main.go": source} {
			w, err := z.Create(etcdModule + "@" + v + "/" + name)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprint(w, content)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		write(v+".zip", b.Bytes())
		write(v+".mod", []byte(gomod))
		write(v+".info", fmt.Appendf(nil, `{"Version":%q}`, v))
	}
	goEnviron(t, dir)
}

// goEnviron points the Go toolchain to the proxy, and keeps what it fetches and reckon's cache out
// of the user's.
func goEnviron(t *testing.T, proxy string) {
	t.Helper()
	cache, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOCACHE", strings.TrimSpace(string(cache)))
	t.Setenv("GOPROXY", "file://"+proxy)
	t.Setenv("GOSUMDB", "off")
	t.Setenv("GOMODCACHE", t.TempDir())
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Cleanup(func() {
		if out, err := exec.Command("go", "clean", "-modcache").CombinedOutput(); err != nil { // its files are read-only
			t.Errorf("go clean -modcache: %v: %s", err, out)
		}
	})
}

// Several that want one version at once get one program, built once.
func TestBuildOnce(t *testing.T) {
	proxy(t, "", "v3.5.1", "v3.5.2", "v3.6.0-rc.0")
	var (
		wg    sync.WaitGroup
		said  [4]bytes.Buffer
		paths [4]string
	)
	for i := range paths {
		wg.Go(func() {
			exact, path, err := buildEtcd(t.Context(), "v3.5", &said[i])
			if err != nil || exact != "v3.5.2" {
				t.Errorf("built %q, %v; want the newest of 3.5", exact, err)
			}
			paths[i] = path
		})
	}
	wg.Wait()
	built := 0
	for i := range paths {
		built += strings.Count(said[i].String(), "building etcd v3.5.2 with go")
		if paths[i] != paths[0] {
			t.Errorf("%s and %s", paths[i], paths[0])
		}
	}
	if built != 1 {
		t.Errorf("built %d times, want once", built)
	}
	p, _, err := prepare(t, "etcd@v3.5")
	if err != nil {
		t.Fatal(err)
	}
	if p.Word != "etcd@v3.5.2" || p.Version != "3.5.2" || p.Path != paths[0] {
		t.Errorf("prepared %+v", p)
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(filepath.Dir(paths[0])), "build-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// Where nobody can be asked which patch of a minor is the newest, the newest that was built is
// taken, and that is said.
func TestBuildWithoutProxy(t *testing.T) {
	proxy(t, "", "v3.5.1", "v3.5.2", "v3.6.0")
	for _, v := range []string{"v3.5.2", "v3.5.1", "v3.6.0"} {
		if _, _, err := buildEtcd(t.Context(), v, new(bytes.Buffer)); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("GOPROXY", "off")
	var said bytes.Buffer
	if exact, _, err := buildEtcd(t.Context(), "v3.5", &said); err != nil || exact != "v3.5.2" || !strings.Contains(said.String(), "v3.5.2 is taken for etcd v3.5, as the newest that was built here") {
		t.Errorf("got %q, %v; it said %q", exact, err, said.String())
	}
	if _, _, err := buildEtcd(t.Context(), "v3.7", new(bytes.Buffer)); err == nil {
		t.Error("v3.7 was taken from nowhere")
	}
}

func TestBuildSaysWhatTheToolSays(t *testing.T) {
	proxy(t, "v3.5.2", "v3.5.1", "v3.5.2")
	for version, want := range map[string]string{
		"v3.5.2": "undefined: undefinedHere",
		"v3.5.9": "v3.5.9",
		"v3.6":   "there is no release of etcd v3.6; there are v3.5.1, v3.5.2",
	} {
		_, _, err := buildEtcd(t.Context(), version, new(bytes.Buffer))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q", version, err, want)
		}
	}
	kept, err := filepath.Glob(filepath.Join(os.Getenv("XDG_CACHE_HOME"), "reckon", "etcd", "*", "etcd"))
	if err != nil || len(kept) > 0 {
		t.Errorf("what does not build was kept: %v, %v", kept, err)
	}
}

func TestBuildNeedsAToolchain(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, _, err := prepare(t, "etcd@v3.5.9")
	if err == nil || !strings.Contains(err.Error(), "needs a Go toolchain") || !strings.Contains(err.Error(), "etcd@/") {
		t.Errorf("%v; want the lack, and the other way", err)
	}
}

// A build that is broken off ends at once, with the compilers that it started, and leaves nothing
// half made.
func TestBuildEndsWithItsContext(t *testing.T) {
	bin, begun := t.TempDir(), filepath.Join(t.TempDir(), "begun")
	slow := "#!/bin/sh\ncase $1 in env) echo go1.99;; build) echo half >etcd; sleep 1000 & touch " + begun + "; wait;; esac\n"
	if err := os.WriteFile(filepath.Join(bin, "go"), []byte(slow), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		_, _, err := buildEtcd(ctx, "v3.5.1", new(bytes.Buffer))
		ended <- err
	}()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(begun); err == nil {
			break
		} else if time.Now().After(deadline) {
			t.Fatal("it does not begin to build")
		}
	}
	cancel()
	select {
	case err := <-ended:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("it ended with %v", err)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("it does not end")
	}
	left, err := filepath.Glob(filepath.Join(os.Getenv("XDG_CACHE_HOME"), "reckon", "etcd", "*", "*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
