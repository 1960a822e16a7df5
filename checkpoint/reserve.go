package checkpoint

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"strings"
	"sync"
	"syscall"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// reserveBytes is more than the outcomes of all calls that can be under way
// take with the database's pages around them: some 200 bytes each.
const reserveBytes = 1 << 20

// reserve is room on the disk that is given back when a write fails for lack
// of it, so that what is under way can still be written down.
type reserve struct {
	mu    sync.Mutex
	path  string // "": none is held
	spent error  // the failure that it was given back for, or another after which nothing may be sent
}

// Reserve takes room on the disk beside the run's database, until Close. Once
// it had to be given back no Journal of the run takes an intent any more. A disk
// without that much room is a *StorageError. It also opens all connections that
// read, for the reports of a run whose file is gone.
func (r *Run) Reserve(ctx context.Context) error {
	r.reserve.mu.Lock()
	defer r.reserve.mu.Unlock()
	if r.reserve.path != "" || r.reserve.spent != nil {
		return r.reserve.spent
	}
	path := r.db.reservePath()
	if err := fillFile(path); err != nil {
		return &StorageError{Path: path, Err: errors.Join(err, remove(path))}
	}
	r.reserve.path = path
	return r.db.openReaders(ctx)
}

func (db *database) reservePath() string { return strings.TrimSuffix(db.path, ".db") + ".reserve" }

// fillFile writes the reserve: at random, since a file system that compresses
// would hold no room for zeros. Where files may not grow that long it is shorter. It is
// not synced: the room is taken when it is written, and a resume after each of
// many kills should not wait for it.
func fillFile(path string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	noise := make([]byte, reserveBytes)
	_, _ = rand.Read(noise) // never fails, by its contract
	_, err = file.Write(noise)
	if errors.Is(err, syscall.EFBIG) {
		err = nil
	}
	return errors.Join(err, file.Close())
}

// remove removes a file that may be gone already.
func remove(path string) error {
	if err := os.Remove(path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// spend gives the room back because of the failure, and says whether there was any.
func (r *reserve) spend(failure error) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.path == "" || remove(r.path) != nil {
		return false
	}
	r.path, r.spent = "", failure
	return true
}

// drop gives the room back at the run's end.
func (r *reserve) drop() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.path == "" {
		return nil
	}
	err := remove(r.path)
	r.path = ""
	return err
}

// trouble is the failure after which nothing may be sent, nil before.
func (r *reserve) trouble() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.spent
}

// refuse notes a failure after which nothing may be sent.
func (r *reserve) refuse(failure error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.spent == nil {
		r.spent = failure
	}
}

// Trouble is the *StorageError after which no Journal of the run takes an
// intent: the reserve was given back for it, or the database vanished. nil
// before.
func (r *Run) Trouble() error { return r.reserve.trouble() }

// roomy does a write, and once more with the reserve's room where the first
// failed for lack of it. That tries no sync again: such a write fails before.
func (r *Run) roomy(write func() error) error {
	err := write()
	if outOfRoom(err) && r.reserve.spend(r.db.wrap(err)) {
		err = write()
	}
	return err
}

// outOfRoom says that a write failed before its sync, as on a full disk or for
// a quota of the file system. The shared memory beside the log is a file too.
func outOfRoom(err error) bool {
	var failed *sqlite.Error
	if !errors.As(err, &failed) {
		return false
	}
	switch failed.Code() {
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE:
		return true
	}
	return false
}
