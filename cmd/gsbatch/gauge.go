package main

import (
	"context"
	"sync"
	"time"

	"gsbatch/checkpoint"
	"gsbatch/pipeline"
)

// gauge turns the counts of a run under way into what progress shows: speed,
// quota left, and the time of the clock at which it will be done.
type gauge struct {
	session  *session
	progress *Progress
	began    time.Time

	mu     sync.Mutex
	status pipeline.Status
	use    checkpoint.QuotaUse
	ended  context.CancelFunc
	idle   sync.WaitGroup
}

// gaugeEvery is how often the quota is looked at, and waiting shown, while no
// outcome arrives.
const gaugeEvery = 2 * time.Second

// start looks at the quota from time to time, until stop.
func (g *gauge) start(ctx context.Context) {
	ctx, g.ended = context.WithCancel(ctx)
	g.look(ctx)
	g.idle.Go(func() {
		tick := time.NewTicker(gaugeEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				g.look(ctx)
				g.show()
			}
		}
	})
}

func (g *gauge) stop() {
	g.ended()
	g.idle.Wait()
	g.look(context.Background()) // the last line tells what is left now
	g.show()
}

// look reads the quota's books; where that fails the run itself will tell.
func (g *gauge) look(ctx context.Context) {
	if g.session.limits.Calls == 0 {
		return
	}
	use, err := g.session.shared.Use(ctx, g.session.app.now(), dayLimit(g.session.limits, false, g.session.app.now()))
	if err != nil {
		return
	}
	g.mu.Lock()
	g.use = use
	g.mu.Unlock()
}

// update takes the counts of a commit.
func (g *gauge) update(status pipeline.Status) {
	g.mu.Lock()
	g.status = status
	g.mu.Unlock()
	g.show()
}

// show hands progress the state of things.
func (g *gauge) show() {
	g.mu.Lock()
	status, use := g.status, g.use
	g.mu.Unlock()
	if status.Counts.Rows == 0 {
		return // nothing counted yet
	}
	g.session.metrics(status.Counts)
	now, limits := g.session.app.now(), g.session.limits
	phase := "sending"
	if g.session.work != nil {
		phase = "settling" // nothing is sent
	}
	s := progressStatus(phase, status.Counts)
	elapsed := now.Sub(g.began)
	if elapsed > 0 {
		s.Speed = float64(status.Sent) / elapsed.Minutes()
	}
	f := forecastOf(limits, use, int64(status.Counts.Pending))
	if limits.Calls > 0 {
		s.QuotaLeft, s.QuotaPer = max(limits.PerWindow()-use.Window, 0), limits.Window
	} else if status.Sent > 0 {
		f.Pace = float64(status.Sent) / elapsed.Seconds()
	}
	s.Waiting, s.Why = g.session.wait.get(now)
	s.ETA = eta(now, f)
	g.progress.Update(s)
}

// progressStatus is counts as progress wants them.
func progressStatus(phase string, c checkpoint.Counts) Status {
	return Status{
		Phase: phase, Done: int64(c.Rows - c.Pending), Total: int64(c.Rows),
		Created: int64(c.Created), Updated: int64(c.Updated), Deleted: int64(c.Deleted), Unchanged: int64(c.Unchanged),
		Rejected: int64(c.Rejected), Invalid: int64(c.Invalid), Skipped: int64(c.Skipped), Stale: int64(c.Stale),
		InDoubt: int64(c.InDoubt), Parked: int64(c.Parked),
	}
}

// metrics hands the account of the run, as far as it is known now, to the
// metrics file.
func (s *session) metrics(counts checkpoint.Counts) {
	if s.app.metrics == nil {
		return
	}
	info := s.began // the run changes its own meanwhile
	info.Counts = counts
	calls := callsOf(s.desk)
	calls.Add(info.Calls)
	info.Calls = calls
	s.app.metrics.update(info)
}
