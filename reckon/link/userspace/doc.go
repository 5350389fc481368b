// Package userspace is the link.Fabric for any kernel that has veth and packet
// sockets, also for an ordinary user: one switch process, which reads what every host sends, gives each packet what its
// path's shape says, and delivers it when it is due.
//
//	host n1             hub (a namespace)                         host n2
//	eth0 ======= n1 -> socket -> [ n1>n2: shape, queue ] -> socket -> n2 ======= eth0
//
// The switch is a process of its own, so that a pause of the runner delays no
// packet. One thread does everything: it waits on the sockets and a timer, holds
// every packet in one queue ordered by due time, wakes early by as much as the timer has been late so far, and spins until the packet is due. A packet's
// time starts when the kernel received it, not when the switch read it. Every kind of chance is drawn from a
// stream of its own that the run's seed gives the path, in the order of the path's packets: same packets, same drops.
//
// Super-frames (segmentation offload: one buffer for up to 64 KiB of a connection) pass
// whole where a path only delays. Everything else befalls each wire packet by itself, so there they are cut up; where packets are
// only lost, the survivors stay together. A packet that is corrupted gets a real checksum first: the kernel leaves those to the
// hardware, and the receiver would trust that there was no damage.
//
// It refuses to route by anything but the IPv4 destination address, to carry
// anything but IPv4, and to hold more than a bounded queue (Shape.QueueLimit, and 96 MiB a path): what does not fit is dropped and counted as Overflow.
package userspace
