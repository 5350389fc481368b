//go:build !linux

package results

func fileSystem(string) string { return "unknown" }

func kernel() string { return "unknown" }
