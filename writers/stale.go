package writers

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"time"
)

// lockState is what is known of a lock on a temporary file. Its writer holds
// one for as long as it lives, on whatever side of a container's wall.
type lockState uint8

const (
	lockFree    lockState = iota // taken just now: nobody else has it
	lockHeld                     // a living process has it
	lockUnknown                  // this system or file system has no such locks
)

// staleAge is the age from which a temporary file is given up where locks
// cannot tell.
const staleAge = 7 * 24 * time.Hour

// removeStale removes the temporary files and scratch folders that dead
// processes left in dir. Only regular files and folders with a name of ours
// are touched; one that cannot be removed stays and harms nobody.
func removeStale(dir *os.Root, folder string) error {
	names, err := readNames(dir)
	if err != nil {
		return newError(folder, "list", err)
	}
	for _, name := range names {
		if temp, ok := strings.CutSuffix(name, scratchSuffix); ok && isTemp(temp) {
			removeScratch(dir, name, temp)
		} else if isTemp(name) {
			removeTemp(dir, name)
		}
	}
	return nil
}

func readNames(dir *os.Root) ([]string, error) {
	d, err := dir.Open(".")
	if err != nil {
		return nil, err
	}
	defer func() { _ = d.Close() }()
	return d.Readdirnames(-1)
}

// isTemp reports whether name is one that openTemp gives.
func isTemp(name string) bool {
	middle, ok := strings.CutPrefix(name, tempPrefix)
	if !ok {
		return false
	}
	middle, ok = strings.CutSuffix(middle, tempSuffix)
	return ok && len(middle) == 16 && strings.Trim(middle, "abcdefghijklmnopqrstuvwxyz234567") == ""
}

// removeTemp removes a temporary file while holding its lock, so that none
// that is in use can be met.
func removeTemp(dir *os.Root, name string) {
	info, err := dir.Lstat(name)
	if err != nil || !info.Mode().IsRegular() {
		return
	}
	f, err := dir.Open(name)
	if err != nil {
		return
	}
	defer func() { _ = f.Close() }()
	switch tryLock(f) {
	case lockFree:
	case lockHeld:
		return
	case lockUnknown:
		if time.Since(info.ModTime()) < staleAge {
			return
		}
	}
	_ = dir.RemoveAll(name + scratchSuffix)
	_ = dir.Remove(name)
}

// removeScratch removes a scratch folder whose temporary file is gone; while
// there is one, removeTemp decides about both.
func removeScratch(dir *os.Root, name, temp string) {
	if _, err := dir.Lstat(temp); errors.Is(err, fs.ErrNotExist) {
		_ = dir.RemoveAll(name)
	}
}
