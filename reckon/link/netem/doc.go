// Package netem is the kernel's link.Fabric: a namespace that routes between the hosts, where
// queues of the kernel's own network emulator (netem(8), sch_netem) shape every path.
//
//	host n1             hub (a namespace, a router)                                      host n2
//	eth0 ======= n1 -> route -> n2's egress: htb, class of n1 -> loss -> delay -> n2 ======= eth0
//	                                         class of n3 -> loss -> delay ---^
//
// A path is a class of an htb queue that never limits, at the hub's end of the destination's cable;
// a filter selects it by the source address. The class holds two netem queues, one inside the
// other. The loss queue drops, corrupts and cuts, and holds nothing. The delay queue delays,
// reorders and limits the rate, and holds the packets under way. So drops by chance and drops by a
// full queue are counted separately, and changing the delay does not disturb the random stream of
// the losses. Shapes change in place: packets under way stay. Kernels of 2025 and later, stable
// series included, refuse a netem queue that duplicates beside another in one tree, so a path that
// duplicates has a third queue, on an intermediate device (ifb) that its packets pass first.
//
// Shapes, the tables of the distributions and the queues' limits are those of package
// link/userspace. The differences are:
//
//   - A corrupt packet has a bit flipped anywhere in its frame, headers included, within the linear
//     part of the sk_buff: most damaged packets of a TCP connection are damaged in their headers, and
//     never reach it.
//   - Jitter is at most 2.147 s.
//   - From Linux 6.6 on, loss, jitter, reordering and duplication are drawn from the run's seed; the
//     flipped bit is not, and before 6.6 nothing is. Describe says which.
//   - A router has forwarded every packet: its TTL is one less.
//   - Bytes of lost packets are not counted, because the kernel does not report their lengths.
//
// Segmentation offload: a super-frame (one buffer with up to 64 KiB of a connection) is one packet
// to netem. Where a path decides about each packet, that is, unless it is a perfect wire or only
// delays, its source sends single wire packets (gso_max_segs 1 on its eth0), on all its paths, for
// as long as that shape lasts. Checksum offload and scatter-gather stay on everywhere; receive
// offload (GRO) is off on cables anyway.
//
// The package changes nothing but its own namespace and that setting of the hosts' cables.
package netem
