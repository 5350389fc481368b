package expect

import (
	"sort"

	"github.com/reckon-bench/reckon/workloads/data/tree"
)

// Lookup returns the node of that name in the directory.
func (n *Node) Lookup(child string) (*Node, error) {
	n.r.mu.Lock()
	defer n.r.mu.Unlock()
	if n.kind != tree.Directory {
		return nil, ErrNotDir
	}
	if c, ok := n.children[child]; ok {
		return c, nil
	}
	return nil, ErrNotExist
}

// Names returns the names in the directory, in order.
func (n *Node) Names() (all []string) {
	n.r.mu.Lock()
	defer n.r.mu.Unlock()
	for c := range n.children {
		all = append(all, c)
	}
	sort.Strings(all)
	return all
}

// add gives the node a name. The caller holds Restore.mu.
func (n *Node) add(child string, c *Node) error {
	switch {
	case n.kind != tree.Directory:
		return ErrNotDir
	case n.children[child] != nil:
		return ErrExist
	}
	n.children[child] = c
	c.named(n, child)
	return nil
}

// named binds a node to what is expected where it now is.
func (c *Node) named(in *Node, child string) {
	c.parent = in
	b := in.expected(child)
	if c.kind != tree.Directory {
		c.names[name{in, child}] = true
		return
	}
	b.ok = b.ok && b.entry.Kind == tree.Directory
	c.directory = &b
	for grandchild, g := range c.children {
		if g.kind == tree.Directory {
			g.named(c, grandchild)
		}
	}
}

// Mkdir makes a directory.
func (n *Node) Mkdir(child string, mode uint32) (*Node, error) {
	return n.make(child, n.r.node, tree.Directory, mode)
}

// Create makes a file.
func (n *Node) Create(child string, mode uint32) (*Node, error) {
	c, err := n.make(child, n.r.node, tree.File, mode)
	if err == nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		err = c.rebind()
	}
	return c, err
}

// Symlink makes a symbolic link.
func (n *Node) Symlink(child, target string) (*Node, error) {
	c, err := n.make(child, n.r.node, tree.Symlink, 0o777)
	if err == nil {
		c.target = target
	}
	return c, err
}

func (n *Node) make(child string, node func(tree.Kind, uint32) *Node, k tree.Kind, mode uint32) (*Node, error) {
	n.r.mu.Lock()
	defer n.r.mu.Unlock()
	c := node(k, mode)
	return c, n.add(child, c)
}

// Link gives a file another name, in this directory.
func (n *Node) Link(child string, c *Node) error {
	if c.kind == tree.Directory {
		return ErrIsDir
	}
	n.r.mu.Lock()
	err := n.add(child, c)
	n.r.mu.Unlock()
	if err != nil || c.kind != tree.File {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rebind()
}

// Unlink removes a name that is no directory; with its last name a file is gone.
func (n *Node) Unlink(child string) error {
	n.r.mu.Lock()
	defer n.r.mu.Unlock()
	c := n.children[child]
	switch {
	case c == nil:
		return ErrNotExist
	case c.kind == tree.Directory:
		return ErrIsDir
	}
	delete(n.children, child)
	delete(c.names, name{n, child})
	return nil
}

// Rmdir removes an empty directory.
func (n *Node) Rmdir(child string) error {
	n.r.mu.Lock()
	defer n.r.mu.Unlock()
	c := n.children[child]
	switch {
	case c == nil:
		return ErrNotExist
	case c.kind != tree.Directory:
		return ErrNotDir
	case len(c.children) > 0:
		return ErrNotEmpty
	}
	delete(n.children, child)
	return nil
}

// Rename moves a name to another directory, over what is there as rename(2) does;
// with noReplace it does not do that.
func (n *Node) Rename(child string, to *Node, as string, noReplace bool) error {
	c, err := n.rename(child, to, as, noReplace)
	if err != nil {
		return err
	}
	for _, f := range c.below(nil) {
		f.mu.Lock()
		err := f.rebind()
		f.mu.Unlock()
		if err != nil {
			return err
		}
	}
	return nil
}

// below returns the files that the node is or has below it.
func (n *Node) below(all []*Node) []*Node {
	n.r.mu.Lock()
	defer n.r.mu.Unlock()
	var collect func(*Node)
	collect = func(n *Node) {
		if n.kind == tree.File {
			all = append(all, n)
		}
		for _, c := range n.children {
			collect(c)
		}
	}
	collect(n)
	return all
}

func (n *Node) rename(child string, to *Node, as string, noReplace bool) (*Node, error) {
	n.r.mu.Lock()
	defer n.r.mu.Unlock()
	c := n.children[child]
	if c == nil {
		return nil, ErrNotExist
	}
	for up := to; up != nil; up = up.parent {
		if up == c {
			return nil, ErrInvalid // into itself
		}
	}
	if over := to.children[as]; over != nil {
		switch {
		case noReplace:
			return nil, ErrExist
		case over == c:
			return c, nil // two names of one file: rename(2) does nothing
		case over.kind == tree.Directory && c.kind != tree.Directory:
			return nil, ErrIsDir
		case over.kind != tree.Directory && c.kind == tree.Directory:
			return nil, ErrNotDir
		case len(over.children) > 0:
			return nil, ErrNotEmpty
		}
		delete(over.names, name{to, as})
	}
	delete(n.children, child)
	delete(c.names, name{n, child})
	to.children[as] = c
	c.named(to, as)
	return c, nil
}
