package gainsight

import (
	"context"
	"sync"
	"time"
)

// Ledger keeps the stamps of a tenant's quota where every process sees them.
// Its methods use plain types so that a store needs to know nothing of this package.
// Stamps are wall-clock times, because processes share them.
type Ledger interface {
	// Lease takes a slot for a call about to be sent at now, out of calls slots,
	// each usable again a window after its response, and of daily calls since
	// since, or in any 24 hours where that is zero (daily 0: no daily limit).
	// Where none is usable, id is 0, why is "window", "day" or "paused" and
	// again is when to ask again; it says nothing for a day that has a since.
	Lease(ctx context.Context, now time.Time, calls int, window time.Duration, daily int, since time.Time) (id int64, again time.Time, why string, err error)
	// Free gives the slot back: it may be leased again from usable on. An id is
	// of one lease; one whose lease ran out meanwhile may be entered again.
	Free(ctx context.Context, id int64, usable time.Time) error
	// Pause lets, from now on, no process lease a slot before until. Should the
	// clock be set back meanwhile it lasts as long as it would have.
	Pause(ctx context.Context, now, until time.Time) error
	// Slow notes at now that all processes make share of their calls until from,
	// and more by and by; unless from of the last such note is still to come.
	Slow(ctx context.Context, now time.Time, share float64, from time.Time) error
	// Slowed is the last such note, zero where there is none.
	Slowed(ctx context.Context) (share float64, from time.Time, err error)
}

// Why a ledger gave no slot.
const (
	WhyWindow = "window" // all slots of the window are in use
	WhyDay    = "day"    // the day's calls are used
	WhyPaused = "paused" // the server throttled somebody
)

const day = 24 * time.Hour

// MemoryLedger is a Ledger of one process, for work without a state folder.
type MemoryLedger struct {
	mu     sync.Mutex
	last   int64
	slots  []memorySlot // leased, or not yet usable again
	since  time.Time    // when the pause was made,
	paused time.Time    // and its end
	today  []time.Time  // leases of the last 24 hours, oldest first
	slow   slowing
}

type memorySlot struct {
	id     int64
	usable time.Time // zero while leased
}

// NewMemoryLedger returns a ledger in which no call was made yet.
func NewMemoryLedger() *MemoryLedger { return &MemoryLedger{} }

// Lease implements Ledger.
func (l *MemoryLedger) Lease(_ context.Context, now time.Time, calls int, window time.Duration, daily int, since time.Time) (int64, time.Time, string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.since.After(now.Add(time.Second)) { // the clock was set back
		l.since, l.paused = now, now.Add(l.paused.Sub(l.since))
	}
	if now.Before(l.paused) {
		return 0, l.paused, WhyPaused, nil
	}
	if again, used := l.dayUsed(now, daily, since); used {
		return 0, again, WhyDay, nil
	}
	next := l.prune(now, window)
	if len(l.slots) >= calls {
		if next.IsZero() { // all in flight: none is usable sooner than a window from now, but ask early
			next = now.Add(window / time.Duration(max(calls, 1)))
		}
		return 0, next, WhyWindow, nil
	}
	l.last++
	l.slots = append(l.slots, memorySlot{id: l.last})
	if daily > 0 {
		l.today = append(l.today, now)
	}
	return l.last, time.Time{}, "", nil
}

// dayUsed drops the leases that are older than a day and reports when the
// oldest ends, if all are used.
func (l *MemoryLedger) dayUsed(now time.Time, daily int, since time.Time) (time.Time, bool) {
	if daily <= 0 {
		return time.Time{}, false
	}
	old := 0
	for old < len(l.today) && !l.today[old].Add(day+time.Minute).After(now) {
		old++
	}
	l.today = l.today[old:]
	if since.IsZero() {
		since = now.Add(-day + 1)
	}
	first := 0
	for first < len(l.today) && l.today[first].Before(since) {
		first++
	}
	if len(l.today)-first < daily {
		return time.Time{}, false
	}
	return l.today[len(l.today)-daily].Add(day), true
}

// prune forgets the slots that are usable again and returns when the next one is.
func (l *MemoryLedger) prune(now time.Time, window time.Duration) (next time.Time) {
	kept := l.slots[:0]
	for _, s := range l.slots {
		if !s.usable.IsZero() {
			if !s.usable.After(now) {
				continue
			}
			// Further ahead than any Free puts it: the clock was set back.
			if limit := now.Add(2 * window); s.usable.After(limit) {
				s.usable = limit
			}
			if next.IsZero() || s.usable.Before(next) {
				next = s.usable
			}
		}
		kept = append(kept, s)
	}
	l.slots = kept
	return next
}

// Free implements Ledger.
func (l *MemoryLedger) Free(_ context.Context, id int64, usable time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.slots {
		if l.slots[i].id == id && l.slots[i].usable.IsZero() {
			l.slots[i].usable = usable
		}
	}
	return nil
}

// Pause implements Ledger.
func (l *MemoryLedger) Pause(_ context.Context, now, until time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if until.After(l.paused) {
		l.since, l.paused = now, until
	}
	return nil
}

// Slow implements Ledger.
func (l *MemoryLedger) Slow(_ context.Context, now time.Time, share float64, from time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.slow.from.After(now) {
		l.slow = slowing{share, from}
	}
	return nil
}

// Slowed implements Ledger.
func (l *MemoryLedger) Slowed(context.Context) (float64, time.Time, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.slow.share, l.slow.from, nil
}
