// Package userspace is the link.Fabric for any kernel that has veth and packet sockets, for
// ordinary users too. One switch process reads what every host sends, applies the shape of the
// packet's path, and delivers the packet when it is due.
//
//	host n1             hub (a namespace)                         host n2
//	eth0 ======= n1 -> socket -> [ n1>n2: shape, queue ] -> socket -> n2 ======= eth0
//
// The switch is a process of its own, so that a pause of the runner delays no packet. One thread
// does everything. It waits on the sockets and a timer, and holds every packet in one queue ordered
// by due time. It wakes early, by as much as the timer has been late so far, and spins until the
// packet is due. The delay of a packet counts from when the kernel received it, not from when the
// switch read it. Each kind of chance on a path has a random stream of its own, derived from the
// run's seed and drawn from in the order of the path's packets: the same packets meet the same
// drops.
//
// Super-frames (segmentation offload: one buffer with up to 64 KiB of a connection) pass whole
// where a path only delays. Everything else happens to each wire packet independently, so there
// they are split; where packets are only lost, the survivors stay together. A packet gets its real
// checksum before it is corrupted: the kernel leaves checksums to the hardware, and the receiver
// would trust that the packet is intact.
//
// The package routes by the IPv4 destination address only, carries nothing but IPv4, and holds a
// bounded queue (Shape.QueueLimit, and 96 MiB a path): what does not fit is dropped and counted as
// Overflow.
package userspace
