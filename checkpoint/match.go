package checkpoint

import (
	"context"
	"database/sql"
	"errors"
	"os"
)

// Match is a pending create of a run whose natural key another run created, or
// may have created.
type Match struct {
	Seq  int64
	Line int
	Same bool   // the payload is the same to the byte, and the goal answers for this row alone
	Gsid string // "" while the other row is in doubt
	Run  string // the other run
	Row  int    // and its line
}

// maker is a row of another run that created a goal, or may have.
type maker struct {
	hash  [16]byte
	gsid  string // "" while in doubt
	run   string
	line  int
	taken bool // its goal answers for a row of this run already
}

// MatchCreated finds the pending creates of run that the index knows from other
// runs, at most one match a row: a goal of equal payload before a row in doubt
// before any other goal. Rows of equal payload are counted: one goal answers for
// one row.
func (t *Tenant) MatchCreated(ctx context.Context, run *Run) ([]Match, error) {
	made, err := t.makers(ctx, run)
	if err != nil || len(made) == 0 {
		return nil, err
	}
	rows, err := run.db.read.QueryContext(ctx, `SELECT seq, line, key, hash FROM ops o WHERE action = 'create'
		AND NOT EXISTS (SELECT 1 FROM fates f WHERE f.seq = o.seq AND f.status <> 'pending') ORDER BY seq`)
	if err != nil {
		return nil, run.db.wrap(err)
	}
	defer rows.Close() //nolint:errcheck // read only; Err below tells
	var matches []Match
	for rows.Next() {
		var op Op
		if err := scanKeys(rows, &op); err != nil {
			return nil, run.db.wrap(err)
		}
		if m, same := pick(made[op.Key], op.Hash); m != nil {
			matches = append(matches, Match{Seq: op.Seq, Line: op.Line, Same: same, Gsid: m.gsid, Run: m.run, Row: m.line})
		}
	}
	return matches, run.db.wrap(rows.Err())
}

// pick chooses what answers for a row of that payload, nil where nothing does.
func pick(made []maker, hash [16]byte) (best *maker, same bool) {
	for i := range made {
		m := &made[i]
		switch {
		case m.gsid != "" && m.hash == hash && !m.taken:
			m.taken = true
			return m, true
		case best == nil, best.gsid != "" && m.gsid == "", best.gsid == "" && m.gsid == "" && m.hash == hash:
			best = m
		}
	}
	return best, best != nil && best.gsid == "" && best.hash == hash
}

// makers are, by natural key, the rows of other runs that the index knows for
// the creates of run. Goals that answered for a row of it before are taken.
func (t *Tenant) makers(ctx context.Context, run *Run) (map[[16]byte][]maker, error) {
	family, err := t.ancestors(ctx, run)
	if err != nil {
		return nil, err
	}
	made := map[[16]byte][]maker{}
	others, err := t.hasOthers(ctx, run)
	if err != nil || !others {
		return nil, err
	}
	err = run.attached(ctx, t.db.path, func(conn *sql.Conn) error {
		rows, err := conn.QueryContext(ctx, `
			SELECT c.key, c.hash, c.gsid, c.run, c.line, c.gsid IN (
				SELECT f.gsid FROM fates f JOIN ops o ON o.seq = f.seq WHERE f.status = 'unchanged' AND o.action = 'create')
			FROM other.created c WHERE c.tenant = ? AND c.run <> ? AND c.key IN (SELECT key FROM ops WHERE action = 'create')
			AND c.gsid NOT IN (SELECT gsid FROM other.deleted WHERE tenant = c.tenant)
			ORDER BY c.run, c.seq`, t.name, run.info.ID)
		if err != nil {
			return err
		}
		defer rows.Close() //nolint:errcheck // read only; Err below tells
		for rows.Next() {
			var m maker
			var key [16]byte
			var rawKey, rawHash sql.RawBytes
			if err := rows.Scan(&rawKey, &rawHash, &m.gsid, &m.run, &m.line, &m.taken); err != nil {
				return err
			}
			copy(key[:], rawKey)
			copy(m.hash[:], rawHash)
			m.taken = m.taken || family[m.run]
			made[key] = append(made[key], m)
		}
		return rows.Err()
	})
	return made, err
}

// hasOthers says whether the index knows any create of a run other than run:
// where it does not, the keys of run's own, which lie among its operations,
// need not be read.
func (t *Tenant) hasOthers(ctx context.Context, run *Run) (has bool, err error) {
	err = t.db.read.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM created WHERE tenant = ? AND run < ?) OR EXISTS (SELECT 1 FROM created WHERE tenant = ? AND run > ?)`,
		t.name, run.info.ID, t.name, run.info.ID).Scan(&has)
	return has, t.db.wrap(err)
}

// ancestors are the runs whose rows run retries, where equal rows are meant to
// become goals of their own: what those runs created answers for other rows.
func (t *Tenant) ancestors(ctx context.Context, run *Run) (map[string]bool, error) {
	family := map[string]bool{}
	if run.info.OnDuplicate != "create" {
		return family, nil
	}
	for id := run.info.Parent; id != "" && !family[id]; {
		family[id] = true
		parent, err := t.folder.View(ctx, id)
		if errors.Is(err, os.ErrNotExist) {
			break
		}
		if err != nil {
			return nil, err
		}
		id = parent.info.Parent
		if err := parent.Close(); err != nil {
			return nil, err
		}
	}
	return family, nil
}

// attached runs do on a connection to the run's database that sees the
// database at path as other. Both can only be read.
func (r *Run) attached(ctx context.Context, path string, do func(*sql.Conn) error) error {
	conn, err := r.db.read.Conn(ctx)
	if err != nil {
		return r.db.wrap(err)
	}
	defer conn.Close() //nolint:errcheck // back to the pool
	if _, err := conn.ExecContext(ctx, `ATTACH ? AS other`, dsn(path, "ro")); err != nil {
		return r.db.wrap(err)
	}
	defer conn.ExecContext(context.WithoutCancel(ctx), `DETACH other`) //nolint:errcheck // a connection that kept it would be closed with the run
	return r.db.wrap(do(conn))
}
