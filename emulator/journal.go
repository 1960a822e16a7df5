package emulator

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

// journal is the append-only file of a tenant: a head line, then one line of
// JSON for each commit, which holds the record's whole new state. A line
// reaches the kernel in one write before its call is answered, so a killed
// process loses nothing that was acknowledged.
type journal struct {
	file *os.File
	lock *flock.Flock
	size int64 // of the whole lines
}

const (
	journalName = "tenant.jsonl"
	lockName    = "tenant.lock"
	journalHead = `{"gsbatch_emulator":1}` + "\n"
)

// openJournal locks dir, makes it if need be, and hands every line of the
// journal to replay. What stands after the last newline is a write that was
// cut short by a kill, never acknowledged, and taken off.
func openJournal(dir string, replay func(line []byte) error) (*journal, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("emulator folder: %w", err)
	}
	lock := flock.New(filepath.Join(dir, lockName), flock.SetPermissions(0o600))
	ok, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("emulator folder %s: lock: %w", dir, err)
	}
	if !ok {
		return nil, fmt.Errorf("emulator folder %s: %w: stop the other process, or name another folder", dir, ErrInUse)
	}
	j := &journal{lock: lock}
	if err := j.open(filepath.Join(dir, journalName), replay); err != nil {
		return nil, errors.Join(err, j.close())
	}
	return j, nil
}

// ErrInUse is the error of New for a folder that another tenant holds.
var ErrInUse = errors.New("in use by another emulator")

func (j *journal) open(path string, replay func([]byte) error) error {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("emulator journal: %w", err)
	}
	j.file = file
	if err := j.read(replay); err != nil {
		return fmt.Errorf("emulator journal %s: %w", path, err)
	}
	if j.size == 0 {
		return j.clear()
	}
	return j.cutBack()
}

// read replays the whole lines and leaves their length in size.
func (j *journal) read(replay func([]byte) error) error {
	in := bufio.NewReaderSize(j.file, 1<<20)
	for n := 1; ; n++ {
		line, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if n == 1 {
			if string(line) != journalHead {
				return fmt.Errorf("line 1: %.60q is not the head of an emulator's journal: move the folder away", line)
			}
		} else if err := replay(bytes.TrimSuffix(line, []byte("\n"))); err != nil {
			return fmt.Errorf("line %d: %w: the file was changed by something else; move the folder away", n, err)
		}
		j.size += int64(len(line))
	}
}

// append writes one line. After an error nothing of it remains, so that the
// call may be refused.
func (j *journal) append(line []byte) error {
	if _, err := j.file.Write(line); err != nil {
		return errors.Join(err, j.cutBack())
	}
	j.size += int64(len(line))
	return nil
}

func (j *journal) cutBack() error {
	if err := j.file.Truncate(j.size); err != nil {
		return fmt.Errorf("emulator journal: %w", err)
	}
	_, err := j.file.Seek(j.size, io.SeekStart)
	return err
}

// clear leaves the head line alone.
func (j *journal) clear() error {
	j.size = 0
	if err := j.cutBack(); err != nil {
		return err
	}
	return j.append([]byte(journalHead))
}

func (j *journal) close() error {
	var err error
	if j.file != nil {
		err = j.file.Close()
	}
	return errors.Join(err, j.lock.Unlock())
}
