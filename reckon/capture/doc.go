// Package capture records the packets of hosts in pcapng files, which Wireshark and tshark read.
//
// A Writer writes one file of bounded size; it is pure. A Capture records any number of hosts, each
// in a file of its own, in a process of its own: packets wait in rings that the kernel fills, so
// neither the hosts nor the links wait for a disk. Events of the run (Note, Cut) appear as a
// comment on the first packet after them. A packet sent into a cut path carries a comment that says
// so, and so does one that the fabric reports as dropped (link.Drop). The kernel's netem reports no
// individual drops, and no fabric marks the packets that it corrupted or duplicated.
//
// The package never changes or delays the packets that it records.
package capture
