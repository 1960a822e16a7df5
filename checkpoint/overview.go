package checkpoint

import (
	"context"
	"encoding/json"
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
	rows, err := r.db.read.QueryContext(ctx, `SELECT o.seq, o.line, o.action, o.item, f.status,
		CASE WHEN f.gsid <> '' THEN f.gsid ELSE o.gsid END, f.reason, f.at
		FROM fates f JOIN ops o ON o.seq = f.seq WHERE f.status IN ('in_doubt', 'parked') ORDER BY f.seq LIMIT ?`, limit)
	if err != nil {
		return nil, r.db.wrap(err)
	}
	ops := make([]Op, 0, limit)
	list, err := scanAll(r.db, rows, func(o *Unsettled) []any {
		ops = append(ops, Op{})
		op := &ops[len(ops)-1]
		return []any{&op.Seq, &o.Line, &o.Action, &op.Item, &o.Status, &o.Gsid, &o.Reason, &o.At}
	})
	items := itemReader{run: r}
	for i := 0; i < len(list) && err == nil; i++ {
		err = items.fill(ctx, &ops[i])
		list[i].Name = nameIn(ops[i].Item)
	}
	if err != nil {
		return nil, fmt.Errorf("rows in doubt: %w", err)
	}
	return list, nil
}

// nameIn is the name of the record that an operation's item sends, "" for none.
func nameIn(item string) string {
	var sent struct {
		Record struct{ Name any } `json:"record"` // of a metric: name, which is taken for the same
	}
	if json.Unmarshal([]byte(item), &sent) != nil {
		return ""
	}
	name, _ := sent.Record.Name.(string)
	return name
}

// AddHeaderProblems keeps problems of the header, which are of no row.
func (b *Batch) AddHeaderProblems(problems []Problem) {
	for n, problem := range problems {
		b.found = append(b.found, seqProblem{0, n, problem})
	}
}
