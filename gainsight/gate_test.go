package gainsight

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// tenant is a model of the server's side of a quota. Its clock runs apart from ours.
type tenant struct {
	mu      sync.Mutex
	kind    string // fixed: windows aligned to the clock; first: begun by a call; sliding
	calls   int
	window  time.Duration
	ppm     float64 // how much slower than ours its clock is, in millionths
	epoch   time.Time
	start   time.Duration   // of the current window
	count   int             // calls in it
	recent  []time.Duration // sliding: calls of the last window
	refused int
	total   int
	first   time.Time
	last    time.Time
}

// arrive counts a call and reports whether it was within the quota.
func (s *tenant) arrive() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if s.total == 0 {
		s.first = now
	}
	s.total, s.last = s.total+1, now
	at := time.Duration(float64(now.Sub(s.epoch)) * (1 - s.ppm/1e6))
	switch s.kind {
	case "sliding":
		for len(s.recent) > 0 && at-s.recent[0] >= s.window {
			s.recent = s.recent[1:]
		}
		s.recent = append(s.recent, at)
		s.count = len(s.recent)
	case "first":
		if s.count == 0 || at-s.start >= s.window {
			s.start, s.count = at, 0
		}
		s.count++
	case "fixed":
		if aligned := at.Truncate(s.window); aligned != s.start || s.count == 0 {
			s.start, s.count = aligned, 0
		}
		s.count++
	}
	if s.count > s.calls {
		s.refused++
		return false
	}
	return true
}

// used is the part of the allowance that was used from the first call to the last.
func (s *tenant) used() float64 {
	windows := float64(s.last.Sub(s.first)) / float64(s.window)
	return float64(s.total) / (windows * float64(s.calls))
}

// callOnce is one call with jitter on both ways, and a stall in one of a hundred.
func callOnce(ctx context.Context, g *Gate, server *tenant, random *rand.Rand) error {
	slot, err := g.Acquire(ctx)
	if err != nil {
		return err
	}
	scale := float64(server.window) / float64(time.Minute)
	delay := func() time.Duration {
		d := 10*time.Millisecond + time.Duration(random.Int64N(int64(150*time.Millisecond)))
		if random.IntN(200) == 0 {
			d += time.Duration(random.Int64N(int64(6 * time.Second)))
		}
		return time.Duration(float64(d) * scale)
	}
	time.Sleep(delay())
	server.arrive()
	time.Sleep(delay())
	slot.Done()
	return nil
}

// work calls from several workers until the time is over.
func work(g *Gate, server *tenant, workers int, seed uint64, end time.Time) {
	ctx, cancel := context.WithDeadline(context.Background(), end)
	defer cancel()
	var wg sync.WaitGroup
	for i := range workers {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(seed, uint64(i)))
			for callOnce(ctx, g, server, random) == nil {
			}
		})
	}
	wg.Wait()
}

// TestQuotaIsUsedAndNeverExceeded simulates 120 minutes a case.
func TestQuotaIsUsedAndNeverExceeded(t *testing.T) {
	for _, kind := range []string{"fixed", "first", "sliding"} {
		for seed := range uint64(4) {
			window := time.Minute
			if seed == 3 {
				window = 2 * time.Second // what tests of the program use
			}
			t.Run(fmt.Sprintf("%s/%d", kind, seed), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					time.Sleep(time.Duration(seed) * 17 * time.Second)
					server := &tenant{kind: kind, calls: 100, window: window, ppm: 500 * float64(int(seed%3)-1), epoch: time.Now().Add(-time.Hour)}
					g := NewGate(NewMemoryLedger(), Limits{Calls: 100, Window: window})
					work(g, server, 16, seed, time.Now().Add(120*window))
					t.Logf("%d calls, %d refused, %.2f %% of the allowance used", server.total, server.refused, 100*server.used())
					if server.refused > 0 || server.used() < 0.99 {
						t.Errorf("%d refused, %.2f %% used", server.refused, 100*server.used())
					}
				})
			})
		}
	}
}

// TestQuotaIsSharedByProcesses: three gates on one ledger, each restarted every five seconds.
func TestQuotaIsSharedByProcesses(t *testing.T) {
	for _, kind := range []string{"fixed", "first", "sliding"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				server := &tenant{kind: kind, calls: 100, window: time.Minute, ppm: 500, epoch: time.Now()}
				ledger := NewMemoryLedger()
				end := time.Now().Add(100 * time.Minute)
				var wg sync.WaitGroup
				for process := range uint64(3) {
					wg.Go(func() {
						for seed := process; time.Now().Before(end); seed += 3 {
							g := NewGate(ledger, Limits{Calls: 100, Window: time.Minute})
							work(g, server, 4, seed, time.Now().Add(5*time.Second))
						}
					})
				}
				wg.Wait()
				t.Logf("promise R4: three processes restarted every 5 s for 100 minutes (simulated), %s windows: %d calls, %d refused, %.1f %% used",
					kind, server.total, server.refused, 100*server.used())
				if server.refused > 0 || server.used() < 0.98 {
					t.Errorf("%d refused, %.2f %% used", server.refused, 100*server.used())
				}
			})
		})
	}
}

func TestSendsAreSpaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGate(NewMemoryLedger(), Limits{Calls: 100, Window: time.Minute})
		const burst = 100 / catchUp
		var sent []time.Time
		for i := range 250 {
			slot, err := g.Acquire(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if i >= burst && time.Since(sent[i-burst]) < 600*time.Millisecond-time.Microsecond {
				t.Fatalf("call %d came %v after call %d", i, time.Since(sent[i-burst]), i-burst)
			}
			sent = append(sent, time.Now())
			slot.Done()
			slot.Done() // harmless
		}
	})
}

func TestDayUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		g := NewGate(NewMemoryLedger(), Limits{Calls: 10, Window: time.Second, Daily: 25})
		for range 25 {
			slot, err := g.Acquire(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			slot.Done()
		}
		_, err := g.Acquire(t.Context())
		var used *DayUsedError
		if !errors.As(err, &used) || !used.Again.Equal(start.Add(24*time.Hour)) {
			t.Fatalf("got %v, want the day used until a day after the first call", err)
		}
		time.Sleep(time.Until(used.Again))
		if _, err := g.Acquire(t.Context()); err != nil {
			t.Errorf("after the day: %v", err)
		}
	})
}

func TestThrottledPausesEverybody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ledger := NewMemoryLedger()
		limits := Limits{Calls: 100, Window: time.Minute}
		one, other := NewGate(ledger, limits), NewGate(ledger, limits)
		var told []string
		other.Waiting = func(until time.Time, why string) { told = append(told, why+" "+time.Until(until).String()) }
		for _, pause := range []time.Duration{90 * time.Second, 0} {
			start := time.Now()
			one.Throttled(t.Context(), pause)
			one.Throttled(t.Context(), pause) // of another call in flight: the same pause
			slot, err := other.Acquire(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			want := max(pause, time.Minute)
			if pause == 0 {
				want = time.Minute
			}
			if got := time.Since(start); got != want {
				t.Errorf("Retry-After %v: paused for %v, want %v", pause, got, want)
			}
			slot.Done()
			one.answered(time.Now())
		}
		if len(told) == 0 || told[0] != "paused 1m30s" {
			t.Errorf("the hook was told %q", told)
		}
	})
}

func TestThrottledWithoutALimitBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGate(nil, Limits{})
		var got []time.Duration
		for range 7 {
			start := time.Now()
			g.Throttled(t.Context(), 0)
			if _, err := g.Acquire(t.Context()); err != nil {
				t.Fatal(err)
			}
			got = append(got, time.Since(start))
		}
		want := []time.Duration{200, 400, 800, 1600, 3200, 5000, 5000}
		for i := range want {
			if got[i] != want[i]*time.Millisecond {
				t.Errorf("pause %d: %v, want %v ms", i, got[i], want[i])
			}
		}
		g.answered(time.Now())
		start := time.Now()
		g.Throttled(t.Context(), 0)
		if _, err := g.Acquire(t.Context()); err != nil || time.Since(start) != 200*time.Millisecond {
			t.Errorf("after an answer: %v, %v", time.Since(start), err)
		}
	})
}

func TestThreeThrottledWindowsAreTheDaysCap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ledger := NewMemoryLedger()
		g := NewGate(ledger, Limits{Calls: 100, Window: time.Minute})
		for i := range 3 {
			if _, err := g.Acquire(t.Context()); err != nil {
				t.Fatalf("window %d: %v", i, err)
			}
			g.Throttled(t.Context(), 0)
		}
		var used *DayUsedError
		if _, err := g.Acquire(t.Context()); !errors.As(err, &used) || time.Until(used.Again) != time.Hour {
			t.Fatalf("got %v, want to come back in an hour", err)
		}
		other := NewGate(ledger, Limits{Calls: 100, Window: time.Minute})
		if _, err := other.Acquire(t.Context()); !errors.As(err, &used) {
			t.Errorf("another process: %v", err)
		}
		time.Sleep(time.Hour)
		if _, err := g.Acquire(t.Context()); err != nil {
			t.Errorf("after an hour: %v", err)
		}

		long := NewGate(NewMemoryLedger(), Limits{Calls: 100, Window: time.Minute})
		long.Throttled(t.Context(), 3*time.Hour)
		if _, err := long.Acquire(t.Context()); !errors.As(err, &used) || time.Until(used.Again) != 3*time.Hour {
			t.Errorf("a long Retry-After: %v", err)
		}
	})
}

func TestSleepersLeaseAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGate(NewMemoryLedger(), Limits{Calls: 2, Window: time.Second})
		slot, err := g.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if same, err := g.fresh(t.Context(), slot, false); same != slot || err != nil {
			t.Errorf("a fresh lease was not kept: %v", err)
		}
		time.Sleep(5 * time.Second) // as a suspended process does
		other, err := g.fresh(t.Context(), slot, false)
		if err != nil || other == slot || other.id == slot.id || !slot.over.Load() {
			t.Errorf("a stale lease was kept: %+v, %v", other, err)
		}
	})
}

func TestAcquireHonoursItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ledger := NewMemoryLedger()
		g := NewGate(ledger, Limits{Calls: 1, Window: time.Hour})
		if _, err := g.Acquire(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var wg sync.WaitGroup
		for range 3 { // one at the head, two behind it
			wg.Go(func() {
				if _, err := g.Acquire(ctx); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("got %v", err)
				}
			})
		}
		wg.Wait()
	})
}

// brokenLedger fails as a full disk does.
type brokenLedger struct {
	*MemoryLedger
	lease, free, pause error
}

func (l *brokenLedger) Lease(ctx context.Context, now time.Time, calls int, window time.Duration, daily int, since time.Time) (int64, time.Time, string, error) {
	if l.lease != nil {
		return 0, time.Time{}, "", l.lease
	}
	return l.MemoryLedger.Lease(ctx, now, calls, window, daily, since)
}
func (l *brokenLedger) Free(context.Context, int64, time.Time) error      { return l.free }
func (l *brokenLedger) Pause(context.Context, time.Time, time.Time) error { return l.pause }

func TestLedgerFaultsComeOut(t *testing.T) {
	full := errors.New("disk full")
	for name, l := range map[string]*brokenLedger{
		"lease": {lease: full}, "free": {free: full}, "pause": {pause: full},
	} {
		l.MemoryLedger = NewMemoryLedger()
		g := NewGate(l, Limits{Calls: 1000, Window: time.Second})
		slot, err := g.Acquire(t.Context())
		if err == nil {
			slot.Done()
			g.Throttled(t.Context(), time.Millisecond)
			_, err = g.Acquire(t.Context())
		}
		if !errors.Is(err, full) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestClockJumps(t *testing.T) {
	for _, tt := range []struct {
		wall, steady time.Duration
		want         bool
	}{
		{time.Second, time.Second, false},
		{time.Hour + 30*time.Millisecond, time.Hour, false},
		{time.Hour + 2*time.Second, time.Hour, false}, // slewed
		{61 * time.Second, time.Second, true},         // slept, or set ahead
		{time.Second - time.Hour, time.Second, false}, // set back: stamps are bounded by the ledger
	} {
		if jumped(tt.wall, tt.steady) != tt.want {
			t.Errorf("wall %v, monotonic %v: want %v", tt.wall, tt.steady, tt.want)
		}
	}
	ledger, now := NewMemoryLedger(), time.Now().Round(0)
	id, _, _, _ := ledger.Lease(t.Context(), now, 1, time.Minute, 0, time.Time{})
	_ = ledger.Free(t.Context(), id, now.Add(time.Minute))
	_, again, why, _ := ledger.Lease(t.Context(), now.Add(-10*time.Hour), 1, time.Minute, 0, time.Time{})
	if wait := again.Sub(now.Add(-10 * time.Hour)); why != WhyWindow || wait > 2*time.Minute {
		t.Errorf("after the clock was set back: %s for %v", why, wait)
	}
}

// The end of a day's cap, and of a pause, comes no later for a clock that is set back.
func TestDayEndsThoughTheClockWasSetBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, limits := range []Limits{
			{Calls: 100, Window: time.Minute},
			{Calls: 100, Window: time.Minute, Day: Day{Fixed: true}},
		} {
			g := NewGate(NewMemoryLedger(), limits)
			g.Throttled(t.Context(), 3*time.Hour)
			now := time.Now()
			end := g.dayUntil
			const back = 26 * time.Hour
			if err := g.jump(t.Context(), now, time.Second-back, time.Second); err != nil {
				t.Fatal(err)
			}
			if moved := end.Sub(g.dayUntil); moved < back {
				t.Errorf("%+v: the day's end moved by %v, the clock by %v", limits, moved, back)
			}
		}
		ledger, now := NewMemoryLedger(), time.Now().Round(0)
		_ = ledger.Pause(t.Context(), now, now.Add(time.Minute))
		now = now.Add(-10 * time.Hour)
		_, again, why, _ := ledger.Lease(t.Context(), now, 1, time.Minute, 0, time.Time{})
		if wait := again.Sub(now); why != WhyPaused || wait != time.Minute {
			t.Errorf("after the clock was set back: %s for %v", why, wait)
		}
	})
}
