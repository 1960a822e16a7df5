package checkpoint

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Tenant is the part of the state that outlives runs: what was created, and
// the quota's stamps. All processes on the folder share it; its transactions
// are small.
type Tenant struct {
	db     *database
	folder *Folder
	name   string
}

// tenantSchema is safe to repeat. A commit here need not be on the disk when it
// returns, which would cost two syncs a call: after a power cut the index is
// made anew from the journals, which are synced, and the last stamps of the
// quota are older than a window before anything runs again. A killed process
// loses nothing.
const tenantSchema = `
PRAGMA synchronous = NORMAL;
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS created (
  tenant TEXT NOT NULL, run TEXT NOT NULL, seq INTEGER NOT NULL, line INTEGER NOT NULL,
  key BLOB NOT NULL, hash BLOB NOT NULL, gsid TEXT NOT NULL, PRIMARY KEY (tenant, run, seq)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS deleted (tenant TEXT NOT NULL, gsid TEXT NOT NULL, PRIMARY KEY (tenant, gsid)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS indexed (run TEXT PRIMARY KEY, upto INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS learned (tenant TEXT NOT NULL, names TEXT NOT NULL, parents TEXT NOT NULL, PRIMARY KEY (tenant, names, parents)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS applying (n INTEGER PRIMARY KEY AUTOINCREMENT, run TEXT NOT NULL UNIQUE, tenant TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS stamps (
  id INTEGER PRIMARY KEY AUTOINCREMENT, tenant TEXT NOT NULL, usable INTEGER NOT NULL, leased INTEGER NOT NULL, who TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS stamps_usable ON stamps (tenant, usable);
CREATE TABLE IF NOT EXISTS calls (
  tenant TEXT NOT NULL, minute INTEGER NOT NULL, who TEXT NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (tenant, minute, who)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS watermarks (tenant TEXT NOT NULL, export TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (tenant, export)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS paused (tenant TEXT PRIMARY KEY, since INTEGER NOT NULL, until INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS slowed (tenant TEXT PRIMARY KEY, share REAL NOT NULL, since INTEGER NOT NULL) WITHOUT ROWID;
COMMIT;
`

// Tenant opens the shared state of the tenant of that name.
func (f *Folder) Tenant(ctx context.Context, name string) (*Tenant, error) {
	db, err := openDatabase(ctx, f.tenantPath(), tenantSchema)
	if err != nil {
		return nil, err
	}
	return &Tenant{db: db, folder: f, name: name}, nil
}

// ViewTenant opens it for reading; nil where there is none yet.
func (f *Folder) ViewTenant(name string) (*Tenant, error) {
	db, err := openDatabaseReadOnly(f.tenantPath())
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &Tenant{db: db, folder: f, name: name}, nil
}

func (f *Folder) tenantPath() string { return filepath.Join(f.dir, "tenant.db") }

// Close ends the use of the shared state.
func (t *Tenant) Close() error { return t.db.close() }

// IndexCreated brings the index of created payloads up to date with the
// journals of all runs of this tenant but for the one of id except, also of
// those that another process is applying now. It is called when a plan is made
// or applied, so that a run itself pays nothing for the index.
func (t *Tenant) IndexCreated(ctx context.Context, except string) error {
	infos, err := t.folder.List(ctx)
	if err != nil {
		return err
	}
	for _, info := range infos {
		if info.Tenant != t.name || info.State == Planning || info.ID == except {
			continue
		}
		if err := t.indexRun(ctx, info.ID); err != nil {
			return fmt.Errorf("index of run %s: %w", info.ID, err)
		}
	}
	return nil
}

func (t *Tenant) indexRun(ctx context.Context, id string) error {
	run, err := t.folder.View(ctx, id)
	if err != nil {
		return err
	}
	defer run.Close() //nolint:errcheck // read only
	for {
		from, err := indexedUpto(ctx, t.db.read, id)
		if err != nil {
			return t.db.wrap(err)
		}
		last, fates, err := run.sumUp(ctx, from)
		if err != nil || last == from {
			return err
		}
		if err := t.indexFates(ctx, run, from, last, fates); err != nil {
			return err
		}
	}
}

func indexedUpto(ctx context.Context, q querier, run string) (int64, error) {
	var upto int64
	err := q.QueryRowContext(ctx, `SELECT upto FROM indexed WHERE run = ?`, run).Scan(&upto)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return upto, err
}

// indexFates enters creates that happened or may have happened, takes out
// those that did not after all, and notes the records that were deleted. The fates are those of the journal from from to
// upto; where another process has indexed from there meanwhile, they may be
// older than what it entered, and nothing is done.
func (t *Tenant) indexFates(ctx context.Context, run *Run, from, upto int64, fates map[int64]Fate) error {
	keys, err := run.createKeys(ctx, fates)
	if err != nil {
		return err
	}
	taught, err := run.taught(ctx, from, upto)
	if err != nil {
		return err
	}
	return t.db.transaction(ctx, func(tx *sql.Tx) error {
		if now, err := indexedUpto(ctx, tx, run.info.ID); err != nil || now != from {
			return err
		}
		w := planWriter{ctx: ctx, tx: tx}
		var created bulk
		var remove *sql.Stmt
		for _, op := range keys {
			switch fate := fates[op.Seq]; fate.Status {
			case Created, InDoubt, Parked, Skipped: // the journal has it of a row in doubt, which a person leaves at that
				w.insert(&created, `INSERT OR REPLACE INTO created (tenant, run, seq, line, key, hash, gsid) VALUES `,
					t.name, run.info.ID, op.Seq, op.Line, op.Key[:], op.Hash[:], fate.Gsid)
			default:
				w.exec(&remove, `DELETE FROM created WHERE tenant = ? AND run = ? AND seq = ?`, t.name, run.info.ID, op.Seq)
			}
		}
		w.rest(&created)
		if err := w.close(); err != nil {
			return err
		}
		for _, fate := range fates {
			if fate.Status != Deleted {
				continue
			}
			if _, err := tx.ExecContext(ctx, `INSERT OR IGNORE INTO deleted (tenant, gsid) VALUES (?, ?)`, t.name, fate.Gsid); err != nil {
				return err
			}
		}
		if err := t.learn(ctx, tx, taught); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT OR REPLACE INTO indexed (run, upto) VALUES (?, ?)`, run.info.ID, upto)
		return err
	})
}

// createKeys reads the keys of those rows whose operation is a create.
func (r *Run) createKeys(ctx context.Context, fates map[int64]Fate) ([]Op, error) {
	seqs := make([]string, 0, len(fates))
	for seq := range fates {
		seqs = append(seqs, fmt.Sprint(seq))
	}
	rows, err := r.db.read.QueryContext(ctx, `SELECT seq, line, key, hash FROM ops WHERE action = 'create' AND seq IN (SELECT value FROM json_each(?)) ORDER BY seq`,
		"["+strings.Join(seqs, ",")+"]")
	if err != nil {
		return nil, r.db.wrap(err)
	}
	defer rows.Close() //nolint:errcheck // read only; Err below tells
	var ops []Op
	for rows.Next() {
		var op Op
		if err := scanKeys(rows, &op); err != nil {
			return nil, r.db.wrap(err)
		}
		ops = append(ops, op)
	}
	return ops, r.db.wrap(rows.Err())
}

// scanKeys reads seq, line, key and hash of an operation.
func scanKeys(rows *sql.Rows, op *Op) error {
	var key, hash sql.RawBytes
	err := rows.Scan(&op.Seq, &op.Line, &key, &hash)
	copy(op.Key[:], key)
	copy(op.Hash[:], hash)
	return err
}
