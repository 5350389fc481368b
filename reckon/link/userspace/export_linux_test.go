package userspace

// PID is the switch's.
func PID(f *Fabric) int { return f.process.PID() }
