// Package capture records the packets of hosts in pcapng files, which Wireshark
// and tshark read.
//
// A Writer writes one file of bounded size; it is pure. A Capture records any
// number of hosts, each in a file of its own, by a process of its own: packets
// wait for it in rings that the kernel fills, so that neither the hosts nor the
// links wait for a disk. What befell the run is told to the capture (Note, Cut)
// and shows as a comment on the first packet afterwards; a packet that is sent into a path that
// is cut carries a comment that says so. So does one that a fabric dropped which can tell (link.Drop); the kernel's netem
// cannot, nor does it tell packets apart that it corrupted or duplicated.
//
// The package refuses to change or hold up what it records.
package capture
