package checkpoint

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"slices"
)

// foldEvents is how many events are brought into the fates in one transaction.
const foldEvents = 50_000

// Fold brings the journal into the fates. An intent without an outcome is a
// row in doubt: its call may or may not have been executed. Fold may be cut
// off anywhere and repeated.
func (r *Run) Fold(ctx context.Context) error {
	for {
		upto, err := r.foldedUpto(ctx, r.db.read)
		if err != nil {
			return err
		}
		last, fates, err := r.sumUp(ctx, upto)
		if err != nil || last == upto {
			return err
		}
		if err := r.writeFates(ctx, last, fates); err != nil {
			return err
		}
	}
}

func (r *Run) foldedUpto(ctx context.Context, q querier) (int64, error) {
	var upto int64
	err := q.QueryRowContext(ctx, `SELECT upto FROM folded`).Scan(&upto)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return upto, r.db.wrap(err)
}

// sumUp reads journal records behind upto, some foldEvents events, and gives
// the last record's id with what they make of their rows.
func (r *Run) sumUp(ctx context.Context, upto int64) (last int64, fates map[int64]Fate, err error) {
	fates = map[int64]Fate{}
	last = upto
	events := 0
	err = r.eachRecord(ctx, r.db.read, upto, func(id int64, text string) (bool, error) {
		last = id
		err := eachEvent(text, func(e *Event) error {
			events++
			fates[e.Seq] = e.fate()
			return nil
		})
		return events < foldEvents, err
	})
	return last, fates, err
}

// eachRecord calls do for each journal record behind upto until it says stop.
func (r *Run) eachRecord(ctx context.Context, q querier, upto int64, do func(id int64, text string) (more bool, err error)) error {
	rows, err := q.QueryContext(ctx, `SELECT id, batch FROM journal WHERE id > ? ORDER BY id`, upto)
	if err != nil {
		return r.db.wrap(err)
	}
	defer rows.Close() //nolint:errcheck // read only; Err below tells
	for rows.Next() {
		var id int64
		var text string
		if err := rows.Scan(&id, &text); err != nil {
			return r.db.wrap(err)
		}
		more, err := do(id, text)
		if err != nil {
			return &StorageError{Path: r.db.path, Err: err}
		}
		if !more {
			break
		}
	}
	return r.db.wrap(rows.Err())
}

// fate is where the event leaves its row.
func (e *Event) fate() Fate {
	if e.Kind == Intent {
		return Fate{Status: InDoubt, Attempts: e.Attempt, At: e.At, Server: e.Server,
			Reason: "the process ended before the answer was seen"}
	}
	attempts := e.Attempt
	if e.Kind == Outcome && e.Status == Pending && e.HTTP != 0 {
		attempts-- // refused before it was carried out, as by the quota: no attempt of the row
	}
	return Fate{Status: e.Status, Gsid: e.Gsid, Code: e.Code, Reason: e.Reason,
		Attempts: attempts, RequestID: e.RequestID, At: e.At, Server: e.Server}
}

func (r *Run) writeFates(ctx context.Context, upto int64, fates map[int64]Fate) error {
	fold := func(tx *sql.Tx) error {
		w := planWriter{ctx: ctx, tx: tx}
		for _, seq := range slices.Sorted(maps.Keys(fates)) {
			fate := fates[seq]
			w.fate(seq, &fate)
		}
		if err := w.close(); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO folded (id, upto) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET upto = excluded.upto`, upto)
		return err
	}
	return r.roomy(func() error { return r.db.transaction(ctx, fold) })
}

// SetFates decides rows without a call: what another run created meanwhile,
// or a name that the server refused.
func (r *Run) SetFates(ctx context.Context, fates map[int64]Fate) error {
	if len(fates) == 0 {
		return nil
	}
	upto, err := r.foldedUpto(ctx, r.db.read)
	if err != nil {
		return err
	}
	return r.writeFates(ctx, upto, fates)
}

// Counts counts the rows by status, as far as the journal goes at this moment:
// for a run that is being applied, a row whose call is under way is pending.
func (r *Run) Counts(ctx context.Context) (Counts, error) {
	counts := Counts{Rows: int(r.info.Input.Rows)}
	// One snapshot: between two reads a fold would hide rows from both.
	tx, err := r.db.read.BeginTx(ctx, nil)
	if err == nil {
		err = errors.Join(r.countFates(ctx, tx, &counts), tx.Rollback())
	}
	if err != nil {
		return counts, r.db.wrap(rolledBack(ctx, err))
	}
	counts.Pending = 0
	counts.Pending = counts.Rows - counts.sum()
	return counts, nil
}

func (r *Run) countFates(ctx context.Context, tx *sql.Tx, counts *Counts) error {
	rows, err := tx.QueryContext(ctx, `SELECT status, count(*) FROM fates GROUP BY status`)
	if err != nil {
		return err
	}
	defer rows.Close() //nolint:errcheck // read only; Err below tells
	for rows.Next() {
		var status string
		var n int
		if err := rows.Scan(&status, &n); err != nil {
			return err
		}
		*counts.Of(Status(status)) += n
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return r.countTail(ctx, tx, counts)
}

// countTail adds what the part of the journal that is not folded yet says.
func (r *Run) countTail(ctx context.Context, tx *sql.Tx, counts *Counts) error {
	upto, err := r.foldedUpto(ctx, tx)
	if err != nil {
		return err
	}
	open, err := openRows(ctx, tx)
	if err != nil {
		return err
	}
	return r.eachRecord(ctx, tx, upto, func(_ int64, text string) (bool, error) {
		return true, eachEvent(text, func(e *Event) error {
			if e.Kind == Intent {
				return nil
			}
			if was, counted := open[e.Seq]; counted {
				*counts.Of(was)--
				delete(open, e.Seq)
			} else if e.Kind == Settled {
				*counts.Of(e.Was)--
			}
			*counts.Of(e.Status)++
			if e.Status == InDoubt || e.Status == Parked {
				open[e.Seq] = e.Status
			}
			return nil
		})
	})
}

// openRows are the rows whose fate may still change by an outcome: a fold that
// was cut off between a row's intent and its outcome leaves such a one too.
func openRows(ctx context.Context, tx *sql.Tx) (map[int64]Status, error) {
	rows, err := tx.QueryContext(ctx, `SELECT seq, status FROM fates WHERE status IN ('in_doubt', 'parked')`)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // read only; Err below tells
	open := map[int64]Status{}
	for rows.Next() {
		var seq int64
		var status string
		if err := rows.Scan(&seq, &status); err != nil {
			return nil, err
		}
		open[seq] = Status(status)
	}
	return open, rows.Err()
}
