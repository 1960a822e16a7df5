package checkpoint

import (
	"context"
	"database/sql"
	"iter"
)

// Candidate is a goal of the tenant that may be the one a row is about.
type Candidate struct {
	Seq  int64
	Gsid string
	Sure bool   // all that identifies the row's goal is known and equal
	Doc  string // what was read of the goal, "" where it was not kept
}

// AddCandidates keeps goals that were found for rows.
func (r *Run) AddCandidates(ctx context.Context, found []Candidate) error {
	if len(found) == 0 {
		return nil
	}
	return r.db.transaction(ctx, func(tx *sql.Tx) error {
		w := planWriter{ctx: ctx, tx: tx}
		for _, c := range found {
			w.exec(&w.ops, `INSERT OR REPLACE INTO candidates (seq, gsid, sure, doc) VALUES (?, ?, ?, ?)`, c.Seq, c.Gsid, c.Sure, c.Doc)
		}
		return w.close()
	})
}

// Found are the goals that were found for one row.
type Found struct {
	Seq   int64
	Goals []Candidate // by Gsid
}

// Candidates yields the rows that goals were found for, in input order.
func (r *Run) Candidates(ctx context.Context) iter.Seq2[Found, error] {
	return inBatches(func(after int64) ([]Found, error) { return r.candidates(ctx, after) }, func(f *Found) int64 { return f.Seq })
}

// candidates reads those of opBatch rows behind row after.
func (r *Run) candidates(ctx context.Context, after int64) ([]Found, error) {
	rows, err := r.db.read.QueryContext(ctx, `SELECT seq, gsid, sure, doc FROM candidates
		WHERE seq IN (SELECT DISTINCT seq FROM candidates WHERE seq > ? ORDER BY seq LIMIT ?) ORDER BY seq, gsid`, after, opBatch)
	if err != nil {
		return nil, r.db.wrap(err)
	}
	defer rows.Close() //nolint:errcheck // read only; Err below tells
	var list []Found
	for rows.Next() {
		var c Candidate
		if err := rows.Scan(&c.Seq, &c.Gsid, &c.Sure, &c.Doc); err != nil {
			return nil, r.db.wrap(err)
		}
		if n := len(list); n == 0 || list[n-1].Seq != c.Seq {
			list = append(list, Found{Seq: c.Seq})
		}
		last := &list[len(list)-1]
		last.Goals = append(last.Goals, c)
	}
	return list, r.db.wrap(rows.Err())
}
