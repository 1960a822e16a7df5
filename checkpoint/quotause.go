package checkpoint

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"time"
)

// QuotaUse is what a tenant's calls stand at.
type QuotaUse struct {
	Window      int         // slots taken now
	Day         int         // calls of the day
	By          []CallerUse // of those, by caller; the busiest first
	NextFree    time.Time   // when the next taken slot is usable again; zero when none is taken
	PausedUntil time.Time   // zero when not paused
	SlowShare   float64     // of the calls, to which the pace was last lowered; 0: never
	SlowFrom    time.Time   // since when it rises again
	DayFree     time.Time   // when any 24 hours, if used up, have room again; zero when they have
	Minutes     []MinuteCalls
}

// CallerUse is how many of the calls one caller made.
type CallerUse struct {
	Caller
	Window int       // slots taken now
	Day    int       // calls of the day
	Last   time.Time // the minute of the last of them
}

// MinuteCalls is how many calls of the day began in a minute.
type MinuteCalls struct {
	End   time.Time
	Calls int
}

// Freeing returns a function that tells how many of the calls may be made
// again by t, as any 24 hours pass on. It must be asked for rising t.
func (u QuotaUse) Freeing() func(t time.Time) int {
	next, n := 0, 0
	return func(t time.Time) int {
		for ; next < len(u.Minutes) && !u.Minutes[next].End.Add(day).After(t); next++ {
			n += u.Minutes[next].Calls
		}
		return n
	}
}

// Use tells the tenant's calls at now.
func (t *Tenant) Use(ctx context.Context, now time.Time, limit DayLimit) (QuotaUse, error) {
	var use QuotaUse
	// One snapshot, so that the parts agree.
	tx, err := t.db.read.BeginTx(ctx, nil)
	if err != nil {
		return use, t.db.wrap(err)
	}
	defer tx.Rollback() //nolint:errcheck // read only
	for _, count := range []func(context.Context, querier, time.Time, DayLimit, *QuotaUse) error{t.countWindow, t.countDay, t.countMinutes} {
		if err := count(ctx, tx, now, limit, &use); err != nil {
			return use, t.db.wrap(rolledBack(ctx, err))
		}
	}
	if limit.Calls > 0 && use.Day >= limit.Calls {
		use.DayFree, err = limit.free(ctx, tx, t.name, now, use.Day)
	}
	return use, t.db.wrap(rolledBack(ctx, err))
}

// countWindow counts the slots, and tells what holds everybody up.
func (t *Tenant) countWindow(ctx context.Context, q querier, now time.Time, _ DayLimit, use *QuotaUse) error {
	var next, until int64
	err := q.QueryRowContext(ctx, `SELECT count(*), coalesce(min(usable), 0) FROM stamps WHERE tenant = ? AND usable > ?`, t.name, now.UnixNano()).Scan(&use.Window, &next)
	if err != nil {
		return err
	}
	if next > 0 {
		use.NextFree = time.Unix(0, next)
	}
	err = q.QueryRowContext(ctx, `SELECT until - max(since - ?2, 0) AS ends FROM paused WHERE tenant = ?1 AND ends > ?2`, t.name, now.UnixNano()).Scan(&until)
	switch {
	case err == nil:
		use.PausedUntil = time.Unix(0, until)
	case !errors.Is(err, sql.ErrNoRows) && !older(err):
		return err
	}
	if use.SlowShare, use.SlowFrom, err = slowed(ctx, q, t.name); older(err) {
		return nil
	}
	return err
}

// older says that a table is missing, as in a folder that only an older gsbatch
// has written to.
func older(err error) bool { return err != nil && strings.Contains(err.Error(), "no such table") }

func (t *Tenant) countDay(ctx context.Context, q querier, now time.Time, limit DayLimit, use *QuotaUse) error {
	rows, err := q.QueryContext(ctx, `SELECT who, sum(n), max(minute),
		(SELECT count(*) FROM stamps s WHERE s.tenant = ?1 AND s.who = c.who AND s.usable > ?3)
		FROM calls c WHERE tenant = ?1 AND minute >= ?2 GROUP BY who`, t.name, limit.first(now), now.UnixNano())
	if err != nil {
		return err
	}
	defer rows.Close() //nolint:errcheck // read only; Err below tells
	for rows.Next() {
		var who string
		var by CallerUse
		var minute int64
		if err := rows.Scan(&who, &by.Day, &minute, &by.Window); err != nil {
			return err
		}
		by.Caller, by.Last = parseCaller(who), time.Unix(minute*60, 0)
		use.Day += by.Day
		use.By = append(use.By, by)
	}
	slices.SortFunc(use.By, func(a, b CallerUse) int {
		return cmp.Or(b.Day-a.Day, strings.Compare(a.text(), b.text()))
	})
	return rows.Err()
}

func (t *Tenant) countMinutes(ctx context.Context, q querier, now time.Time, limit DayLimit, use *QuotaUse) error {
	rows, err := q.QueryContext(ctx, `SELECT minute, sum(n) FROM calls WHERE tenant = ? AND minute >= ? GROUP BY minute ORDER BY minute`, t.name, limit.first(now))
	if err != nil {
		return err
	}
	defer rows.Close() //nolint:errcheck // read only; Err below tells
	for rows.Next() {
		var minute int64
		var m MinuteCalls
		if err := rows.Scan(&minute, &m.Calls); err != nil {
			return err
		}
		m.End = time.Unix((minute+1)*60, 0)
		use.Minutes = append(use.Minutes, m)
	}
	return rows.Err()
}
