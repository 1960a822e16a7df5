package checkpoint

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/gofrs/flock"
)

// Holder is the process that holds a run.
type Holder struct {
	PID     int       `json:"pid"`
	Host    string    `json:"host"`
	Command string    `json:"command"`
	Since   time.Time `json:"since"`
}

// LockedError says that another process holds the run.
type LockedError struct {
	Run    string
	Holder Holder
}

func (e *LockedError) Error() string {
	if e.Holder.PID == 0 {
		return fmt.Sprintf("run %s is held by another process", e.Run)
	}
	return fmt.Sprintf("run %s is held by %s, process %d on %s since %s", e.Run,
		e.Holder.Command, e.Holder.PID, e.Holder.Host, e.Holder.Since.Format("15:04:05"))
}

// holderPath is the file beside a lock file that says who holds it: the lock
// file itself may not be readable while held on every system.
func holderPath(lockPath string) string { return lockPath + ".json" }

// readHolder is who holds the lock file, as far as it can be read: a torn note
// still leaves a correct refusal.
func readHolder(lockPath string) Holder {
	var holder Holder
	if text, err := os.ReadFile(holderPath(lockPath)); err == nil {
		_ = json.Unmarshal(text, &holder)
	}
	return holder
}

// lock is a held lock file. The kernel drops it with the process, so a killed
// one leaves nothing behind that a person would have to clear away.
type lock struct {
	file *flock.Flock
	info string // path of the file that says who holds it
}

func acquireLock(path, run string, holder Holder) (*lock, error) {
	l := &lock{file: flock.New(path, flock.SetPermissions(0o600)), info: holderPath(path)}
	held, err := l.file.TryLock()
	if err != nil {
		return nil, &StorageError{Path: path, Err: err}
	}
	if !held {
		return nil, &LockedError{Run: run, Holder: readHolder(path)}
	}
	text, err := json.Marshal(holder)
	if err == nil {
		err = os.WriteFile(l.info, text, 0o600)
	}
	if err != nil {
		return nil, errors.Join(&StorageError{Path: l.info, Err: err}, l.file.Unlock())
	}
	return l, nil
}

// release drops the lock. The lock file stays: removing it would let two
// processes hold two files of one name.
func (l *lock) release() error {
	err := os.Remove(l.info)
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, l.file.Unlock())
}
