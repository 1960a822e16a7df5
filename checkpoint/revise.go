package checkpoint

import (
	"context"
	"database/sql"
	"encoding/json"
	"iter"
)

// Before is what a record was before the run changes it: the before-image.
type Before struct {
	Modified   int64  // its ModifiedDate, epoch milliseconds, 0 unknown
	ModifiedBy string // its ModifiedById, "" unknown
	Doc        string // JSON object: its name, and of the fields to be changed what they hold
}

// Revision changes the plan of one row, by what the tenant was found to hold.
type Revision struct {
	Seq      int64
	Op       *Op       // nil: the operation stays as it is planned
	Fate     *Fate     // nil: the row stays pending
	Before   *Before   // nil: none is known
	Problems []Problem // found by reading the tenant
}

// Revise changes the plan in one transaction. It may be done only before the
// first intent of the run.
func (r *Run) Revise(ctx context.Context, revisions []Revision) error {
	if len(revisions) == 0 {
		return nil
	}
	return r.db.transaction(ctx, func(tx *sql.Tx) error {
		w := planWriter{ctx: ctx, tx: tx}
		for i := range revisions {
			v := &revisions[i]
			if v.Op != nil {
				w.exec(&w.ops, `UPDATE ops SET item = ?, hash = ? WHERE seq = ?`, v.Op.Item, v.Op.Hash[:], v.Seq)
			}
			if v.Fate != nil {
				w.fate(v.Seq, v.Fate)
			}
			if v.Before != nil {
				w.exec(&w.befores, `INSERT OR REPLACE INTO befores (seq, modified, modified_by, doc) VALUES (?, ?, ?, ?)`, v.Seq, v.Before.Modified, v.Before.ModifiedBy, v.Before.Doc)
			}
			for n := range v.Problems {
				w.problem(v.Seq, maxProblems+n, &v.Problems[n])
			}
		}
		return w.close()
	})
}

// maxProblems is above the number of problems that checking finds in a row, so
// that those found by reading come after them.
const maxProblems = 1 << 20

// Change is an operation with what its record was before, and where it stands.
type Change struct {
	Op
	Before *Before // nil: none was read
	Fate   Fate
}

const changeColumns = `SELECT o.seq, o.line, o.action, o.gsid, o.item, coalesce(l.text, ''), coalesce(n.text, ''), o.key, o.hash, o.modified, coalesce(a.doc, ''),
	b.modified, b.modified_by, b.doc, coalesce(f.status, 'pending'), coalesce(f.gsid, ''), coalesce(f.code, ''), coalesce(f.reason, ''), coalesce(f.server, 0), coalesce(f.at, 0)
	FROM ops o LEFT JOIN texts l ON l.id = o.lookups LEFT JOIN texts n ON n.id = o.names
	LEFT JOIN asides a ON a.seq = o.seq LEFT JOIN befores b ON b.seq = o.seq LEFT JOIN fates f ON f.seq = o.seq `

func scanChange(rows *sql.Rows, c *Change) error {
	var key, hash sql.RawBytes
	var modified sql.NullInt64
	var by, doc sql.NullString
	err := rows.Scan(&c.Seq, &c.Line, &c.Action, &c.Gsid, &c.Item, &c.Lookups, &c.Names, &key, &hash, &c.Modified, &c.Aside,
		&modified, &by, &doc, &c.Fate.Status, &c.Fate.Gsid, &c.Fate.Code, &c.Fate.Reason, &c.Fate.Server, &c.Fate.At)
	copy(c.Key[:], key)
	copy(c.Hash[:], hash)
	if doc.Valid {
		c.Before = &Before{Modified: modified.Int64, ModifiedBy: by.String, Doc: doc.String}
	}
	return err
}

// ChangesOf reads the operations of those rows, in input order, as of the last
// Fold. Rows without an operation are left out.
func (r *Run) ChangesOf(ctx context.Context, seqs []int64) ([]Change, error) {
	list, err := json.Marshal(seqs)
	if err != nil || len(seqs) == 0 {
		return nil, err
	}
	return r.changes(ctx, changeColumns+`WHERE o.seq IN (SELECT value FROM json_each(?)) ORDER BY o.seq`, string(list))
}

// Changes yields every operation in input order, as of the last Fold.
func (r *Run) Changes(ctx context.Context) iter.Seq2[Change, error] {
	return inBatches(func(after int64) ([]Change, error) {
		return r.changes(ctx, changeColumns+`WHERE o.seq > ? ORDER BY o.seq LIMIT ?`, after, opBatch)
	}, func(c *Change) int64 { return c.Seq })
}

// PendingCompared tells, in input order, the pending rows whose goals were read
// for the plan and had a ModifiedDate, as of the last Fold.
func (r *Run) PendingCompared(ctx context.Context, do func(seq int64, gsid string)) error {
	rows, err := r.db.read.QueryContext(ctx, `SELECT b.seq, o.gsid FROM befores b JOIN ops o ON o.seq = b.seq LEFT JOIN fates f ON f.seq = b.seq
		WHERE b.modified > 0 AND coalesce(f.status, 'pending') = 'pending' ORDER BY b.seq`)
	if err != nil {
		return r.db.wrap(err)
	}
	defer rows.Close() //nolint:errcheck // read only; Err below tells
	for rows.Next() {
		var seq int64
		var gsid string
		if err := rows.Scan(&seq, &gsid); err != nil {
			return r.db.wrap(err)
		}
		do(seq, gsid)
	}
	return r.db.wrap(rows.Err())
}

// inBatches yields what read gives, at most opBatch of them behind a row at a time.
func inBatches[T any](read func(after int64) ([]T, error), seqOf func(*T) int64) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for after := int64(0); ; {
			list, err := read(after)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for i := range list {
				if !yield(list[i], nil) {
					return
				}
			}
			if len(list) < opBatch {
				return
			}
			after = seqOf(&list[len(list)-1])
		}
	}
}

func (r *Run) changes(ctx context.Context, query string, args ...any) ([]Change, error) {
	rows, err := r.db.read.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, r.db.wrap(err)
	}
	defer rows.Close() //nolint:errcheck // read only; Err below tells
	var list []Change
	for rows.Next() {
		var c Change
		if err := scanChange(rows, &c); err != nil {
			return nil, r.db.wrap(err)
		}
		list = append(list, c)
	}
	return list, r.fillItems(ctx, rows, len(list), func(i int) *Op { return &list[i].Op })
}
