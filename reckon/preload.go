package reckon

// PreloadAttempts is how often a client tries to write a key before the load. [Bookends] gives each
// attempt values of its own, so a workload must keep this many sets of values free.
const PreloadAttempts = 10
