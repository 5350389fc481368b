package judge

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"time"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/check"
	"github.com/reckon-bench/reckon/reckon/child"
	"github.com/reckon-bench/reckon/reckon/plan"
	"github.com/reckon-bench/reckon/results"
)

// Role is the name under which the binary judges a run: reckon-check DIR. It is a process of its
// own so that its time and its memory can be bounded.
const Role = "reckon-check"

// CheckTime bounds how long the checks of one run may take, all together.
const CheckTime = 5 * time.Minute

// checkMemory bounds what the checking process may hold, in bytes.
const checkMemory = 4 << 30

// runChecks has the checks run in a process of their own. One that did not come
// to its verdict is Unknown, and says why.
func runChecks(dir *results.Dir, p *plan.Plan) []check.Result {
	got, why := collectVerdicts(dir)
	var all []check.Result
	for _, c := range p.Checks() {
		r, ok := got[c.Name]
		if !ok {
			r = check.Result{Name: c.Name, Detail: "not decided: " + why}
		}
		all = append(all, r)
	}
	return all
}

func collectVerdicts(dir *results.Dir) (got map[string]check.Result, why string) {
	cmd := child.Command(Role, dir.Path())
	var out bytes.Buffer
	var complaint strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &complaint
	err := child.Run(cmd, func(ended <-chan struct{}) {
		select {
		case <-ended:
		case <-time.After(CheckTime + 10*time.Second):
			_ = cmd.Process.Kill() // it may have ended by now
		}
	})
	got = map[string]check.Result{}
	for dec := json.NewDecoder(&out); ; {
		var r check.Result
		if dec.Decode(&r) != nil { // the end, or what a killed process left unfinished
			break
		}
		got[r.Name] = r
	}
	last, _, _ := strings.Cut(strings.TrimSpace(complaint.String()), "\n")
	return got, cmp.Or(last, fmt.Sprint(err))
}

// Main is the checking process: it judges the directory that is its argument and prints a JSON
// object for each check.
func Main() {
	if err := judge(os.Args[1], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func judge(path string, w io.Writer) error {
	dir, err := results.Open(path)
	if err != nil {
		return err
	}
	plan, _, err := dir.Plan()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), CheckTime)
	defer cancel()
	go boundMemory()
	h, _, err := dir.History()
	if err != nil {
		return err
	}
	enc := json.NewEncoder(w)
	for _, c := range plan.Checks() {
		if err := enc.Encode(guarded(ctx, c, h)); err != nil {
			return err
		}
	}
	return nil
}

// guarded runs the check; a crash of it is Unknown and does not take the others along.
func guarded(ctx context.Context, c reckon.Check, h *reckon.History) (r check.Result) {
	defer func() {
		if x := recover(); x != nil {
			r = check.Result{Detail: fmt.Sprintf("the check crashed: %v", x)}
		}
		r.Name = c.Name
	}()
	return c.Run(ctx, h)
}

// boundMemory ends the process when it holds more than it may. The soft limit makes the
// collector work before that happens.
func boundMemory() {
	debug.SetMemoryLimit(checkMemory * 3 / 4)
	sample := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	for range time.Tick(50 * time.Millisecond) {
		metrics.Read(sample)
		if held := sample[0].Value.Uint64() - sample[1].Value.Uint64(); held > checkMemory {
			fmt.Fprintf(os.Stderr, "out of memory: checking may hold %d MiB\n", checkMemory>>20)
			os.Exit(1)
		}
	}
}
