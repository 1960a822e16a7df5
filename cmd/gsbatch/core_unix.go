//go:build unix

package main

import "syscall"

// withoutCore forbids core files of this process: its memory holds the access
// key. Where that cannot be done nothing else changes.
func withoutCore() { _ = syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{}) }
