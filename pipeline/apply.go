package pipeline

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"gsbatch/checkpoint"
	"gsbatch/gainsight"
)

// ApplyConfig is what Apply needs. Zero limits do not limit.
type ApplyConfig struct {
	Run     *checkpoint.Run // planned, running or paused, held by this process
	Tenant  *checkpoint.Tenant
	Client  *gainsight.Client
	Gate    *gainsight.Gate
	Workers int
	Batch   int  // records a call at most, of templates and metrics; 0: DefaultBatch
	Again   bool // do not look at what other runs created meanwhile
	// Recheck looks for goals that were edited since the plan, of which OnStale
	// decides; "": as it was said for the plan.
	Recheck bool
	OnStale OnStale
	Limits  Limits
	// Grace is how long calls under way may take once the run ends; 0: as long
	// as their own time-out.
	Grace time.Duration
	// Settle is how long a doubtful write may still land after its connection
	// ended; 0: rows in doubt are left as they are.
	Settle time.Duration
	// Waiting, which may be nil, is told of a wait for the settle time: until
	// when, and WhySettle.
	Waiting func(until time.Time, why string)
	// Canary operations are sent first; then Confirm, which may be nil, is
	// asked. Without Confirm the run goes on only if all of them succeeded.
	Canary  int
	Confirm func(Status) bool
	// PerMinute is how many calls a minute the quota allows, 0 without a limit;
	// it is kept for the reports.
	PerMinute float64
	// Log, which may be nil, is told of every intent and outcome at level debug.
	Log *slog.Logger
	// Progress, which may be nil, is called after every commit of outcomes,
	// from one goroutine at a time.
	Progress func(Status)
}

// Limits end a run early, in a state that resume goes on from.
type Limits struct {
	Errors   ErrorLimit    // of the rows of this call of Apply
	Calls    int64         // calls of this process, reads included
	Duration time.Duration // of this call of Apply
}

// Status is where a run stands while it is applied.
type Status struct {
	Counts checkpoint.Counts
	Sent   int // operations decided by a call, in this process
}

// Outcome is how Apply ended.
type Outcome struct {
	Stops    []Stop // empty when every operation had its turn
	Counts   checkpoint.Counts
	Calls    checkpoint.Calls
	ResumeAt time.Time // with StopQuota: when the allowance is there again
	Took     time.Duration
	// Unaudited says that every row had its turn, but that rows which are or were
	// in doubt are still to be looked for, which a resume does.
	Unaudited bool
}

// Has says whether the outcome has a stop of that reason.
func (o Outcome) Has(reason StopReason) bool {
	for _, s := range o.Stops {
		if s.Reason == reason {
			return true
		}
	}
	return false
}

// Apply sends the run's pending operations until none is left or something
// ends it. When stop is done no further row is begun, and calls in flight
// get their answers. The error is of the checkpoint or of ctx, a *StateError,
// or a *checkpoint.LockedError where another run that is being applied is to
// create one of the same goals; all else that ends a run is in the Outcome. In
// every case the run's fates are up to
// date when Apply returns, as far as the checkpoint can be written.
func Apply(ctx, stop context.Context, cfg ApplyConfig) (Outcome, error) {
	return carryOut(ctx, stop, cfg, true, (*apply).rounds)
}

// carryOut has work done on the run, which this process holds. settles says
// that the work is to settle all doubts, in a run that ends with the audit.
func carryOut(ctx, stop context.Context, cfg ApplyConfig, settles bool, work func(*apply, context.Context) error) (Outcome, error) {
	a := newApply(stop, cfg)
	a.audited = !settles && cfg.Run.Info().State == checkpoint.Finished
	start := time.Now()
	err := a.run(ctx, work)
	out := Outcome{Stops: a.stops.all(), ResumeAt: a.stops.resumeAt(), Took: time.Since(start)}
	err = errors.Join(err, cfg.Run.Fold(context.WithoutCancel(ctx)))
	counts, countErr := cfg.Run.Counts(context.WithoutCancel(ctx))
	out.Counts, out.Calls = counts, a.calls()
	cut := err != nil || len(out.Stops) > 0
	out.Unaudited = counts.Pending == 0 && a.unaudited(context.WithoutCancel(ctx), settles && cut)
	return out, errors.Join(err, countErr)
}

// apply is one execution of Apply.
type apply struct {
	cfg     ApplyConfig
	of      object
	stops   *stops
	journal *checkpoint.Journal
	calling context.Context // of calls: ends only when their grace is over

	status     Status // owned by the journal's goroutine while it serves, as the next two
	decided    int    // rows in this call of Apply
	rejected   int    // of those
	opening    opening
	serverTime atomic.Int64 // the largest that was told, epoch milliseconds
	recorded   atomic.Int64 // likewise, of the dates of records
	retried    atomic.Int64
	sends      atomic.Int64 // writes, for the retry budget
	repeats    atomic.Int64 // of those, of rows that were sent before; throttled ones are not
	throttled  atomic.Int64
	begun      atomic.Int64 // calls, for the budget; those made before Apply included
	doubted    atomic.Bool  // the run has rows that are or were in doubt, as far as is known
	knowing    atomic.Bool  // it is known of what earlier processes left
	breaker    breaker
	keys       *keys

	mu      sync.Mutex
	refused map[string]string // names the server refused, with its reason
	ended   map[int64]ended   // the calls of this process that left their rows in doubt, by row
	newest  created
	sung    bool           // the canaries had their turn
	audited bool           // no row is to be looked for any more
	alone   bool           // a call of several records was refused as a whole: the others go alone
	earlier map[int64]bool // rows that were in doubt in earlier processes; nil: not read yet
}

// ended is how a call ended that left its row in doubt.
type ended struct {
	at       time.Time
	answered bool // by a server that was well
}

func newApply(stop context.Context, cfg ApplyConfig) *apply {
	cfg.Again = cfg.Again || cfg.Run.Info().Again
	cfg.OnStale = cmp.Or(cfg.OnStale, OnStale(cfg.Run.Info().OnStale))
	return &apply{cfg: cfg, of: object(cfg.Run.Info().Object), stops: newStops(stop, cfg.Limits.Duration), keys: newKeys(), refused: map[string]string{}, ended: map[int64]ended{}}
}

func (a *apply) run(ctx context.Context, work func(*apply, context.Context) error) error {
	defer a.stops.release()
	var cut context.CancelFunc
	a.calling, cut = context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	if a.cfg.Grace > 0 {
		defer context.AfterFunc(a.stops.ctx, func() { time.AfterFunc(a.cfg.Grace, cut) })()
	}
	defer context.AfterFunc(ctx, a.stops.cancel)()
	if err := applicable(a.cfg.Run.Info()); err != nil {
		return err
	}
	if err := a.cfg.Run.Reserve(ctx); err != nil {
		return err
	}
	// Where it fails the next run that begins takes this one out.
	defer func() { _ = a.cfg.Tenant.End(context.WithoutCancel(ctx), a.cfg.Run) }()
	if err := a.prepare(ctx); err != nil {
		return err
	}
	if err := a.cfg.Run.BeginSession(ctx, time.Now(), a.cfg.PerMinute); err != nil {
		return err
	}
	a.journal = a.cfg.Run.Journal(a.committed)
	var g errgroup.Group
	g.Go(a.serve)
	err := work(a, ctx)
	a.journal.Close()
	return errors.Join(err, g.Wait())
}

// serve runs the journal. That it cannot be written ends the run at once, also
// where nothing is to be sent for a while.
func (a *apply) serve() error {
	err := a.journal.Serve()
	if err != nil {
		a.stops.add(Stop{Reason: StopStorage, Err: err})
	}
	return err
}

// rounds settles what an earlier process left in doubt, sends what is pending,
// settles the doubts that made, and begins anew while that lets further rows
// have their turn. In the end it audits.
func (a *apply) rounds(ctx context.Context) error {
	if _, err := a.settle(ctx, false); err != nil {
		return err
	}
	for moved := true; moved && !a.stops.stopping(); {
		err := a.folded(ctx)
		if err == nil {
			err = a.passes(ctx)
		}
		if err == nil {
			moved, err = a.settle(ctx, true)
		}
		if err != nil {
			return err
		}
	}
	return a.audit(ctx)
}

// passes sends the canaries, asks, and sends the rest.
func (a *apply) passes(ctx context.Context) error {
	next, done := iter.Pull2(a.cfg.Run.PendingOps(ctx))
	defer done()
	if a.cfg.Canary > 0 && !a.sung {
		a.sung = true
		before := a.status.Counts
		if err := a.pass(ctx, next, a.cfg.Canary); err != nil || a.stops.stopping() {
			return err
		}
		if !a.canarySang(before) {
			a.stops.add(Stop{Reason: StopCanary})
			return nil
		}
	}
	return a.pass(ctx, next, 0)
}

// canarySang decides after the first operations whether the rest follows.
func (a *apply) canarySang(before checkpoint.Counts) bool {
	a.journal.Flush()
	if a.cfg.Confirm != nil {
		return a.cfg.Confirm(a.status)
	}
	return succeeded(a.status.Counts)-succeeded(before) == a.status.Sent
}

// succeeded is how many operations did what was planned.
func succeeded(c checkpoint.Counts) int { return c.Created + c.Updated + c.Deleted }

// pass hands operations in input order to the workers, at most limit of them
// (0: all), and returns when each has had its turn.
func (a *apply) pass(ctx context.Context, next func() (checkpoint.Op, error, bool), limit int) error {
	if !a.of.isGoals() {
		return a.groups(ctx, next, limit)
	}
	// The group has no context of its own: what happens to one row must not
	// cut off the calls of others.
	var g errgroup.Group
	ops := make(chan checkpoint.Op)
	for range max(a.cfg.Workers, 1) {
		g.Go(func() error {
			for op := range ops {
				a.row(&op)
			}
			return nil
		})
	}
	err := a.feed(ctx, next, ops, limit)
	close(ops)
	return errors.Join(err, g.Wait())
}

func (a *apply) feed(ctx context.Context, next func() (checkpoint.Op, error, bool), ops chan<- checkpoint.Op, limit int) error {
	for n := 0; limit == 0 || n < limit; n++ {
		if a.stops.stopping() {
			return context.Cause(ctx)
		}
		op, err, more := next()
		if err != nil || !more {
			return err
		}
		select {
		case ops <- op:
		case <-a.stops.done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// committed counts outcomes once they are durable; nothing is claimed before.
func (a *apply) committed(events []checkpoint.Event) {
	a.log(events)
	if err := a.cfg.Run.Trouble(); err != nil {
		a.stops.add(Stop{Reason: StopStorage, Err: err})
	}
	for i := range events {
		e := &events[i]
		if e.Status == checkpoint.InDoubt {
			a.doubted.Store(true)
		}
		switch {
		case e.Kind == checkpoint.Settled:
			*a.status.Counts.Of(e.Was)--
			*a.status.Counts.Of(e.Status)++
		case e.Kind == checkpoint.Outcome && e.Status != checkpoint.Pending:
			a.count(e)
		}
	}
	if a.cfg.Progress != nil {
		a.cfg.Progress(a.status)
	}
}

// count counts an operation that was decided by its call, or without one, and
// ends the run where too many were rejected.
func (a *apply) count(e *checkpoint.Event) {
	a.status.Counts.Pending--
	*a.status.Counts.Of(e.Status)++
	a.decided++
	if e.Attempt > 0 {
		a.status.Sent++
	}
	if e.Status == checkpoint.Rejected {
		a.rejected++
	}
	a.watchOpening(e)
	if a.cfg.Limits.Errors.reached(a.rejected, a.decided) {
		a.stops.add(Stop{Reason: StopErrors, Detail: a.cfg.Limits.Errors.String()})
	}
}

// log tells what became durable.
func (a *apply) log(events []checkpoint.Event) {
	if a.cfg.Log == nil || !a.cfg.Log.Enabled(context.Background(), slog.LevelDebug) {
		return
	}
	for i := range events {
		e := &events[i]
		if e.Kind == checkpoint.Intent {
			a.cfg.Log.Debug("intent", "row", e.Seq, "attempt", e.Attempt)
			continue
		}
		a.cfg.Log.Debug("outcome", "row", e.Seq, "attempt", e.Attempt, "status", e.Status, "http", e.HTTP,
			"gsid", e.Gsid, "code", e.Code, "request", e.RequestID, "reason", e.Reason)
	}
}

// calls are this process's calls.
func (a *apply) calls() checkpoint.Calls {
	made := a.cfg.Client.Calls()
	calls := checkpoint.Calls{ByEndpoint: made, Throttled: int(a.throttled.Load()), Retried: int(a.retried.Load())}
	for _, n := range made {
		calls.Total += n
	}
	return calls
}
