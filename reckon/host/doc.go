// Package host makes hosts: a Host is a network namespace, the OS thread that stays in it, and the
// processes started there. Star joins hosts to a hub, itself a Host, so the machine's own network
// namespace is never touched.
//
// A program that makes hosts runs in a private tree: RunIsolated starts it in process, mount and
// network namespaces of its own (and, for an ordinary user, a user namespace), and Settle completes
// the setup from inside. When the outermost process ends, for whatever reason, the kernel ends
// everything below it. Namespaces have no names and no files, so nothing is left to clean up.
//
// github.com/vishvananda/netns makes the network namespaces, and package ns of
// github.com/containernetworking/plugins enters them from other threads and closes them. Three things
// are this package's own, because those libraries do not do them. Each host keeps one thread from
// start to end: package ns enters with a thread that it borrows for one call, but the kernel ties a
// child's parent-death signal to the thread that forked the child, so that thread must last as long
// as the host. No namespace gets a name: netns.NewNamed and package testutils of plugins bind one to
// a file, which a killed program leaves behind. And clone(2) makes the private tree, since a process
// cannot move itself into a new PID namespace.
//
// The package does not name namespaces, does not mount anything outside its own tree, does not run
// ip, tc or iptables, and does not move packets between hosts, which is a link.Fabric's work. It
// exists on Linux only.
package host
