package node

import (
	"github.com/reckon-bench/reckon/reckon/sim/disk"
)

// This file is the node's test face.

// face is what has been done to a node.
type face struct {
	thaw  func() // of FreezeAfter
	left  uint64 // events until then; 0: none is planned
	holds int
}

// Kill ends the program as SIGKILL does: the disk's cache stays.
func (n *Node) Kill() {
	if n.state == Running {
		n.stop(Stopped)
	}
}

// Reboot kills the program and starts it again at once.
func (n *Node) Reboot() {
	n.Kill()
	n.Start(0)
}

// PowerCut ends the program and loses the disk's cache, but for what the cut leaves. The node is off until it is started.
func (n *Node) PowerCut(c disk.Cut) {
	n.stop(Off)
	n.Disk.PowerCut(c)
}

// Freeze keeps all of the node's work back until thaw is called, as SIGSTOP does: messages, timers and completions wait.
func (n *Node) Freeze() (thaw func()) {
	n.holds++
	release := n.loop.Hold(n.ID)
	done := false
	return func() {
		if !done {
			done = true
			n.holds--
			release()
		}
	}
}

// Frozen reports whether the node's work is kept back.
func (n *Node) Frozen() bool { return n.holds > 0 }

// FreezeAfter freezes the node once it has handled so many more events, in the middle of whatever it is doing. Thaw
// lets it go on, or cancels the plan.
func (n *Node) FreezeAfter(events uint64) (thaw func()) {
	n.left = max(events, 1)
	return func() {
		n.left = 0
		if n.thaw != nil {
			n.thaw()
			n.thaw = nil
		}
	}
}

func (n *Node) countdown() {
	if n.left == 0 {
		return
	}
	if n.left--; n.left == 0 {
		n.thaw = n.Freeze()
	}
}

// SwapDisks exchanges the disks of two nodes, both of which are stopped.
func SwapDisks(a, b *Node) {
	a.Disk, b.Disk = b.Disk, a.Disk
	a.Disk.SetOwner(a.ID)
	b.Disk.SetOwner(b.ID)
}

// Memory returns what the program holds; ok is false where none runs or it cannot tell.
func (n *Node) Memory() (m Memory, ok bool) {
	a, ok := n.program.(Accountant)
	if !ok {
		return Memory{}, false
	}
	return a.Memory(), true
}
