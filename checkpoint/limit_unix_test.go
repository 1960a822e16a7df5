//go:build unix

package checkpoint

import (
	"os/signal"
	"syscall"
)

// limitFiles lets no file of this process grow beyond size, as a full disk would.
func limitFiles(size uint64) error {
	signal.Ignore(syscall.SIGXFSZ)
	return syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: size, Max: size})
}
