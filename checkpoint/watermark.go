package checkpoint

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Watermark is when, by the server's clock, the last successful export that
// key stands for began; zero where there was none.
func (t *Tenant) Watermark(ctx context.Context, key string) (time.Time, error) {
	var at int64
	err := t.db.read.QueryRowContext(ctx, `SELECT at FROM watermarks WHERE tenant = ? AND export = ?`, t.name, key).Scan(&at)
	if errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, nil
	}
	return time.UnixMilli(at).UTC(), t.db.wrap(err)
}

// SetWatermark remembers the start of an export that succeeded.
func (t *Tenant) SetWatermark(ctx context.Context, key string, at time.Time) error {
	_, err := t.db.write.ExecContext(ctx, `INSERT OR REPLACE INTO watermarks (tenant, export, at) VALUES (?, ?, ?)`, t.name, key, at.UnixMilli())
	return t.db.wrap(err)
}

// LearnedNames tells, for names that the server resolved in rows of this
// tenant's runs (Op.Names), the ids it filled in, as LearnedParents.
func (t *Tenant) LearnedNames(ctx context.Context) (map[string]string, error) {
	infos, err := t.folder.List(ctx)
	if err != nil {
		return nil, err
	}
	learned := map[string]string{}
	for _, info := range infos { // newest first: what it learned holds
		if info.Tenant != t.name || info.State == Planning || info.State == Planned {
			continue
		}
		if err := t.learnFrom(ctx, info.ID, learned); err != nil {
			return nil, fmt.Errorf("names of run %s: %w", info.ID, err)
		}
	}
	return learned, nil
}

func (t *Tenant) learnFrom(ctx context.Context, id string, learned map[string]string) (err error) {
	run, err := t.folder.View(ctx, id)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, run.Close()) }()
	names, err := run.namesUsed(ctx, learned)
	if err != nil {
		return err
	}
	found, err := run.LearnedParents(ctx, names)
	for name, parents := range found {
		learned[name] = parents
	}
	return err
}

// maxLearned bounds the names that one run is asked about.
const maxLearned = 100_000

// namesUsed lists the names of the run's rows that only the server could
// resolve, without those that are known already.
func (r *Run) namesUsed(ctx context.Context, known map[string]string) ([]string, error) {
	rows, err := r.db.read.QueryContext(ctx, `SELECT text FROM texts WHERE id IN (SELECT DISTINCT names FROM ops) AND text <> '' LIMIT ?`, maxLearned)
	if err != nil {
		return nil, r.db.wrap(err)
	}
	defer rows.Close() //nolint:errcheck // read only; Err below tells
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, r.db.wrap(err)
		}
		if _, found := known[name]; !found {
			names = append(names, name)
		}
	}
	return names, r.db.wrap(rows.Err())
}
