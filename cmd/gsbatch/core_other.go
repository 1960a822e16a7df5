//go:build !unix

package main

// withoutCore does nothing where the system writes no core files unasked.
func withoutCore() {}
