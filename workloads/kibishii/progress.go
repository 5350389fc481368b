package kibishii

import (
	"slices"
	"sync"
)

// Progress is how a generate or a verify goes, for whoever watches it. The zero value is ready; its
// methods may be called at any time, by any goroutine.
type Progress struct {
	mu     sync.Mutex
	total  Size
	done   Size
	result Result
}

// Total is how much there is to do; zero until it has begun.
func (p *Progress) Total() Size {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.total
}

// Done is how much of it is done. What is missing is done as soon as that is known.
func (p *Progress) Done() Size {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.done
}

// Result is what has come of it so far.
func (p *Progress) Result() Result {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.result
	r.Damage = slices.Clone(r.Damage)
	return r
}

func (p *Progress) begin(cmd Command) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.total, p.done, p.result = Size{}, Size{}, Result{Cmd: cmd}
}

func (p *Progress) expect(total Size) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.total = total
}

func (p *Progress) end(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.result.over(err)
}

// passed counts bytes that were written or read.
func (p *Progress) passed(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done.Bytes += n
	p.result.Bytes += n
}

func (p *Progress) goodFile(cmd Command) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done.Files++
	if cmd == CmdGenerate {
		p.result.GeneratedFiles++
	} else {
		p.result.VerifiedFiles++
	}
}

// badFile counts a file that is missing or damaged, and of which so many bytes will not be read.
func (p *Progress) badFile(path, what string, unread int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done.Files++
	p.done.Bytes += unread
	if what == missing {
		p.result.MissingFiles++
	} else {
		p.result.CorruptedFiles++
	}
	p.result.note(path, what)
}

func (p *Progress) foundDir(cmd Command) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done.Dirs++
	if cmd == CmdGenerate {
		p.result.GeneratedDirs++
	} else {
		p.result.VerifiedDirs++
	}
}

// missingDir counts a directory that is not there, with all that should be below it.
func (p *Progress) missingDir(path, what string, below Size) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done.Dirs += 1 + below.Dirs
	p.done.Files += below.Files
	p.done.Bytes += below.Bytes
	p.result.MissingDirs += 1 + below.Dirs
	p.result.MissingFiles += below.Files
	p.result.note(path, what)
}

// damaged notes damage that no count stands for.
func (p *Progress) damaged(path, what string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.result.note(path, what)
}

func (p *Progress) extra(path string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.result.ExtraFiles++
	p.result.note(path, "extra")
}

const missing = "missing"

// note adds one damage.
func (r *Result) note(path, what string) {
	if len(r.Damage) == MaxDamage {
		r.MoreDamage++
		return
	}
	r.Damage = append(r.Damage, Damage{path, what})
}
