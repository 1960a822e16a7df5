package checkpoint

import (
	"context"
	"fmt"
)

// Unsettled is a row that waits for reading back or for a person.
type Unsettled struct {
	Line   int
	Action string
	Name   string // of the record, "" where the call does not send it
	Status Status // in_doubt or parked
	Gsid   string // of the record to be updated, "" for a create
	Reason string
	At     int64 // when it came to this, epoch milliseconds
}

// UnsettledRows are the first rows in doubt or parked, in input order, at most limit.
func (r *Run) UnsettledRows(ctx context.Context, limit int) ([]Unsettled, error) {
	rows, err := r.db.read.QueryContext(ctx, `SELECT o.line, o.action, CASE WHEN json_valid(o.item) THEN coalesce(o.item ->> '$.record.Name', o.item ->> '$.record.name', '') ELSE '' END, f.status,
		CASE WHEN f.gsid <> '' THEN f.gsid ELSE o.gsid END, f.reason, f.at
		FROM fates f JOIN ops o ON o.seq = f.seq WHERE f.status IN ('in_doubt', 'parked') ORDER BY f.seq LIMIT ?`, limit)
	if err != nil {
		return nil, r.db.wrap(err)
	}
	list, err := scanAll(r.db, rows, func(o *Unsettled) []any {
		return []any{&o.Line, &o.Action, &o.Name, &o.Status, &o.Gsid, &o.Reason, &o.At}
	})
	if err != nil {
		return nil, fmt.Errorf("rows in doubt: %w", err)
	}
	return list, nil
}

// AddHeaderProblems keeps problems of the header, which are of no row.
func (b *Batch) AddHeaderProblems(problems []Problem) {
	for n, problem := range problems {
		b.found = append(b.found, seqProblem{0, n, problem})
	}
}
