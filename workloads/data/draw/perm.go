package draw

import "math/bits"

// rounds of the Feistel network; four make a permutation that no test of
// this use can tell from a random one (Luby and Rackoff 1988).
const rounds = 4

// Perm is a keyed permutation of [0, n), both ways without memory. The zero
// value permutes nothing.
type Perm struct {
	n    uint64
	half uint // bits of a half of the network's domain, which has 4^half >= n elements
	mask uint64
	keys [rounds]Key
}

// NewPerm returns the permutation of [0, n) that the key names.
func NewPerm(k Key, n uint64) Perm {
	p := Perm{n: n, half: uint(max(1, (bits.Len64(max(n, 1)-1)+1)/2))}
	p.mask = 1<<p.half - 1
	for i := range p.keys {
		p.keys[i] = k.Sub(uint64(i))
	}
	return p
}

// Len returns how many numbers are permuted.
func (p *Perm) Len() uint64 { return p.n }

// To returns where x, which must be below n, goes. The network's domain is at
// most four times too large, so a walk along the cycle soon comes back into [0, n).
func (p *Perm) To(x uint64) uint64 {
	for {
		l, r := x>>p.half, x&p.mask
		for _, k := range p.keys {
			l, r = r, l^k.At(r)&p.mask
		}
		if x = l<<p.half | r; x < p.n {
			return x
		}
	}
}

// From returns what goes to y: the inverse of To.
func (p *Perm) From(y uint64) uint64 {
	for {
		l, r := y>>p.half, y&p.mask
		for i := rounds - 1; i >= 0; i-- {
			l, r = r^p.keys[i].At(l)&p.mask, l
		}
		if y = l<<p.half | r; y < p.n {
			return y
		}
	}
}
