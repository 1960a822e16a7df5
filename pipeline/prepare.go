package pipeline

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"gsbatch/checkpoint"
	"gsbatch/gainsight"
)

// folded brings all that happened so far into the fates.
func (a *apply) folded(ctx context.Context) error {
	a.journal.Flush()
	return a.cfg.Run.Fold(ctx)
}

// StateError says that a run cannot be applied: its planning was cut short, or
// it was given up.
type StateError struct {
	Run   string
	State checkpoint.State
}

func (e *StateError) Error() string {
	return fmt.Sprintf("run %s cannot be applied: it is %s; import the file again", e.Run, e.State)
}

func applicable(info checkpoint.Info) error {
	if info.State == checkpoint.Planning || info.State == checkpoint.Abandoned {
		return &StateError{Run: info.ID, State: info.State}
	}
	return nil
}

// prepare brings what is known of the run into memory before the first call.
func (a *apply) prepare(ctx context.Context) error {
	if err := a.lookAround(ctx); err != nil {
		return err
	}
	if err := a.outdated(ctx); err != nil {
		return err
	}
	keys, err := a.cfg.Run.DoubtfulKeys(ctx)
	if err != nil {
		return err
	}
	for _, key := range keys {
		a.keys.doubt(key)
	}
	if err := a.takeStock(ctx); err != nil {
		return err
	}
	if err := a.askTime(ctx); err != nil {
		return err
	}
	a.begun.Store(int64(a.calls().Total))
	a.opening.rows = succeeded(a.status.Counts) + a.status.Counts.Rejected
	if err := countLost(ctx, a.cfg.Run); err != nil {
		return err
	}
	return a.cfg.Run.SetInfo(ctx, func(info *checkpoint.Info) { info.State = checkpoint.Running })
}

// takeStock reads how far the run is and the server times that it knows, side
// by side: both walk over all rows, and the first call waits for them.
func (a *apply) takeStock(ctx context.Context) error {
	var told, recorded int64
	g, both := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		told, recorded, err = a.cfg.Run.LastServerTimes(both)
		return err
	})
	g.Go(func() (err error) {
		a.status.Counts, err = a.cfg.Run.Counts(both)
		return err
	})
	if err := g.Wait(); err != nil {
		return err
	}
	a.serverTime.Store(told)
	a.recorded.Store(recorded)
	return nil
}

// askTime learns the server's time before the first intent, with a call only
// where none was made yet: what a doubtful call may have made is told from what
// there was before by it.
func (a *apply) askTime(ctx context.Context) error {
	seen(&a.serverTime, a.cfg.Client.ServerTime())
	if a.cfg.Settle <= 0 || a.serverTime.Load() > 0 || !a.withinBudget() {
		return ctx.Err()
	}
	page, err := a.cfg.Client.FetchPage(a.stops.ctx, gainsight.Query{Select: []string{"Gsid"}}, 1, 1)
	if err != nil {
		a.fault(err)
		return nil
	}
	seen(&a.serverTime, page.ServerTime)
	return nil
}

// countLost adds the calls of a process that died to the run's, as far as the
// journal tells: writes, not reads.
func countLost(ctx context.Context, run *checkpoint.Run) error {
	info := run.Info()
	if info.State != checkpoint.Running {
		return nil
	}
	sends, last, err := run.Sends(ctx, info.CountedUpto)
	if err != nil {
		return err
	}
	lost := checkpoint.Calls{ByEndpoint: map[string]int{}}
	for action, n := range sends {
		if n > 0 {
			lost.ByEndpoint[object(info.Object).name()+"."+action] = n
			lost.Total += n
		}
	}
	return run.SetInfo(ctx, func(info *checkpoint.Info) {
		info.Calls.Add(lost)
		info.CountedUpto = last
	})
}

// lookAround deals with what other runs are about to create, or created since
// the plan was made. The runs that are not live by now have told all they did,
// so that the index is right for them.
func (a *apply) lookAround(ctx context.Context) error {
	live, err := a.cfg.Tenant.Begin(ctx, a.cfg.Run)
	if err != nil || a.cfg.Again {
		return err
	}
	if err := refuseClash(ctx, a.cfg.Tenant, a.cfg.Run, live); err != nil {
		return err
	}
	return staleCreates(ctx, a.cfg.Tenant, a.cfg.Run)
}
