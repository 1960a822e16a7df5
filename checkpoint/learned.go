package checkpoint

import (
	"context"
	"database/sql"
	"encoding/json"
)

// taught tells what the answers in the journal's records behind from, up to
// upto, say of names that only the server could resolve: by Op.Names the ids
// that it filled in (Event.Parents).
func (r *Run) taught(ctx context.Context, from, upto int64) (map[string]string, error) {
	bySeq := map[int64]string{}
	err := r.eachRecord(ctx, r.db.read, from, func(id int64, text string) (bool, error) {
		if id > upto {
			return false, nil
		}
		return true, eachEvent(text, func(e *Event) error {
			if e.Parents != "" {
				bySeq[e.Seq] = e.Parents
			}
			return nil
		})
	})
	if err != nil || len(bySeq) == 0 {
		return nil, err
	}
	seqs := make([]int64, 0, len(bySeq))
	for seq := range bySeq {
		seqs = append(seqs, seq)
	}
	list, err := json.Marshal(seqs)
	if err != nil {
		return nil, err
	}
	rows, err := r.db.read.QueryContext(ctx, `SELECT o.seq, t.text FROM ops o JOIN texts t ON t.id = o.names WHERE o.seq IN (SELECT value FROM json_each(?))`, string(list))
	if err != nil {
		return nil, r.db.wrap(err)
	}
	defer rows.Close() //nolint:errcheck // read only; Err below tells
	names := map[string]string{}
	for rows.Next() {
		var seq int64
		var text string
		if err := rows.Scan(&seq, &text); err != nil {
			return nil, r.db.wrap(err)
		}
		names[text] = bySeq[seq]
	}
	return names, r.db.wrap(rows.Err())
}

// learn keeps what answers said of names.
func (t *Tenant) learn(ctx context.Context, tx *sql.Tx, taught map[string]string) error {
	for names, parents := range taught {
		if _, err := tx.ExecContext(ctx, `INSERT OR IGNORE INTO learned (tenant, names, parents) VALUES (?, ?, ?)`, t.name, names, parents); err != nil {
			return err
		}
	}
	return nil
}

// LearnedParents tells the ids that the server filled in for names (Op.Names)
// in all runs of the tenant, as of the last IndexCreated:
// CompanyId=…;RelationshipId=…. Names that it resolved in two ways are left out.
func (t *Tenant) LearnedParents(ctx context.Context) (map[string]string, error) {
	rows, err := t.db.read.QueryContext(ctx, `SELECT names, max(parents) FROM learned WHERE tenant = ? GROUP BY names HAVING count(*) = 1`, t.name)
	if err != nil {
		return nil, t.db.wrap(err)
	}
	defer rows.Close() //nolint:errcheck // read only; Err below tells
	learned := map[string]string{}
	for rows.Next() {
		var names, parents string
		if err := rows.Scan(&names, &parents); err != nil {
			return nil, t.db.wrap(err)
		}
		learned[names] = parents
	}
	return learned, t.db.wrap(rows.Err())
}
