package checkpoint

import (
	"context"
	"database/sql"
	"time"
)

// How far ahead of the clock a stamp or a slowing may lie, in windows. What lies
// further was written before the clock was set back.
const (
	stampWindows = 3 // and ten seconds
	slowWindows  = 20
	slack        = time.Second // between the clocks of two looks at the same clock
)

// setBack mends what was written before the clock was set back: what lies ahead
// of it would otherwise hold calls up for as long as it was set back by. A pause
// lasts as long as when it was made, from now on; the slots are usable a window
// from now; the day's calls are counted from now, as nobody knows how old they are.
func (q *Quota) setBack(ctx context.Context, tx *sql.Tx, now time.Time, window time.Duration) error {
	ahead := []any{q.tenant, now.Add(slack).UnixNano(), now.Add(stampWindows*window + 10*time.Second).UnixNano(), now.Add(slowWindows * window).UnixNano(), now.Unix()/60 + 1}
	var found bool
	err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM paused WHERE tenant = ?1 AND since > ?2)
		OR EXISTS (SELECT 1 FROM stamps WHERE tenant = ?1 AND usable > ?3)
		OR EXISTS (SELECT 1 FROM slowed WHERE tenant = ?1 AND since > ?4)
		OR EXISTS (SELECT 1 FROM calls WHERE tenant = ?1 AND minute > ?5)`, ahead...).Scan(&found)
	if err != nil || !found {
		return err
	}
	for _, step := range []struct {
		mend string
		args []any
	}{
		{`UPDATE paused SET until = until - since + ?3, since = ?3 WHERE tenant = ?1 AND since > ?2`, []any{ahead[0], ahead[1], now.UnixNano()}},
		{`UPDATE stamps SET usable = ?3 WHERE tenant = ?1 AND usable > ?2`, []any{ahead[0], ahead[2], now.Add(window).UnixNano()}},
		{`DELETE FROM slowed WHERE tenant = ?1 AND since > ?2`, []any{ahead[0], ahead[3]}},
		{`INSERT INTO calls (tenant, minute, who, n) SELECT tenant, ?3, who, sum(n) FROM calls WHERE tenant = ?1 AND minute > ?2 GROUP BY who
			ON CONFLICT (tenant, minute, who) DO UPDATE SET n = n + excluded.n`, []any{ahead[0], ahead[4], now.Unix() / 60}},
		{`DELETE FROM calls WHERE tenant = ?1 AND minute > ?2`, []any{ahead[0], ahead[4]}},
	} {
		if _, err := tx.ExecContext(ctx, step.mend, step.args...); err != nil {
			return err
		}
	}
	return nil
}
