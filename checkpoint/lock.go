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

// lock is a held lock file. The kernel drops it with the process, so a killed
// one leaves nothing behind that a person would have to clear away.
type lock struct {
	file *flock.Flock
	info string // who holds it, in a file beside: the lock file itself may not be readable while held on every system
}

func acquireLock(path, run string, holder Holder) (*lock, error) {
	l := &lock{file: flock.New(path, flock.SetPermissions(0o600)), info: path + ".json"}
	held, err := l.file.TryLock()
	if err != nil {
		return nil, &StorageError{Path: path, Err: err}
	}
	if !held {
		locked := &LockedError{Run: run}
		if text, err := os.ReadFile(l.info); err == nil {
			_ = json.Unmarshal(text, &locked.Holder) // a torn note still leaves a correct refusal
		}
		return nil, locked
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
	return errors.Join(os.Remove(l.info), l.file.Unlock())
}
