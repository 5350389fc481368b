package userspace

// PID returns the switch's process ID.
func PID(f *Fabric) int { return f.process.PID() }
