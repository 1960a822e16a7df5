package checkpoint

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// Quota is the tenant's ledger of calls, as seen by one process. Its stamps are
// wall-clock times, since processes share them.
type Quota struct {
	db     *database
	tenant string
	who    atomic.Pointer[string]
}

// Quota is the tenant's ledger for one caller.
func (t *Tenant) Quota(who Caller) *Quota {
	q := &Quota{db: t.db, tenant: t.name}
	q.Name(who)
	return q
}

// Name says who calls from now on: the run may become known after the first call.
func (q *Quota) Name(who Caller) {
	text := who.text()
	q.who.Store(&text)
}

// Caller is who makes calls, for the books.
type Caller struct {
	Command string
	Run     string // "" for none
	Process int    // its number in the system
}

func (c Caller) text() string { return c.Command + "\t" + c.Run + "\t" + strconv.Itoa(c.Process) }

func parseCaller(text string) Caller {
	fields := append(strings.Split(text, "\t"), "", "")
	process, _ := strconv.Atoi(fields[2]) // 0 in books that did not have it
	return Caller{Command: fields[0], Run: fields[1], Process: process}
}

const day = 24 * time.Hour

// Lease takes a slot for a call about to be sent: one of calls stamps, each
// of which is usable again a window after its call's response, out of at most
// daily calls in any 24 hours (0: no such limit). Where none is usable id is
// 0, again is when to ask again and why is "window", "day" or "paused". The
// stamp of a process that dies frees itself a window, a twelfth of it (3 s
// at least) and a turn of the spacing (a window by calls) later.
func (q *Quota) Lease(ctx context.Context, now time.Time, calls int, window time.Duration, daily int, since time.Time) (id int64, again time.Time, why string, err error) {
	err = q.db.transaction(ctx, func(tx *sql.Tx) error {
		again, why, err = q.refusal(ctx, tx, now, calls, window, DayLimit{daily, since})
		if err != nil || why != "" {
			return err
		}
		usable := now.Add(window + max(window/12, 3*time.Second) + window/time.Duration(calls))
		result, err := tx.ExecContext(ctx, `INSERT INTO stamps (tenant, usable, leased, who) VALUES (?, ?, ?, ?)`,
			q.tenant, usable.UnixNano(), now.UnixNano(), *q.who.Load())
		if err != nil {
			return err
		}
		if id, err = result.LastInsertId(); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO calls (tenant, minute, who, n) VALUES (?, ?, ?, 1)
			ON CONFLICT (tenant, minute, who) DO UPDATE SET n = n + 1`, q.tenant, now.Unix()/60, *q.who.Load())
		return err
	})
	return id, again, why, err
}

// refusal says why no slot can be had now, "" when one can.
func (q *Quota) refusal(ctx context.Context, tx *sql.Tx, now time.Time, calls int, window time.Duration, limit DayLimit) (again time.Time, why string, err error) {
	if err := q.setBack(ctx, tx, now, window); err != nil {
		return again, "", err
	}
	var until int64
	err = tx.QueryRowContext(ctx, `SELECT until FROM paused WHERE tenant = ? AND until > ?`, q.tenant, now.UnixNano()).Scan(&until)
	if err == nil {
		return time.Unix(0, until), "paused", nil
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return again, "", err
	}
	if limit.Calls > 0 {
		used, err := callsSince(ctx, tx, q.tenant, limit.first(now))
		if err != nil {
			return again, "", err
		}
		if used >= limit.Calls {
			again, err = limit.free(ctx, tx, q.tenant, now, used)
			return again, "day", err
		}
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM stamps WHERE tenant = ? AND usable <= ?`, q.tenant, now.UnixNano()); err != nil {
		return again, "", err
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM calls WHERE tenant = ? AND minute < ?`, q.tenant, now.Add(-2*day).Unix()/60); err != nil {
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

// DayLimit is how many calls a day may see; the zero limit is none.
type DayLimit struct {
	Calls int
	Since time.Time // when the day began; zero: it is any 24 hours
}

// first is the first minute whose calls count at now. Calls are counted by the
// minute, and one counts until its last second is a day old.
func (l DayLimit) first(now time.Time) int64 {
	if l.Since.IsZero() {
		return now.Add(-day).Unix() / 60
	}
	return l.Since.Unix() / 60
}

// free is the time when enough of the used calls, which are at least as many as
// the limit, have passed out of any 24 hours; zero for a day that began once.
func (l DayLimit) free(ctx context.Context, q querier, tenant string, now time.Time, used int) (time.Time, error) {
	if !l.Since.IsZero() {
		return time.Time{}, nil
	}
	rows, err := q.QueryContext(ctx, `SELECT minute, sum(n) FROM calls WHERE tenant = ? AND minute >= ? GROUP BY minute ORDER BY minute`, tenant, l.first(now))
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
		if used -= n; used < l.Calls {
			return time.Unix((minute+1)*60, 0).Add(day), rows.Err()
		}
	}
	return now.Add(time.Minute), rows.Err()
}

func callsSince(ctx context.Context, q querier, tenant string, minute int64) (n int, err error) {
	err = q.QueryRowContext(ctx, `SELECT coalesce(sum(n), 0) FROM calls WHERE tenant = ? AND minute >= ?`, tenant, minute).Scan(&n)
	return n, err
}

// querier is a database or a transaction.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// Free gives the slot back: it may be leased again from usable on.
func (q *Quota) Free(ctx context.Context, id int64, usable time.Time) error {
	_, err := q.db.write.ExecContext(ctx, `INSERT INTO stamps (id, tenant, usable, leased, who) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET usable = excluded.usable`, id, q.tenant, usable.UnixNano(), usable.UnixNano(), *q.who.Load())
	return q.db.wrap(err)
}

// Pause lets, from now on, no process lease a slot before until. A later pause
// stands. Should the clock be set back it lasts as long as it would have.
func (q *Quota) Pause(ctx context.Context, now, until time.Time) error {
	_, err := q.db.write.ExecContext(ctx, `INSERT INTO paused (tenant, since, until) VALUES (?, ?, ?)
		ON CONFLICT (tenant) DO UPDATE SET since = excluded.since, until = excluded.until WHERE until - max(since - excluded.since, 0) < excluded.until`,
		q.tenant, now.UnixNano(), until.UnixNano())
	return q.db.wrap(err)
}

// Slow notes that all processes make share of their calls until from, and more
// by and by; unless from of the last such note is still to come at now.
func (q *Quota) Slow(ctx context.Context, now time.Time, share float64, from time.Time) error {
	_, err := q.db.write.ExecContext(ctx, `INSERT INTO slowed (tenant, share, since) VALUES (?1, ?2, ?3)
		ON CONFLICT (tenant) DO UPDATE SET share = excluded.share, since = excluded.since WHERE since <= ?4`, q.tenant, share, from.UnixNano(), now.UnixNano())
	return q.db.wrap(err)
}

// Slowed is the last such note, zero where there is none.
func (q *Quota) Slowed(ctx context.Context) (share float64, from time.Time, err error) {
	share, from, err = slowed(ctx, q.db.read, q.tenant)
	return share, from, q.db.wrap(err)
}

func slowed(ctx context.Context, q querier, tenant string) (share float64, from time.Time, err error) {
	var since int64
	err = q.QueryRowContext(ctx, `SELECT share, since FROM slowed WHERE tenant = ?`, tenant).Scan(&share, &since)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, time.Time{}, nil
	}
	return share, time.Unix(0, since), err
}
