package checkpoint

import (
	"context"
	"database/sql"
	"errors"
)

// Creator is the row that created a record.
type Creator struct {
	Hash [16]byte // of its payload
	Run  string
	Row  int // its line
}

// Creators finds the row that created a record.
type Creators struct {
	db   *sql.DB
	of   *sql.Stmt
	wrap func(error) error
}

// creatorsSchema sorts what the index knows by natural key and Gsid, into a
// table that only this connection has. The index itself is not kept in that
// order: a run's million keys, which are hashes, would touch each of its pages
// over and over, for the few inputs that ask.
const creatorsSchema = `
CREATE TEMP TABLE creators (key BLOB NOT NULL, gsid TEXT NOT NULL, hash BLOB NOT NULL, run TEXT NOT NULL, line INTEGER NOT NULL,
  PRIMARY KEY (key, gsid)) WITHOUT ROWID;
INSERT OR IGNORE INTO creators SELECT key, gsid, hash, run, line FROM created WHERE tenant = ?1 AND gsid <> ''
  AND gsid NOT IN (SELECT gsid FROM deleted WHERE tenant = ?1) ORDER BY key, gsid, run;
`

// Creators reads the index of created payloads as it is now. Close it.
func (t *Tenant) Creators(ctx context.Context) (*Creators, error) {
	db, err := sql.Open("sqlite", dsn(t.db.path, "ro"))
	if err != nil {
		return nil, t.db.wrap(err)
	}
	db.SetMaxOpenConns(1)
	c := &Creators{db: db, wrap: t.db.wrap}
	if _, err = db.ExecContext(ctx, creatorsSchema, t.name); err == nil {
		c.of, err = db.PrepareContext(ctx, `SELECT hash, run, line FROM creators WHERE key = ? AND gsid = ?`)
	}
	if err != nil {
		return nil, t.db.wrap(errors.Join(err, db.Close()))
	}
	return c, nil
}

// Of finds the row of that natural key that created the record gsid; false
// where the index knows none, or the record was deleted.
func (c *Creators) Of(ctx context.Context, key [16]byte, gsid string) (made Creator, known bool, err error) {
	var hash []byte
	err = c.of.QueryRowContext(ctx, key[:], gsid).Scan(&hash, &made.Run, &made.Row)
	if errors.Is(err, sql.ErrNoRows) {
		return made, false, nil
	}
	copy(made.Hash[:], hash)
	return made, err == nil, c.wrap(err)
}

// Close ends the finding.
func (c *Creators) Close() error { return c.wrap(errors.Join(c.of.Close(), c.db.Close())) }
