package systems

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"go.etcd.io/etcd/api/v3/version"
	"golang.org/x/mod/semver"

	"github.com/reckon-bench/reckon/reckon"
)

// An edition is an etcd other than the built-in one: a version, which is built from its module, or
// a binary. The zero edition is the built-in etcd.
type edition struct {
	version string // of the module: "v3.5.21", or "v3.5" for the newest of a minor
	path    string // of a binary; absolute, as hosts run it from directories of their own
}

func (ed edition) String() string { return cmp.Or(ed.version, ed.path) }

// versionLike is what is meant as a version, with or without its v.
var versionLike = regexp.MustCompile(`^v?[0-9]+(\.[0-9]+)*(-[0-9A-Za-z.-]+)?(\+incompatible)?$`)

// oldestModule is the first minor whose server is a module that can be built by requiring it.
const oldestModule = "v3.5"

// parseEdition reads what stands after the @. It looks for no file that is named with a slash: a
// recorded run must read the same where its binary is gone.
func parseEdition(argument string) (edition, error) {
	if versionLike.MatchString(argument) {
		return parseVersion("v" + strings.TrimPrefix(argument, "v"))
	}
	path, err := absolute(argument)
	return edition{path: path}, err
}

func parseVersion(v string) (edition, error) {
	switch minor := semver.MajorMinor(v); {
	case minor == "" || strings.Count(v, ".") == 0:
		return edition{}, fmt.Errorf("want a version such as v3.5.21, or v3.5 for its newest, or the path of a binary")
	case semver.Compare(minor, oldestModule) < 0:
		return edition{}, fmt.Errorf("the server of etcd %s is no module that Go can build, only those from %s on: give the path of a binary, as in etcd@/usr/bin/etcd", strings.TrimPrefix(minor, "v"), strings.TrimPrefix(oldestModule, "v"))
	case semver.Major(v) != "v3":
		return edition{}, fmt.Errorf("the module of etcd's server is go.etcd.io/etcd/server/v3, which has only versions v3")
	}
	return edition{version: v}, nil
}

// absolute finds a name without a slash on the PATH first, as a shell would.
func absolute(name string) (string, error) {
	if !strings.ContainsRune(name, filepath.Separator) {
		if found, err := exec.LookPath(name); err == nil {
			name = found
		}
	}
	abs, err := filepath.Abs(name)
	if err != nil {
		return "", fmt.Errorf("find %s: %w", name, err)
	}
	return abs, nil
}

// binaryPath is the value of --etcd-binary.
type binaryPath string

func (p *binaryPath) Type() string   { return "path" }
func (p *binaryPath) String() string { return string(*p) }

func (p *binaryPath) Set(s string) error {
	path, err := absolute(s)
	*p = binaryPath(path)
	return err
}

// needsEdition returns an error for two etcds in one run.
func (e *etcd) needsEdition() error {
	if e.binary != "" && e.edition != (edition{}) {
		return fmt.Errorf("--etcd-binary %s: the word %s@%s says already which etcd to run", e.binary, e.word, e.edition)
	}
	return nil
}

func (e *etcd) builtIn() bool { return e.binary == "" && e.edition == edition{} }

// path returns the program to run, "" for reckon's own binary.
func (e *etcd) path() string {
	found := cmp.Or(e.program.Path, e.edition.path, string(e.binary))
	if found == "" && !e.builtIn() {
		return "/etcd-" + e.edition.version + "-was-not-prepared" // never another etcd in its place
	}
	return found
}

// Prepare builds the version that the word asks for, or looks at the binary that it names, and has
// it read the command line that it will get.
func (e *etcd) Prepare(ctx context.Context, progress io.Writer) (*reckon.Prepared, error) {
	if e.builtIn() {
		return nil, nil
	}
	found := reckon.Prepared{Word: e.word, Path: e.path()}
	if e.edition.version != "" {
		exact, path, err := buildEtcd(ctx, e.edition.version, progress)
		if err != nil {
			return nil, err
		}
		found.Path, e.edition.version = path, exact
	}
	if e.edition != (edition{}) {
		found.Word += "@" + e.edition.String()
	}
	var err error
	if found.Version, err = etcdVersion(ctx, found.Path); err != nil {
		return nil, err
	}
	if found.SHA256, err = hashFile(found.Path); err != nil {
		return nil, err
	}
	e.program = found
	if err := e.acquaint(ctx); err != nil {
		return nil, err
	}
	return &e.program, nil
}

// Use makes Command run the prepared program.
func (e *etcd) Use(p reckon.Prepared) { e.program = p }

// Version asks any etcd but the one that is built in.
func (e *etcd) Version() (string, error) {
	if e.builtIn() {
		return "etcd " + version.Version + ", built in", nil
	}
	v, err := etcdVersion(context.Background(), e.path())
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("etcd %s, %s", v, e.path()), nil
}

// versionLine is how etcd begins when it is asked for its version.
var versionLine = regexp.MustCompile(`^etcd Version: (\S+)`)

// etcdVersion returns the version that the program reports. The error says why it is not an etcd.
func etcdVersion(ctx context.Context, path string) (string, error) {
	out, err := askProgram(ctx, path, "--version")
	if m := versionLine.FindStringSubmatch(out); m != nil && err == nil {
		return m[1], nil
	}
	first, _, _ := strings.Cut(strings.TrimSpace(out), "\n")
	var cannot *os.PathError
	switch {
	case errors.As(err, &cannot):
		return "", err // it is missing, no program, or may not be run; the error names it
	case err != nil && first != "":
		return "", fmt.Errorf("%s is no etcd: asked for its --version it ended with %v: %.200q", path, err, first)
	case err != nil:
		return "", fmt.Errorf("%s is no etcd: asked for its --version it ended with %v", path, err)
	}
	return "", fmt.Errorf("%s is no etcd: asked for its --version it says %.200q", path, first)
}

// askTime is how long a program may take to answer a question on its command line.
const askTime = 10 * time.Second

// askProgram runs the program as members run it, and returns what it says, on both its outputs.
func askProgram(ctx context.Context, path string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Args[0] = EtcdRole // as when it is run: a reckon is an etcd by this name
	// It may be a script whose children hold its output open: all of them end with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil && err != nil {
		err = fmt.Errorf("no answer within %v", askTime)
	}
	return string(out), err
}

func hashFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("hash the program: %w", err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("hash the program: %w", err)
	}
	return fmt.Sprintf("%x", h.Sum(nil)), nil
}

// undefined is how Go's flag package says that it does not know a flag.
var undefined = regexp.MustCompile(`^flag provided but not defined: -+(\S+)`)

// acquaint has the program read its command line, with --version at the end: then it ends once its
// flags are parsed. A flag that it does not know is given by the name that it knows, or refused.
func (e *etcd) acquaint(ctx context.Context) error {
	one := reckon.Member{Name: "n1", Addr: netip.AddrFrom4([4]byte{127, 0, 0, 1}), Dir: "/"}
	for {
		args := e.Command(one, []reckon.Member{one}).Args[1:]
		out, err := askProgram(ctx, e.program.Path, append(args, "--version")...)
		if err == nil {
			return nil
		}
		m := undefined.FindStringSubmatch(out)
		if m == nil {
			first, _, _ := strings.Cut(strings.TrimSpace(out), "\n")
			return fmt.Errorf("etcd %s refuses its flags: %s (%w)", e.program.Version, first, err)
		}
		if err := e.rename(m[1]); err != nil { // it renames a flag once, so this ends
			return err
		}
	}
}

// before34 are the flags of reckon's own that etcd did not have before 3.4, and what there was
// instead.
var before34 = map[string]string{"logger": "", "log-outputs": "log-output", "pre-vote": ""}

// experimental is the prefix of flags that 3.6 dropped for those that had proved themselves, and
// 3.7 knows no more.
const experimental = "experimental-"

// rename returns the name that the program may have for the flag.
func (e *etcd) rename(flag string) error {
	unknown := fmt.Errorf("etcd %s has no flag --%s", e.program.Version, flag)
	for given, now := range e.program.Renamed {
		if now == flag {
			return fmt.Errorf("%w, nor --%s", unknown, given)
		}
	}
	other, ours := before34[flag]
	switch {
	case flag == "pre-vote" && e.preVote:
		return fmt.Errorf("%w: use the word etcd-no-pre-vote", unknown)
	case ours:
	case !slices.ContainsFunc(e.flags, func(f etcdFlag) bool { return f.name == flag }):
		return fmt.Errorf("%w, which reckon needs", unknown)
	case strings.HasPrefix(flag, experimental):
		other = strings.TrimPrefix(flag, experimental)
	default:
		other = experimental + flag
	}
	if _, again := e.program.Renamed[flag]; again {
		return unknown
	}
	if e.program.Renamed == nil {
		e.program.Renamed = map[string]string{}
	}
	e.program.Renamed[flag] = other
	return nil
}
