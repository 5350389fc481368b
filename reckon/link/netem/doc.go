// Package netem is the link.Fabric of the kernel: a namespace that routes between the hosts, where queues of the kernel's
// own network emulator (netem(8), sch_netem) shape every path.
//
//	host n1             hub (a namespace, a router)                                    host n2
//	eth0 ======= n1 -> route -> n2's egress: htb, class of n1 -> fate -> pace -> n2 ======= eth0
//	                                         class of n3 -> fate -> pace ---^
//
// A path is a class of an htb queue that never limits, at the hub's end of the destination's cable; a filter finds it by the source
// address. In it are two netem queues, one in the other. Fate decides about loss, damage and cuts, and holds nothing. Pace
// delays, reorders and limits the rate, and holds what is under way. So what chance drops and what a full queue drops is counted apart,
// and another delay does not disturb the random stream of the losses. Shapes change in place: what is under way stays.
// Kernels of 2025 and later, also of the stable series, refuse a netem that duplicates beside another in one tree, so a path
// that duplicates has a third queue, on an intermediate device (ifb) that its packets pass first.
//
// What is the same as in package link/userspace: the shapes, the tables of the distributions, the queues' limits. What is not:
//   - A corrupt packet has a bit flipped anywhere in its frame, headers included, as sk_buff's linear part has it:
//     so most damaged packets of a TCP connection are damaged in their headers, and never reach it.
//   - Jitter is at most 2.147 s.
//   - Seeds: from Linux 6.6 on loss, jitter, reordering and duplication are drawn from the run's seed; which bit is flipped is
//     not, and before 6.6 nothing is. Describe says which.
//   - A packet has been forwarded by a router: its TTL is one less.
//   - Bytes of packets that were lost are not counted: the kernel does not say how long they were.
//
// Segmentation offload: a super-frame (one buffer for up to 64 KiB of a connection) is one packet to netem. Where a path decides about each
// packet, i.e. on any but a perfect wire or a mere delay, the source's end sends wire packets only (gso_max_segs 1 on its
// eth0), on all its paths, for as long as that shape lasts. Checksum offload and scatter-gather stay on everywhere, and receive offload (GRO) is
// off on cables anyway.
//
// It refuses to touch anything but its own namespace and that setting of the hosts' cables.
package netem
