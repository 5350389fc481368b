// Package host keeps hosts: a Host is a network namespace, the OS thread that
// lives in it, and the processes started there. Star joins hosts to a hub, which
// is a Host itself, so that the machine's own namespace is never touched.
//
// A program that makes hosts runs in a private tree: RunIsolated starts it in
// process, mount and network namespaces of its own (and, for an ordinary user, a
// user namespace), and Settle makes itself at home there. When the outermost process ends,
// by whatever means, the kernel ends everything below it. Namespaces have no names and no
// files, so there is nothing to clean up.
//
// The package refuses to name a namespace, to mount anything outside its own
// tree, to run ip, tc or iptables, and to move a packet between hosts: that is a
// link.Fabric's work. It exists on Linux only.
package host
