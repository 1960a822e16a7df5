package checkpoint

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// History is all that happened to a row.
type History struct {
	Line     Line
	Op       *Op     // nil where nothing was planned
	Before   *Before // nil: what the record was before was not read
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
		if err == nil && h.Op != nil {
			h.Before, err = r.before(ctx, l.Seq)
		}
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
	ops, err := r.readOps(ctx, seq, 1, map[int64]string{0: ""}, &itemReader{run: r})
	if err != nil || len(ops) == 0 || ops[0].Seq != seq {
		return nil, err
	}
	return &ops[0], nil
}

func (r *Run) before(ctx context.Context, seq int64) (*Before, error) {
	changes, err := r.ChangesOf(ctx, []int64{seq})
	if err != nil || len(changes) == 0 {
		return nil, err
	}
	return changes[0].Before, nil
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

// ProblemReader reads the problems that planning found, row by row.
type ProblemReader struct {
	side *sideReader[seqProblem]
}

// ProblemReader begins to read. Close it.
func (r *Run) ProblemReader(ctx context.Context) (*ProblemReader, error) {
	side, err := newSideReader(ctx, r.db, `SELECT seq, place, field, code, value, message, mend, warning FROM problems ORDER BY seq, n`,
		func(rows *sql.Rows, p *seqProblem) (int64, error) {
			err := rows.Scan(&p.seq, &p.Place, &p.Field, &p.Code, &p.Value, &p.Message, &p.Mend, &p.Warning)
			return p.seq, err
		})
	return &ProblemReader{side}, err
}

// Of are the problems of row seq. seqs must rise.
func (p *ProblemReader) Of(seq int64) ([]Problem, error) {
	var found []Problem
	for {
		next, err := p.side.at(seq)
		if err != nil || next == nil {
			return found, err
		}
		found = append(found, next.Problem)
		p.side.seq = 0 // taken: the next one may be of the same row
	}
}

// Close ends the reading.
func (p *ProblemReader) Close() { p.side.close() }

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

// Sends counts, by action, the calls that the journal tells of behind its
// record of id after, those left out of which no byte left; last is its last
// record's id. What a killed process did is known from here alone.
func (r *Run) Sends(ctx context.Context, after int64) (byAction map[string]int, last int64, err error) {
	byAction, last = map[string]int{}, after
	sends := map[int64]int{} // by row, of some records
	err = r.eachRecord(ctx, r.db.read, after, func(id int64, text string) (bool, error) {
		last = id
		err := eachEvent(text, func(e *Event) error {
			switch {
			case e.Kind == Intent:
				sends[e.Seq]++
			case e.Kind == Outcome && e.Status == Pending && e.HTTP == 0:
				sends[e.Seq]--
			}
			return nil
		})
		if err == nil && len(sends) >= foldEvents {
			err = r.addSends(ctx, sends, byAction)
		}
		return true, err
	})
	if err == nil {
		err = r.addSends(ctx, sends, byAction)
	}
	return byAction, last, err
}

// addSends moves the sends of rows to those of their actions.
func (r *Run) addSends(ctx context.Context, sends map[int64]int, byAction map[string]int) error {
	seqs := make([]int64, 0, len(sends))
	for seq := range sends {
		seqs = append(seqs, seq)
	}
	list, err := json.Marshal(seqs)
	if err != nil {
		return err
	}
	rows, err := r.db.read.QueryContext(ctx, `SELECT seq, action FROM ops WHERE seq IN (SELECT value FROM json_each(?))`, string(list))
	if err != nil {
		return r.db.wrap(err)
	}
	defer rows.Close() //nolint:errcheck // read only; Err below tells
	for rows.Next() {
		var seq int64
		var action string
		if err := rows.Scan(&seq, &action); err != nil {
			return r.db.wrap(err)
		}
		byAction[action] += sends[seq]
	}
	clear(sends)
	return r.db.wrap(rows.Err())
}

// User is who writes for this run, as the first answer that tells it says; ""
// where none does.
func (r *Run) User(ctx context.Context) (string, error) {
	user := ""
	err := r.eachRecord(ctx, r.db.read, 0, func(_ int64, text string) (bool, error) {
		err := eachEvent(text, func(e *Event) error {
			if user == "" && e.Kind == Outcome && (e.Status == Created || e.Status == Updated) {
				user = e.User
			}
			return nil
		})
		return user == "", err
	})
	return user, err
}

// LastRecord is the id of the journal's last record, 0 for none.
func (r *Run) LastRecord(ctx context.Context) (int64, error) {
	var id int64
	err := r.db.read.QueryRowContext(ctx, `SELECT coalesce(max(id), 0) FROM journal`).Scan(&id)
	return id, r.db.wrap(err)
}

// LastServerTimes are the largest server time that the folded fates tell, and
// the largest of those that are dates of goals made or changed, in
// epoch milliseconds, 0 for none.
func (r *Run) LastServerTimes(ctx context.Context) (told, recorded int64, err error) {
	err = r.db.read.QueryRowContext(ctx, `SELECT coalesce(max(server), 0),
		coalesce(max(CASE WHEN status IN ('created', 'updated') AND code = '' THEN server END), 0) FROM fates`).Scan(&told, &recorded)
	return told, recorded, r.db.wrap(err)
}
