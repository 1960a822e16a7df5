//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package writers

import (
	"errors"
	"os"
	"syscall"
)

// tryLock takes the advisory lock of f without waiting. The lock goes with f,
// at the latest with the process.
func tryLock(f *os.File) lockState {
	conn, err := f.SyscallConn()
	if err != nil {
		return lockUnknown
	}
	state := lockUnknown
	err = conn.Control(func(fd uintptr) {
		switch err := syscall.Flock(int(fd), syscall.LOCK_EX|syscall.LOCK_NB); {
		case err == nil:
			state = lockFree
		case errors.Is(err, syscall.EWOULDBLOCK):
			state = lockHeld
		}
	})
	if err != nil {
		return lockUnknown
	}
	return state
}
