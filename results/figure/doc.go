// Package figure draws a run: latency and throughput over time, who led, who could reach whom, the
// distribution of latencies, the passes of Kibishii's workers, the machine's noise, and the
// evidence of a violated check. All returns every figure that the history has something to show
// for, drawn with package canvas.
package figure
