package gainsight

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/time/rate"
)

// Throttled pauses every process, after an answer that was Throttled: for
// retryAfter where the server said it, else for a window; without a limit for
// 0.2 s, doubling to 5 s, this process alone. Answers to calls that were under
// way when the pause began are part of the same. The third throttled window in
// a row, or a retryAfter of more than ten windows, is held to be the day's cap:
// Acquire then returns *DayUsedError. The Client does this for its own calls;
// to tell the gate again does no harm.
func (g *Gate) Throttled(ctx context.Context, retryAfter time.Duration) {
	g.throttled(ctx, time.Now(), retryAfter)
}

func (g *Gate) throttled(ctx context.Context, sent time.Time, retryAfter time.Duration) {
	until, news := g.extend(sent, time.Now(), retryAfter)
	if !news || g.limits.Calls <= 0 {
		return
	}
	// A stop of the run must not keep the pause from the other processes.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), freeTimeout)
	defer cancel()
	if err := g.ledger.Pause(ctx, time.Now().Round(0), until.Round(0)); err != nil {
		g.remember(fmt.Errorf("quota ledger: %w", err))
		return
	}
	if err := g.slowDown(ctx, until.Round(0)); err != nil {
		g.remember(err)
	}
}

// slowDown lowers the pace of all processes, once for each pause: the slots
// keep our own calls within the quota, so others use it too. until is the end
// of the pause.
func (g *Gate) slowDown(ctx context.Context, until time.Time) error {
	now := time.Now().Round(0)
	slow, err := g.readSlow(ctx)
	if err != nil {
		return err
	}
	from := until
	if latest := now.Add(longWindows * g.limits.Window); from.After(latest) {
		from = latest // the day's cap, not this minute's traffic
	}
	share := max(slow.at(now, g.limits.Window)/slowerBy, slowest)
	if err := g.ledger.Slow(ctx, now, share, from); err != nil {
		return fmt.Errorf("quota ledger: %w", err)
	}
	after, err := g.readSlow(ctx)
	if err == nil && after != slow && g.Slowed != nil {
		g.Slowed(portion(g.limits.PerWindow(), after.share))
	}
	return err
}

// readSlow takes over from the ledger how the pace was lowered.
func (g *Gate) readSlow(ctx context.Context) (slowing, error) {
	share, from, err := g.ledger.Slowed(ctx)
	if err != nil {
		return slowing{}, fmt.Errorf("quota ledger: %w", err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.slow = slowing{share, from}
	return g.slow, nil
}

// callsNow is how many calls a window has now, and sets their spacing. Only the
// holder of the turn calls it.
func (g *Gate) callsNow(ctx context.Context, now time.Time) (int, error) {
	if !g.looked {
		if _, err := g.readSlow(ctx); err != nil {
			return 0, err
		}
		g.looked = true
	}
	g.mu.Lock()
	slow := g.slow
	g.mu.Unlock()
	calls := portion(g.limits.PerWindow(), slow.at(now, g.limits.Window))
	if every := rate.Every(g.limits.Window / time.Duration(calls)); g.pace.Limit() != every {
		g.pace.SetLimit(every)
		g.pace.SetBurst(max(1, calls/catchUp))
	}
	return calls, nil
}

// extend records a throttled call and returns the end of the pause, and whether it moved.
func (g *Gate) extend(sent, now time.Time, retryAfter time.Duration) (time.Time, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.troubled.Store(true)
	if sent.Before(g.until) {
		if until := now.Add(retryAfter); retryAfter > 0 && until.After(g.until) {
			g.until = until
			g.judgeDay(now, retryAfter)
			return g.until, true
		}
		return g.until, false
	}
	if g.streak == 0 {
		g.since = now
	}
	g.streak++
	g.until = now.Add(g.pauseFor(retryAfter))
	g.judgeDay(now, retryAfter)
	return g.until, true
}

func (g *Gate) pauseFor(retryAfter time.Duration) time.Duration {
	switch {
	case retryAfter > 0:
		return retryAfter
	case g.limits.Calls > 0:
		return g.limits.Window
	default:
		return min(firstBackoff<<min(g.streak-1, 10), longestBackoff)
	}
}

// judgeDay decides whether it is the day's allowance that is used.
func (g *Gate) judgeDay(now time.Time, retryAfter time.Duration) {
	window := g.limits.Window
	inARow := g.streak >= cappedAfter && now.Sub(g.since) >= (cappedAfter-1)*window
	switch {
	case retryAfter > longWindows*window:
		g.dayUntil = now.Round(0).Add(retryAfter) // by the wall clock: the machine may sleep
	case inARow && g.limits.Day.Fixed && retryAfter <= 0:
		g.dayUntil = g.limits.Day.Next(now)
	case inARow:
		g.dayUntil = now.Round(0).Add(max(retryAfter, blindWindows*window))
	default:
		return
	}
	if g.dayUntil.After(g.until) {
		g.until = g.dayUntil
	}
	g.streak = 0
}

// dayMoved brings the end of the day nearer by what the clock was set back.
func (g *Gate) dayMoved(now time.Time, by time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.dayUntil.IsZero() {
		return
	}
	g.dayUntil = g.dayUntil.Add(-by)
	if next := g.limits.Day.Next(now); g.limits.Day.Fixed && next.Before(g.dayUntil) {
		g.dayUntil = next
	}
}

// answered ends a row of throttled windows: a call sent after the pause was not throttled.
func (g *Gate) answered(sent time.Time) {
	if !g.troubled.Load() {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if sent.Before(g.until) {
		return
	}
	g.streak = 0
	if g.fault == nil && !time.Now().Before(g.dayUntil) {
		g.troubled.Store(false)
	}
}

func (g *Gate) paused() bool {
	if !g.troubled.Load() {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return time.Now().Before(g.until)
}

// waitPause waits until no pause is on: all that a gate without a limit does.
func (g *Gate) waitPause(ctx context.Context) error {
	for g.troubled.Load() {
		now := time.Now()
		if err := g.check(now); err != nil {
			return err
		}
		g.mu.Lock()
		until := g.until
		g.mu.Unlock()
		if !now.Before(until) {
			return nil
		}
		if err := g.wait(ctx, now, until, WhyPaused); err != nil {
			return err
		}
	}
	return ctx.Err()
}
