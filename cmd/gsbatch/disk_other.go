//go:build !linux

package main

// fileSystem is unknown here: containers whose folders vanish run on Linux.
func fileSystem(string) string { return "" }

// freeBytes is unknown here.
func freeBytes(string) (free uint64, known bool) { return 0, false }
