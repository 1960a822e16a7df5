package checkpoint

import (
	"context"
	"errors"
	"os"
)

// Prune removes a run, which must be locked, with all that it holds of the
// input: cells, operations, journal and fates. What it created stays in the
// index, as hashes and Gsids without a word of the input, so that no later run
// creates it again. The run is closed, whatever comes of it.
func (t *Tenant) Prune(ctx context.Context, run *Run) error {
	if err := t.keepIndex(ctx, run.info.ID); err != nil {
		return errors.Join(err, run.Close())
	}
	lock := run.lock
	err := run.Discard()
	// The id is never used again: who opens the lock anew finds no run.
	if err = errors.Join(err, remove(lock.file.Path())); err != nil {
		return &StorageError{Path: run.db.path, Err: err}
	}
	return nil
}

// keepIndex brings the index up to date with the run, on the disk: it cannot be
// made anew from a journal that is gone.
func (t *Tenant) keepIndex(ctx context.Context, id string) error {
	if err := t.indexRun(ctx, id); err != nil {
		return err
	}
	if _, err := t.db.write.ExecContext(ctx, `PRAGMA synchronous = FULL`); err != nil {
		return t.db.wrap(err)
	}
	// A synced commit has all before it in the log synced too.
	_, err := t.db.write.ExecContext(ctx, `INSERT INTO indexed (run, upto) VALUES (?, 0) ON CONFLICT (run) DO UPDATE SET upto = upto`, id)
	_, back := t.db.write.ExecContext(ctx, `PRAGMA synchronous = NORMAL`)
	return t.db.wrap(errors.Join(err, back))
}

// CreatedBy is how many goals of a run the index knows.
func (t *Tenant) CreatedBy(ctx context.Context, id string) (n int, err error) {
	err = t.db.read.QueryRowContext(ctx, `SELECT count(*) FROM created WHERE tenant = ? AND run = ?`, t.name, id).Scan(&n)
	return n, t.db.wrap(err)
}

// Size is how many bytes the files of a run take.
func (f *Folder) Size(id string) int64 {
	var size int64
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if info, err := os.Stat(f.runPath(id) + suffix); err == nil {
			size += info.Size()
		}
	}
	return size
}
