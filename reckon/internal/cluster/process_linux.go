package cluster

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"syscall"

	"github.com/reckon-bench/reckon/reckon"
	"github.com/reckon-bench/reckon/reckon/history"
	"github.com/reckon-bench/reckon/reckon/host"
)

// start runs the process. The caller holds mu, or is the first.
func (n *node) start() error {
	c := n.cluster
	cmd := c.System.Command(n.member, c.Members)
	p, err := n.host.Start(host.Command{Path: cmd.Path, Args: cmd.Args, Env: cmd.Env, Dir: n.member.Dir, Stdout: n.log, Stderr: n.log})
	if err != nil {
		return fmt.Errorf("start %s on %s: %w", cmd.Args[0], n.Name(), err)
	}
	n.process, n.killed = p, false
	c.monitor.Ran(n.Name())
	go n.watch(p)
	return nil
}

// watch notes an end that nobody asked for.
func (n *node) watch(p *host.Process) {
	<-p.Done()
	n.mu.Lock()
	wanted := n.killed || n.process != p
	n.killed = n.killed || !wanted
	n.mu.Unlock()
	if !wanted {
		n.fall(p)
	}
}

// fall records that the process has ended, which nobody wanted.
func (n *node) fall(p *host.Process) {
	c := n.cluster
	err := fmt.Errorf("%s ended by itself (%v)%s", n.Name(), p.State(), n.log.Quote())
	e := history.NewHarness(err.Error())
	if c.monitor.Started() && !byOthers(p.State()) && n.log.Lacks() == "" {
		e = history.NewEnded(n.Name(), fmt.Sprintf("%v, after: %s", p.State(), n.log.Complaint()))
	}
	c.Fatal(e.When(c.Clock.Now()), err)
	c.record(c.monitor.Fell(c.Clock.Now(), n.Name(), err))
}

// byOthers reports whether the process was ended by a signal that programs do not send themselves:
// that of the machine when its memory is full, and those of people, which a program may also take
// as a request, and end in order.
func byOthers(s *os.ProcessState) bool {
	w, ok := s.Sys().(syscall.WaitStatus)
	return s.Success() || ok && w.Signaled() && slices.Contains([]syscall.Signal{syscall.SIGKILL, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP}, w.Signal())
}

func (n *node) ended() bool {
	select {
	case <-n.process.Done():
		return true
	default:
		return false
	}
}

// end kills the process, unless it has just ended by itself, which nobody has noted yet. The caller
// holds mu.
func (n *node) end() {
	noted := n.killed
	n.killed = true
	_ = n.process.Kill() // the end of the tree ends it in any case
	if !noted && n.ended() && !byOthers(n.process.State()) {
		n.fall(n.process)
	}
}

// look returns what is observed of the process; an error where it is not in the state.
func (n *node) look(s reckon.State) (seen string, err error) {
	pid := n.process.PID()
	if s == reckon.Dead {
		if !n.ended() {
			return "", fmt.Errorf("kill %s: process %d is still there", n.Name(), pid)
		}
		return fmt.Sprintf("process %d of %s is gone (%v)", pid, n.Name(), n.process.State()), nil
	}
	threads, stopped, err := n.threads()
	switch {
	case err != nil:
		return "", fmt.Errorf("look at process %d of %s: %w", pid, n.Name(), err)
	case s == reckon.Paused && stopped < threads:
		return "", fmt.Errorf("pause %s: %d of %d threads of process %d are not stopped", n.Name(), threads-stopped, threads, pid)
	case s == reckon.Running && stopped > 0:
		return "", fmt.Errorf("resume %s: %d of %d threads of process %d are still stopped", n.Name(), stopped, threads, pid)
	case s == reckon.Paused:
		return fmt.Sprintf("process %d of %s is stopped, all of its %d threads", pid, n.Name(), threads), nil
	}
	return fmt.Sprintf("process %d of %s runs", pid, n.Name()), nil
}

// stopped reports whether all threads of the process are.
func (n *node) stopped() bool {
	threads, stopped, err := n.threads()
	return err == nil && threads > 0 && stopped == threads
}

// threads returns how many threads the process has, and how many of them are stopped (proc(5),
// state T).
func (n *node) threads() (all, stopped int, err error) {
	dir := fmt.Sprintf("/proc/%d/task", n.process.PID())
	tasks, err := os.ReadDir(dir)
	if err != nil {
		return 0, 0, err
	}
	for _, t := range tasks {
		stat, err := os.ReadFile(dir + "/" + t.Name() + "/stat")
		if err != nil { // it ended meanwhile
			continue
		}
		all++
		// The name before it may hold anything, parentheses as well.
		if i := bytes.LastIndex(stat, []byte(") ")); i >= 0 && bytes.HasPrefix(stat[i+2:], []byte("T")) {
			stopped++
		}
	}
	return all, stopped, nil
}
