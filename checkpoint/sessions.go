package checkpoint

import (
	"context"
	"database/sql"
	"slices"
	"time"
)

// Session is one process's work on a run, by that machine's clock.
type Session struct {
	Began int64 // epoch milliseconds
	Ended int64 // 0: the process did not live to say so, or is still at work
	// PerMinute is how many calls a minute it was allowed to make, 0 without a limit.
	PerMinute float64
	ExitCode  int
	Why       string // why it ended before the last row, "" where it did not
}

// BeginSession enters that a process begins to carry the run out.
func (r *Run) BeginSession(ctx context.Context, at time.Time, perMinute float64) error {
	_, err := r.db.write.ExecContext(ctx, `INSERT INTO sessions (began, per_minute) VALUES (?, ?)`, at.UnixMilli(), perMinute)
	return r.db.wrap(err)
}

// EndSession enters how the session that began last ends.
func (r *Run) EndSession(ctx context.Context, at time.Time, exitCode int, why string) error {
	return r.roomy(func() error {
		_, err := r.db.write.ExecContext(ctx, `UPDATE sessions SET ended = ?, exit_code = ?, why = ? WHERE id = (SELECT max(id) FROM sessions) AND ended = 0`,
			at.UnixMilli(), exitCode, why)
		return r.db.wrap(err)
	})
}

// Sessions are the last sessions of the run, at most limit, the oldest of them
// first, and how many there were in all.
func (r *Run) Sessions(ctx context.Context, limit int) (list []Session, total int, err error) {
	rows, err := r.db.read.QueryContext(ctx, `SELECT began, ended, per_minute, exit_code, why, count(*) OVER () FROM sessions ORDER BY id DESC LIMIT ?`, limit)
	if err != nil {
		return nil, 0, r.db.wrap(err)
	}
	list, err = scanAll(r.db, rows, func(s *Session) []any {
		return []any{&s.Began, &s.Ended, &s.PerMinute, &s.ExitCode, &s.Why, &total}
	})
	slices.Reverse(list)
	return list, total, err
}

// scanAll reads rows that are few.
func scanAll[T any](db *database, rows *sql.Rows, fields func(*T) []any) (list []T, err error) {
	defer rows.Close() //nolint:errcheck // read only; Err below tells
	for rows.Next() {
		var one T
		if err := rows.Scan(fields(&one)...); err != nil {
			return nil, db.wrap(err)
		}
		list = append(list, one)
	}
	return list, db.wrap(rows.Err())
}
