package checkpoint

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
)

// History is all that happened to a row.
type History struct {
	Line     Line
	Op       *Op // nil where nothing was planned
	Problems []Problem
	Events   []Event
}

// History tells all that happened to the row of that line number.
// ErrNoRow says that the input has no such row.
func (r *Run) History(ctx context.Context, line int) (History, error) {
	for l, err := range r.Lines(ctx) {
		if err != nil {
			return History{}, err
		}
		if l.Line != line {
			continue
		}
		h := History{Line: l}
		h.Op, err = r.op(ctx, l.Seq)
		if err == nil {
			h.Problems, err = r.Problems(ctx, l.Seq)
		}
		if err == nil {
			h.Events, err = r.events(ctx, l.Seq)
		}
		return h, err
	}
	return History{}, fmt.Errorf("row %d of run %s: %w", line, r.info.ID, ErrNoRow)
}

// ErrNoRow says that the input has no row of that number.
var ErrNoRow = errors.New("the input has no such row")

func (r *Run) op(ctx context.Context, seq int64) (*Op, error) {
	ops, err := r.readOps(ctx, seq, 1, map[int64]string{0: ""})
	if err != nil || len(ops) == 0 || ops[0].Seq != seq {
		return nil, err
	}
	return &ops[0], nil
}

// Problems are the problems that planning found in a row.
func (r *Run) Problems(ctx context.Context, seq int64) ([]Problem, error) {
	rows, err := r.db.read.QueryContext(ctx, `SELECT place, field, code, value, message, mend, warning FROM problems WHERE seq = ? ORDER BY n`, seq)
	if err != nil {
		return nil, r.db.wrap(err)
	}
	defer rows.Close() //nolint:errcheck // read only; Err below tells
	var problems []Problem
	for rows.Next() {
		var p Problem
		if err := rows.Scan(&p.Place, &p.Field, &p.Code, &p.Value, &p.Message, &p.Mend, &p.Warning); err != nil {
			return nil, r.db.wrap(err)
		}
		problems = append(problems, p)
	}
	return problems, r.db.wrap(rows.Err())
}

// events picks a row's events out of the journal.
func (r *Run) events(ctx context.Context, seq int64) ([]Event, error) {
	var found []Event
	mark := fmt.Sprintf("\t%d\t", seq)
	err := r.eachRecord(ctx, r.db.read, 0, func(_ int64, text string) (bool, error) {
		if !strings.Contains(text, mark) {
			return true, nil
		}
		return true, eachEvent(text, func(e *Event) error {
			if e.Seq == seq {
				found = append(found, *e)
			}
			return nil
		})
	})
	return found, err
}

// HasIntents says whether any call of the run may have been sent.
func (r *Run) HasIntents(ctx context.Context) (bool, error) {
	var id int64
	err := r.db.read.QueryRowContext(ctx, `SELECT id FROM journal LIMIT 1`).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, r.db.wrap(err)
}
