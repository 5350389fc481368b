package userspace

// classes are the sizes of packet buffers: a wire packet, and super-frames of some sizes.
var classes = [...]int{2 << 10, 4 << 10, 8 << 10, 16 << 10, 32 << 10, 48 << 10, maxFrame}

// maxFrame bounds the frames that a veth delivers, offload header included, with room to spare.
const maxFrame = 72 << 10

// A pool keeps unused packets, so that handling a packet allocates nothing. It grows to the largest
// size that the queue has had.
type pool struct{ free [len(classes)][]*packet }

// get returns a packet with room for n bytes, at most maxFrame.
func (p *pool) get(n int) *packet {
	c := 0
	for classes[c] < n {
		c++
	}
	if free := p.free[c]; len(free) > 0 {
		x := free[len(free)-1]
		p.free[c] = free[:len(free)-1]
		x.frame = x.frame[:n]
		return x
	}
	return &packet{frame: make([]byte, n, classes[c]), class: c}
}

func (p *pool) put(x *packet) {
	x.path = nil
	p.free[x.class] = append(p.free[x.class], x)
}
