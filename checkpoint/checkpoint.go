// Package checkpoint keeps, durably and before anything is claimed, the plan and the fate of every row, the quota and the export watermarks.
//
// Open gives the state Folder. Its tenant.db (Tenant) holds what outlives a
// run and is shared by all processes: the quota's stamps, the index of created
// payloads and the runs being applied; its transactions are small. Each
// run has a database of its own, runs/ID.db (Run), so that planning a million
// rows blocks nobody. An export under way has a Spool, a file in exports.
//
// In a run, Planner writes the plan once: the user's cells and the operations.
// Journal then takes the events of apply, an intent before each call and an
// outcome after it, from all workers at once: whatever has gathered while the
// last commit was on its way to the disk goes into the next one, as one
// record. Fold brings the journal into the fates, one row each, which reports
// and resume read. While a run is applied a Reserve of room lies beside it: once
// the disk is full, or the file has vanished, outcomes are still taken and
// intents are not. So the journal is the history and the fates are its sum:
// losing the machine between any two steps loses neither. Reports for people are
// made of sums that are bounded however long the run is: Kinds of problems, the
// Timeline of its calls, and the Sessions of the processes that made them.
package checkpoint

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Folder is a state folder. It is safe for several processes at a time.
type Folder struct {
	dir string
}

// Open opens the state folder dir, making it (0700) where it is missing, and
// tries that it can be written. A folder that cannot is a *StorageError.
func Open(dir string) (*Folder, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, &StorageError{Path: dir, Err: err}
	}
	f := &Folder{dir: dir}
	if err := os.MkdirAll(f.runsDir(), 0o700); err != nil {
		return nil, &StorageError{Path: dir, Err: err}
	}
	probe, err := os.CreateTemp(dir, ".probe-")
	if err != nil {
		return nil, &StorageError{Path: dir, Err: err}
	}
	_, err = probe.Write(make([]byte, 4096))
	err = errors.Join(err, probe.Sync(), probe.Close(), os.Remove(probe.Name()))
	if err != nil {
		return nil, &StorageError{Path: dir, Err: err}
	}
	return f, nil
}

// OpenReadOnly opens the state folder for commands that only read. A folder
// that does not exist is an empty one.
func OpenReadOnly(dir string) (*Folder, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, &StorageError{Path: dir, Err: err}
	}
	return &Folder{dir: dir}, nil
}

// Dir is the folder's absolute path.
func (f *Folder) Dir() string { return f.dir }

func (f *Folder) runsDir() string { return filepath.Join(f.dir, "runs") }

// StorageError says that the state folder or a database in it cannot be read
// or written: full disk, read-only or vanished folder, I/O error. After it
// nothing may be sent; what was committed before stands.
type StorageError struct {
	Path string
	Err  error
}

func (e *StorageError) Error() string {
	return fmt.Sprintf("state %s: %v", e.Path, e.Err)
}

func (e *StorageError) Unwrap() error { return e.Err }
