//go:build unix

package main

import (
	"os"
	"syscall"
)

// ownedByUs says whether a file belongs to this process's user, so that its
// mode is ours to mend. Secrets that a container mounts may belong to another.
func ownedByUs(info os.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid()
}
