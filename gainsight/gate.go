package gainsight

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// Figures of the gate. A slot is usable again 60.05 s after a response where
// the window is a minute: the twentieth of a second covers 500 ppm of drift.
const (
	driftPart = 1200 // of the window
	// catchUp is the part of a window's calls that may follow each other at once
	// after a stall. The slots alone keep every window; spacing only keeps them
	// from bunching, and with a burst of one call each stall is lost for good:
	// 99.1 % of the allowance used in simulation against 99.6 % with a twentieth.
	catchUp        = 20
	longWindows    = 10 // a wait of more windows than this is no wait for the window
	blindWindows   = 60 // how long to stay away when the day's cap is suspected and the server does not say
	cappedAfter    = 3  // throttled windows in a row that mean the day's cap
	firstBackoff   = 200 * time.Millisecond
	longestBackoff = 5 * time.Second
	freeTimeout    = 30 * time.Second
)

// Gate is where every call waits for the tenant's quota, and the only place.
// It leases one of Calls slots from the ledger, each usable again a window
// after its response, so that no window of any phase sees more than Calls; and
// then spaces what it lets through evenly over the window.
type Gate struct {
	// Waiting, if set, is told of a wait for a slot or for the end of a pause:
	// until when, and WhyWindow or WhyPaused. It must not block. Set it before
	// the first Acquire.
	Waiting func(until time.Time, why string)
	// Slowed, if set, is told when calls were throttled although this folder's
	// quota was not used: how many calls are made in a window from now on. Each
	// window without such an answer lets a few more in. It must not block.
	Slowed func(calls int)

	ledger Ledger
	limits Limits
	pace   *rate.Limiter
	looked bool          // slow is what the ledger says; of the holder of the turn
	turn   chan struct{} // held by the one that waits at the head
	open   Slot          // of a gate without a limit

	troubled atomic.Bool // pause below is worth looking at
	mu       sync.Mutex
	until    time.Time // no call before: throttled
	dayUntil time.Time // no call before: the day's cap
	slow     slowing
	since    time.Time // first of the throttled windows in a row
	streak   int       // their number
	fault    error     // of the ledger, found where it could not be returned
	clock    time.Time // of the last lease, with its monotonic reading
}

// NewGate returns a gate. ledger is not used, and may be nil, where Limits.Calls is 0.
func NewGate(ledger Ledger, limits Limits) *Gate {
	if limits.Window <= 0 {
		limits.Window = time.Minute
	}
	g := &Gate{ledger: ledger, limits: limits, turn: make(chan struct{}, 1)}
	if calls := limits.PerWindow(); calls > 0 {
		g.pace = rate.NewLimiter(rate.Every(limits.Window/time.Duration(calls)), max(1, calls/catchUp))
	}
	return g
}

// DayUsedError says that the day's allowance is used, or held to be.
type DayUsedError struct {
	Again time.Time // when it is worth trying again
}

// Error implements error.
func (e *DayUsedError) Error() string {
	return "the day's calls are used; go on after " + e.Again.Format(time.RFC3339)
}

// Slot is the right to make one call. A nil Slot stands for none.
type Slot struct {
	gate *Gate // nil: of a gate without a limit
	id   int64
	at   time.Time     // of the lease, wall clock
	good time.Duration // how long a call may be sent under it
	over atomic.Bool
}

// Acquire waits for a slot for a write and for its turn in the spacing of
// calls. It returns *DayUsedError when the day's allowance, less what is
// reserved for reads, is used, unless Limits.WaitDay says to wait for it; an
// error that wraps ctx's when that ends; and the ledger's own. The Client takes
// the slots of its reads itself.
func (g *Gate) Acquire(ctx context.Context) (*Slot, error) { return g.acquire(ctx, false) }

// acquire is Acquire for a write or a read. Nobody keeps the turn while it
// waits for the day: a read may go on where a write may not.
func (g *Gate) acquire(ctx context.Context, read bool) (*Slot, error) {
	for {
		slot, err := g.attempt(ctx, read)
		used, ok := errors.AsType[*DayUsedError](err)
		if !ok || !g.limits.WaitDay {
			return slot, err
		}
		if err := g.wait(ctx, time.Now().Round(0), used.Again, WhyDay); err != nil {
			return nil, err
		}
	}
}

func (g *Gate) attempt(ctx context.Context, read bool) (*Slot, error) {
	if g.limits.Calls <= 0 {
		return &g.open, g.waitPause(ctx)
	}
	select {
	case g.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("quota: %w", context.Cause(ctx))
	}
	defer func() { <-g.turn }()
	for {
		slot, err := g.lease(ctx, read)
		if err != nil {
			return nil, err
		}
		if err := g.pace.Wait(ctx); err != nil {
			slot.giveBack(0)
			return nil, fmt.Errorf("quota: %w", err)
		}
		switch {
		case slot.stale():
			slot.giveBack(0) // no call was made under it
		case g.paused():
			slot.giveBack(0)
		default:
			return slot, nil
		}
	}
}

// lease asks the ledger until it gives a slot.
func (g *Gate) lease(ctx context.Context, read bool) (*Slot, error) {
	for {
		now := time.Now()
		if err := g.noticeJump(ctx, now); err != nil {
			return nil, err
		}
		if err := g.check(now); err != nil {
			return nil, err
		}
		wall := now.Round(0)
		calls, err := g.callsNow(ctx, wall)
		if err != nil {
			return nil, err
		}
		id, again, why, err := g.ledger.Lease(ctx, wall, calls, g.limits.Window, g.limits.PerDay(read), g.limits.Day.Counted(wall))
		if err != nil {
			return nil, fmt.Errorf("quota ledger: %w", err)
		}
		if id != 0 {
			return &Slot{gate: g, id: id, at: wall, good: goodFor(g.limits.Window, calls)}, nil
		}
		if why == WhyDay && g.limits.Day.Fixed {
			again = g.limits.Day.Next(wall)
		}
		if why == WhyDay || again.Sub(wall) > longWindows*g.limits.Window {
			return nil, &DayUsedError{Again: again}
		}
		g.looked = g.looked && why != WhyPaused // another process may have slowed down
		if err := g.wait(ctx, wall, again, why); err != nil {
			return nil, err
		}
	}
}

// wait sleeps until again, at least a little and at most a window: then the
// ledger is asked anew in any case, since a machine that slept and a clock that
// was set move the end of a wait.
func (g *Gate) wait(ctx context.Context, now, again time.Time, why string) error {
	if g.Waiting != nil {
		g.Waiting(again, why)
	}
	return sleep(ctx, min(max(again.Sub(now), time.Millisecond), g.limits.Window))
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("quota: %w", context.Cause(ctx))
	}
}

// check returns what was found out since the last lease: the ledger's fault, the day's cap.
func (g *Gate) check(now time.Time) error {
	if !g.troubled.Load() {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.fault; err != nil {
		g.fault = nil
		return err
	}
	if now.Before(g.dayUntil) {
		return &DayUsedError{Again: g.dayUntil}
	}
	return nil
}

// noticeJump compares the wall clock with the monotonic one. After a jump ahead
// (the clock was set, or the machine slept) stamps of calls look older than
// they are; everybody waits until they really are a window old. What lies ahead
// of a clock that was set back the ledger moves, and here the end of the day.
func (g *Gate) noticeJump(ctx context.Context, now time.Time) error {
	last := g.clock // only the holder of the turn reads and writes it
	g.clock = now
	if last.IsZero() {
		return nil
	}
	return g.jump(ctx, now, now.Round(0).Sub(last.Round(0)), now.Sub(last))
}

// jump deals with a step of wall and of steady on the two clocks.
func (g *Gate) jump(ctx context.Context, now time.Time, wall, steady time.Duration) error {
	switch {
	case jumped(wall, steady):
		if err := g.ledger.Pause(ctx, now.Round(0), now.Round(0).Add(g.hold())); err != nil {
			return fmt.Errorf("quota ledger: %w", err)
		}
	case jumped(steady, wall):
		g.dayMoved(now, steady-wall)
	}
	return nil
}

// jumped tells a step of the wall clock ahead of the steady one from its slewing.
func jumped(wall, steady time.Duration) bool {
	return wall-steady > max(200*time.Millisecond, steady/500)
}

// hold is how long after its response a slot stays used.
func (g *Gate) hold() time.Duration {
	return g.limits.Window + g.limits.Window/driftPart
}

// fresh returns a slot that is good for a call now: slot itself, or another one
// where there was none or the process slept past the window of its lease.
func (g *Gate) fresh(ctx context.Context, slot *Slot, read bool) (*Slot, error) {
	if slot == nil {
		return g.acquire(ctx, read)
	}
	if !slot.stale() {
		return slot, nil
	}
	slot.giveBack(0) // no call was made under it
	return g.acquire(ctx, read)
}

// stale reports whether the lease is too old to send under: the stamp of a
// process that dies frees itself a window, a twelfth of it (3 s at least) and a
// turn of the spacing after the lease, so a call sent much later than its turn
// would outlive it. So it is where the clock was set back.
func (s *Slot) stale() bool {
	if s.gate == nil {
		return false
	}
	age := time.Now().Round(0).Sub(s.at)
	return age > s.good || age < -time.Second
}

func goodFor(window time.Duration, calls int) time.Duration {
	return max(window/16, 2*time.Second) + window/time.Duration(calls)
}

// Done frees the slot, counting from now: the moment the response arrived. It
// may be called more than once, and on nil.
func (s *Slot) Done() {
	if s != nil && s.gate != nil {
		s.giveBack(s.gate.hold())
	}
}

// Cancel gives back a slot under which no call was made: it may be leased
// again at once.
func (s *Slot) Cancel() {
	if s != nil {
		s.giveBack(0)
	}
}

// giveBack lets the slot be leased again after a while. The call is over by
// now, whatever became of the caller's context, so it takes none.
func (s *Slot) giveBack(after time.Duration) {
	if s.gate == nil || s.over.Swap(true) {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), freeTimeout)
	defer cancel()
	if err := s.gate.ledger.Free(ctx, s.id, time.Now().Round(0).Add(after)); err != nil {
		s.gate.remember(fmt.Errorf("quota ledger: %w", err))
	}
}

// remember keeps a fault for the next Acquire.
func (g *Gate) remember(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.fault = errors.Join(g.fault, err)
	g.troubled.Store(true)
}
