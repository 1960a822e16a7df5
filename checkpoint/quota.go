package checkpoint

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// Quota is the tenant's ledger of calls, as seen by one process: who names it
// in the books. Its stamps are wall-clock times, since processes share them.
type Quota struct {
	db     *database
	tenant string
	who    string
}

// Quota is the tenant's ledger for a process that calls itself who.
func (t *Tenant) Quota(who string) *Quota { return &Quota{db: t.db, tenant: t.name, who: who} }

const day = 24 * time.Hour

// Lease takes a slot for a call about to be sent: one of calls stamps, each
// of which is usable again a window after its call's response, out of at most
// daily calls in any 24 hours (0: no such limit). Where none is usable id is
// 0, again is when to ask again and why is "window", "day" or "paused". The
// stamp of a process that dies frees itself a window, a twelfth of it (3 s
// at least) and a turn of the spacing (a window by calls) later.
func (q *Quota) Lease(ctx context.Context, now time.Time, calls int, window time.Duration, daily int) (id int64, again time.Time, why string, err error) {
	err = q.db.transaction(ctx, func(tx *sql.Tx) error {
		again, why, err = q.refusal(ctx, tx, now, calls, window, daily)
		if err != nil || why != "" {
			return err
		}
		usable := now.Add(window + max(window/12, 3*time.Second) + window/time.Duration(calls))
		result, err := tx.ExecContext(ctx, `INSERT INTO stamps (tenant, usable, leased, who) VALUES (?, ?, ?, ?)`,
			q.tenant, usable.UnixNano(), now.UnixNano(), q.who)
		if err != nil {
			return err
		}
		if id, err = result.LastInsertId(); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO calls (tenant, minute, who, n) VALUES (?, ?, ?, 1)
			ON CONFLICT (tenant, minute, who) DO UPDATE SET n = n + 1`, q.tenant, now.Unix()/60, q.who)
		return err
	})
	return id, again, why, err
}

// refusal says why no slot can be had now, "" when one can.
func (q *Quota) refusal(ctx context.Context, tx *sql.Tx, now time.Time, calls int, window time.Duration, daily int) (again time.Time, why string, err error) {
	var until int64
	err = tx.QueryRowContext(ctx, `SELECT until FROM pauses WHERE tenant = ? AND until > ?`, q.tenant, now.UnixNano()).Scan(&until)
	if err == nil {
		return time.Unix(0, until), "paused", nil
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return again, "", err
	}
	if daily > 0 {
		again, err = dayFree(ctx, tx, q.tenant, now, daily)
		if err != nil || !again.IsZero() {
			return again, "day", err
		}
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM stamps WHERE tenant = ? AND usable <= ?`, q.tenant, now.UnixNano()); err != nil {
		return again, "", err
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM calls WHERE tenant = ? AND minute < ?`, q.tenant, now.Add(-2*day).Unix()/60); err != nil {
		return again, "", err
	}
	// No stamp is that far ahead unless the clock was set back since.
	if _, err := tx.ExecContext(ctx, `UPDATE stamps SET usable = ?1 WHERE tenant = ?2 AND usable > ?3`,
		now.Add(window).UnixNano(), q.tenant, now.Add(3*window+10*time.Second).UnixNano()); err != nil {
		return again, "", err
	}
	// The stamp that must become usable before one more call fits.
	var usable int64
	err = tx.QueryRowContext(ctx, `SELECT usable FROM stamps WHERE tenant = ? ORDER BY usable DESC LIMIT 1 OFFSET ?`, q.tenant, calls-1).Scan(&usable)
	if errors.Is(err, sql.ErrNoRows) {
		return again, "", nil
	}
	return time.Unix(0, usable), "window", err
}

// dayFree is zero when fewer than daily calls were made in the last 24 hours,
// else the time when enough of them have passed out of it. Calls are counted
// by the minute, and a minute counts until its last second is a day old.
func dayFree(ctx context.Context, q querier, tenant string, now time.Time, daily int) (time.Time, error) {
	first := now.Add(-day).Unix() / 60
	var used int
	if err := q.QueryRowContext(ctx, `SELECT coalesce(sum(n), 0) FROM calls WHERE tenant = ? AND minute >= ?`, tenant, first).Scan(&used); err != nil {
		return time.Time{}, err
	}
	if used < daily {
		return time.Time{}, nil
	}
	rows, err := q.QueryContext(ctx, `SELECT minute, sum(n) FROM calls WHERE tenant = ? AND minute >= ? GROUP BY minute ORDER BY minute`, tenant, first)
	if err != nil {
		return time.Time{}, err
	}
	defer rows.Close() //nolint:errcheck // read only; Err below tells
	for rows.Next() {
		var minute int64
		var n int
		if err := rows.Scan(&minute, &n); err != nil {
			return time.Time{}, err
		}
		if used -= n; used < daily {
			return time.Unix((minute+1)*60, 0).Add(day), rows.Err()
		}
	}
	return now.Add(time.Minute), rows.Err()
}

// querier is a database or a transaction.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// Free gives the slot back: it may be leased again from usable on.
func (q *Quota) Free(ctx context.Context, id int64, usable time.Time) error {
	_, err := q.db.write.ExecContext(ctx, `INSERT INTO stamps (id, tenant, usable, leased, who) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET usable = excluded.usable`, id, q.tenant, usable.UnixNano(), usable.UnixNano(), q.who)
	return q.db.wrap(err)
}

// Pause lets no process lease a slot before until. A later pause stands.
func (q *Quota) Pause(ctx context.Context, until time.Time) error {
	_, err := q.db.write.ExecContext(ctx, `INSERT INTO pauses (tenant, until) VALUES (?, ?)
		ON CONFLICT (tenant) DO UPDATE SET until = max(until, excluded.until)`, q.tenant, until.UnixNano())
	return q.db.wrap(err)
}

// QuotaUse is what a tenant's calls stand at.
type QuotaUse struct {
	Window      int            // slots taken now
	Day         int            // calls in the last 24 hours
	ByWho       map[string]int // of those, by process
	NextFree    time.Time      // when the next taken slot is usable again; zero when none is taken
	PausedUntil time.Time      // zero when not paused
	DayFree     time.Time      // when the day's allowance, if used up, frees; zero when it is not
	Minutes     []MinuteCalls  // of the last 24 hours, rising
}

// MinuteCalls is how many calls began in a minute.
type MinuteCalls struct {
	End   time.Time
	Calls int
}

// Frees is how many of the day's calls may be made again by t.
func (u QuotaUse) Frees(t time.Time) int {
	n := 0
	for _, m := range u.Minutes {
		if m.End.Add(day).After(t) {
			break
		}
		n += m.Calls
	}
	return n
}

// Use tells the tenant's calls at now.
func (t *Tenant) Use(ctx context.Context, now time.Time, daily int) (QuotaUse, error) {
	use := QuotaUse{ByWho: map[string]int{}}
	var next, until int64
	err := t.db.read.QueryRowContext(ctx, `SELECT count(*), coalesce(min(usable), 0) FROM stamps WHERE tenant = ? AND usable > ?`, t.name, now.UnixNano()).Scan(&use.Window, &next)
	if err != nil {
		return use, t.db.wrap(err)
	}
	if next > 0 {
		use.NextFree = time.Unix(0, next)
	}
	err = t.db.read.QueryRowContext(ctx, `SELECT until FROM pauses WHERE tenant = ? AND until > ?`, t.name, now.UnixNano()).Scan(&until)
	if err == nil {
		use.PausedUntil = time.Unix(0, until)
	} else if !errors.Is(err, sql.ErrNoRows) {
		return use, t.db.wrap(err)
	}
	if daily > 0 {
		if use.DayFree, err = dayFree(ctx, t.db.read, t.name, now, daily); err != nil {
			return use, t.db.wrap(err)
		}
	}
	if err := t.countDay(ctx, now, &use); err != nil {
		return use, err
	}
	return use, t.countMinutes(ctx, now, &use)
}

func (t *Tenant) countMinutes(ctx context.Context, now time.Time, use *QuotaUse) error {
	rows, err := t.db.read.QueryContext(ctx, `SELECT minute, sum(n) FROM calls WHERE tenant = ? AND minute >= ? GROUP BY minute ORDER BY minute`, t.name, now.Add(-day).Unix()/60)
	if err != nil {
		return t.db.wrap(err)
	}
	defer rows.Close() //nolint:errcheck // read only; Err below tells
	for rows.Next() {
		var minute int64
		var m MinuteCalls
		if err := rows.Scan(&minute, &m.Calls); err != nil {
			return t.db.wrap(err)
		}
		m.End = time.Unix((minute+1)*60, 0)
		use.Minutes = append(use.Minutes, m)
	}
	return t.db.wrap(rows.Err())
}

func (t *Tenant) countDay(ctx context.Context, now time.Time, use *QuotaUse) error {
	rows, err := t.db.read.QueryContext(ctx, `SELECT who, sum(n) FROM calls WHERE tenant = ? AND minute >= ? GROUP BY who`, t.name, now.Add(-day).Unix()/60)
	if err != nil {
		return t.db.wrap(err)
	}
	defer rows.Close() //nolint:errcheck // read only; Err below tells
	for rows.Next() {
		var who string
		var n int
		if err := rows.Scan(&who, &n); err != nil {
			return t.db.wrap(err)
		}
		use.Day += n
		use.ByWho[who] = n
	}
	return t.db.wrap(rows.Err())
}
