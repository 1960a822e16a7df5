package checkpoint

import (
	"context"
	"fmt"
)

// Tally is how many rows of one planned action came to one end.
type Tally struct {
	Action string // "": nothing was planned for them
	Status Status
	Rows   int
}

// Tally counts the rows by what was planned and what became of it, as of the
// last Fold. The sum is the number of rows of the input.
func (r *Run) Tally(ctx context.Context) ([]Tally, error) {
	rows, err := r.db.read.QueryContext(ctx, `
		SELECT o.action, coalesce(f.status, 'pending'), count(*) FROM ops o LEFT JOIN fates f ON f.seq = o.seq GROUP BY 1, 2
		UNION ALL SELECT '', f.status, count(*) FROM fates f WHERE NOT EXISTS (SELECT 1 FROM ops o WHERE o.seq = f.seq) GROUP BY 2`)
	if err != nil {
		return nil, r.db.wrap(err)
	}
	list, err := scanAll(r.db, rows, func(t *Tally) []any { return []any{&t.Action, &t.Status, &t.Rows} })
	rest := int(r.info.Input.Rows)
	for _, t := range list {
		rest -= t.Rows
	}
	if rest > 0 {
		list = append(list, Tally{Status: Pending, Rows: rest})
	}
	return list, err
}

// Alike is problems of one kind and, as far as that is told apart, one text.
type Alike struct {
	Status  Status // invalid, rejected or stale; pending: a warning about rows that are sent
	Code    string
	Field   string
	Rows    int // of the kind: status, code and field
	Texts   int // different texts of the kind
	Same    int // rows of this text
	Place   string
	Value   string // the cell's text, "" where the problem is of the whole row or the server's
	Message string
	Mend    string // "" where the server refused the row
	Text    string // what it is told apart by
	Seq     int64  // of the row, 0 for the header
}

// alikeQuery tells problems apart as validate.Groups does: by the value, or
// where there is none by the message. A row that is invalid for what another
// run did may have its problem in its fate alone.
const alikeQuery = `
	WITH found AS (
		SELECT seq, n, CASE WHEN warning THEN 'pending' ELSE 'invalid' END AS status, code, field, place, value, message, mend,
			CASE WHEN value = '' OR code = 'duplicate' THEN message ELSE value END AS text FROM problems
		UNION ALL SELECT f.seq, 0, f.status, f.code, f.field, coalesce('row ' || o.line, ''), '', f.reason, '', f.reason
			FROM fates f LEFT JOIN ops o ON o.seq = f.seq WHERE f.status IN ('rejected', 'stale')
				OR f.status = 'invalid' AND NOT EXISTS (SELECT 1 FROM problems p WHERE p.seq = f.seq AND NOT p.warning)),
	texts AS (SELECT status, code, field, text, count(*) AS same, min(seq) AS first FROM found GROUP BY 1, 2, 3, 4),
	ranked AS (SELECT *, sum(same) OVER kind AS rows, count(*) OVER kind AS texts, min(first) OVER kind AS began,
		row_number() OVER (PARTITION BY status, code, field ORDER BY same DESC, first) AS rank
		FROM texts WINDOW kind AS (PARTITION BY status, code, field)),
	kinds AS (SELECT *, dense_rank() OVER (ORDER BY status = 'pending', rows DESC, began, status, code, field) AS kind FROM ranked),
	placed AS (SELECT f.*, row_number() OVER (PARTITION BY f.status, f.code, f.field, f.text ORDER BY f.seq, f.n) AS nth,
		k.rows, k.texts, k.same, k.rank, k.kind FROM found f
		JOIN kinds k ON k.status = f.status AND k.code = f.code AND k.field = f.field AND k.text = f.text WHERE k.rank <= ?1 AND k.kind <= ?2)
	SELECT status, code, field, rows, texts, same, place, value, message, mend, text, seq FROM placed WHERE nth <= ?3 ORDER BY kind, rank, nth`

// Alike gives of every kind of problem, most rows first and warnings last, the
// most frequent texts, and of every text the first places. kinds, texts and
// places bound how many; more says how many problems, warnings included, are of
// kinds beyond.
func (r *Run) Alike(ctx context.Context, kinds, texts, places int) (list []Alike, more int, err error) {
	rows, err := r.db.read.QueryContext(ctx, alikeQuery, texts, kinds, places)
	if err != nil {
		return nil, 0, r.db.wrap(err)
	}
	list, err = scanAll(r.db, rows, func(a *Alike) []any {
		return []any{&a.Status, &a.Code, &a.Field, &a.Rows, &a.Texts, &a.Same, &a.Place, &a.Value, &a.Message, &a.Mend, &a.Text, &a.Seq}
	})
	if err != nil {
		return nil, 0, err
	}
	if more, err = r.problemCount(ctx); err != nil {
		return nil, 0, err
	}
	for i := range list {
		if i == 0 || list[i].Status != list[i-1].Status || list[i].Code != list[i-1].Code || list[i].Field != list[i-1].Field {
			more -= list[i].Rows
		}
	}
	return list, more, nil
}

// problemCount counts what alikeQuery finds.
func (r *Run) problemCount(ctx context.Context) (n int, err error) {
	err = r.db.read.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM problems) + (SELECT count(*) FROM fates f
		WHERE f.status IN ('rejected', 'stale') OR f.status = 'invalid' AND NOT EXISTS (SELECT 1 FROM problems p WHERE p.seq = f.seq AND NOT p.warning))`).Scan(&n)
	return n, r.db.wrap(err)
}

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
	rows, err := r.db.read.QueryContext(ctx, `SELECT o.line, o.action, coalesce(json_extract(o.item, '$.record.Name'), ''), f.status,
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
