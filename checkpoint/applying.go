package checkpoint

import (
	"context"
	"database/sql"
	"errors"

	"github.com/gofrs/flock"
)

// Begin enters the run among those that are being applied, and tells which
// others were before it and still are: what those are about to create is not
// in the index yet. Of two runs that begin at a time one sees the other.
// The index must be brought up to date after Begin, not before.
func (t *Tenant) Begin(ctx context.Context, run *Run) ([]string, error) {
	var earlier []entry
	err := t.db.transaction(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT OR REPLACE INTO applying (run, tenant) VALUES (?, ?)`, run.info.ID, t.name)
		if err != nil {
			return err
		}
		earlier, err = entries(tx.QueryContext(ctx, `SELECT n, run FROM applying WHERE tenant = ? AND run <> ? ORDER BY n`, t.name, run.info.ID))
		return err
	})
	if err != nil {
		return nil, err
	}
	var live []string
	for _, e := range earlier {
		held, err := t.folder.held(e.run)
		if err != nil {
			return nil, err
		}
		if held {
			live = append(live, e.run)
			continue
		}
		// By its number: the run may have been begun anew this instant.
		if _, err := t.db.write.ExecContext(ctx, `DELETE FROM applying WHERE n = ?`, e.n); err != nil {
			return nil, t.db.wrap(err)
		}
	}
	return live, nil
}

// End takes the run out again. A run that was killed is taken out by the next Begin.
func (t *Tenant) End(ctx context.Context, run *Run) error {
	_, err := t.db.write.ExecContext(ctx, `DELETE FROM applying WHERE run = ?`, run.info.ID)
	return t.db.wrap(err)
}

// entry is a run among those that are being applied; a later one has a larger n.
type entry struct {
	n   int64
	run string
}

func entries(rows *sql.Rows, err error) ([]entry, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // read only; Err below tells
	var list []entry
	for rows.Next() {
		var e entry
		if err := rows.Scan(&e.n, &e.run); err != nil {
			return nil, err
		}
		list = append(list, e)
	}
	return list, rows.Err()
}

// Holder is who holds the run of that id now, as a *LockedError; nil where
// nobody does.
func (t *Tenant) Holder(id string) (*LockedError, error) {
	held, err := t.folder.held(id)
	if err != nil || !held {
		return nil, err
	}
	return &LockedError{Run: id, Holder: readHolder(t.folder.lockPath(id))}, nil
}

// held says whether a process has the run's lock. It looks with a shared lock
// for an instant, in which the run cannot be locked.
func (f *Folder) held(id string) (bool, error) {
	file := flock.New(f.lockPath(id), flock.SetPermissions(0o600))
	free, err := file.TryRLock()
	if err != nil {
		return false, &StorageError{Path: f.lockPath(id), Err: err}
	}
	if !free {
		return true, nil
	}
	return false, file.Unlock()
}

// Clash is a pending create of a run, and the row of the same natural key in a
// run that is being applied.
type Clash struct {
	Line, Row int
	Locked    *LockedError // the other run and its holder
}

// FindClash finds the first pending create of the run whose natural key the
// run of id other, which is being applied, is to create too; nil where there is
// none. What became of a row of other since it was begun is not looked at: it
// is pending as far as this run can know; and one in doubt may at this moment be
// proved absent, to be sent again.
func (t *Tenant) FindClash(ctx context.Context, run *Run, other string) (*Clash, error) {
	clash := &Clash{Locked: &LockedError{Run: other, Holder: readHolder(t.folder.lockPath(other))}}
	err := run.attached(ctx, t.folder.runPath(other), func(conn *sql.Conn) error {
		return conn.QueryRowContext(ctx, `
			SELECT o.line, p.line FROM main.ops o JOIN other.ops p ON p.key = o.key
			WHERE o.action = 'create' AND p.action = 'create'
			AND NOT EXISTS (SELECT 1 FROM main.fates f WHERE f.seq = o.seq AND f.status <> 'pending')
			AND NOT EXISTS (SELECT 1 FROM other.fates f WHERE f.seq = p.seq AND f.status NOT IN ('pending', 'in_doubt'))
			ORDER BY o.seq LIMIT 1`).Scan(&clash.Line, &clash.Row)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return clash, err
}
