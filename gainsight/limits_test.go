package gainsight

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestLimits(t *testing.T) {
	for _, tt := range []struct {
		l                    Limits
		window, read, writes int
	}{
		{Limits{Calls: 100, Daily: 50000}, 100, 50000, 50000},
		{Limits{Calls: 100, Daily: 50000, Share: 0.5, Reserve: 0.05}, 50, 25000, 23750},
		{Limits{Calls: 100, Daily: 50000, Share: 0.29}, 29, 14500, 14500},
		{Limits{Calls: 3, Daily: 2, Share: 0.01, Reserve: 0.5}, 1, 1, 1},
		{Limits{Calls: 100, Share: 1, Reserve: 0.05}, 100, 0, 0},
		{Limits{}, 0, 0, 0},
	} {
		if w, r, p := tt.l.PerWindow(), tt.l.PerDay(true), tt.l.PerDay(false); w != tt.window || r != tt.read || p != tt.writes {
			t.Errorf("%+v: %d a window, %d and %d a day", tt.l, w, r, p)
		}
	}
}

func TestFixedDay(t *testing.T) {
	d := Day{Fixed: true, At: 17*time.Hour + 30*time.Minute}
	for at, start := range map[string]string{
		"2026-03-01T17:29:59Z": "2026-02-28T17:30:00Z", "2026-03-01T17:30:00Z": "2026-03-01T17:30:00Z",
		"2026-03-01T23:00:00-05:00": "2026-03-01T17:30:00Z",
	} {
		now, _ := time.Parse(time.RFC3339, at)
		if got := d.Start(now).Format(time.RFC3339); got != start {
			t.Errorf("%s: the day began %s, want %s", at, got, start)
		}
		if got := d.Next(now); !got.After(now) || got.Sub(d.Start(now)) != 24*time.Hour {
			t.Errorf("%s: the next begins %v", at, got)
		}
	}
	if !(Day{}).Counted(time.Now()).IsZero() {
		t.Error("any 24 hours have no beginning")
	}
}

// TestShareIsKeptAndUsed: three gates on one ledger that are restarted use half
// of a tenant's windows, and other clients the rest of them.
func TestShareIsKeptAndUsed(t *testing.T) {
	for _, kind := range []string{"fixed", "first", "sliding"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				server := &tenant{kind: kind, calls: 50, window: time.Minute, ppm: -500, epoch: time.Now()}
				ledger := NewMemoryLedger()
				end := time.Now().Add(100 * time.Minute)
				var wg sync.WaitGroup
				for process := range uint64(3) {
					wg.Go(func() {
						for seed := process; time.Now().Before(end); seed += 3 {
							g := NewGate(ledger, Limits{Calls: 100, Window: time.Minute, Share: 0.5, Daily: 100_000})
							work(g, server, 4, seed, time.Now().Add(20*time.Second))
						}
					})
				}
				wg.Wait()
				t.Logf("%d calls, %d refused, %.2f %% of the share used", server.total, server.refused, 100*server.used())
				if server.refused > 0 || server.used() < 0.98 {
					t.Errorf("%d refused, %.2f %% used", server.refused, 100*server.used())
				}
			})
		})
	}
}

// TestFixedDaysAreUsed: gates that are made anew keep each day that begins at a
// time of the clock, and wait for the next when told to.
func TestFixedDaysAreUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ledger := NewMemoryLedger()
		limits := Limits{Calls: 100, Window: time.Minute, Daily: 1000, Share: 0.5, Day: Day{Fixed: true, At: 3 * time.Hour}, WaitDay: true}
		days := map[time.Time]int{}
		var waits int
		for n := 0; n < 1700; {
			g := NewGate(ledger, limits)
			g.Waiting = func(_ time.Time, why string) {
				if why == WhyDay {
					waits++
				}
			}
			for range 100 {
				slot, err := g.Acquire(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				days[limits.Day.Start(time.Now())]++
				slot.Done()
				n++
			}
		}
		if len(days) != 4 || waits == 0 {
			t.Fatalf("calls by day: %v, %d waits", days, waits)
		}
		for start, n := range days {
			if n > 500 || n < 500 && n != 200 {
				t.Errorf("the day of %v saw %d calls, want 500 (the last: 200)", start, n)
			}
		}
		limits.WaitDay = false
		g := NewGate(ledger, limits)
		for range 300 {
			slot, err := g.Acquire(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			slot.Done()
		}
		var used *DayUsedError
		if _, err := g.Acquire(t.Context()); !errors.As(err, &used) || !used.Again.Equal(limits.Day.Next(time.Now())) {
			t.Errorf("%v, want the day used until it begins anew", err)
		}
	})
}

// TestWritesLeaveTheReserve: a read goes on where writes wait for the day.
func TestWritesLeaveTheReserve(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ledger := NewMemoryLedger()
		g := NewGate(ledger, Limits{Calls: 100, Window: time.Minute, Daily: 100, Reserve: 0.05, WaitDay: true})
		start := time.Now()
		for range 95 {
			slot, err := g.Acquire(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			slot.Done()
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := g.Acquire(t.Context()); err != nil || time.Since(start) < 24*time.Hour {
				t.Errorf("a write beyond the reserve: %v after %v", err, time.Since(start))
			}
		})
		time.Sleep(10 * time.Minute)
		for range 5 {
			slot, err := g.acquire(t.Context(), true)
			if err != nil || time.Since(start) > time.Hour {
				t.Errorf("a read of the reserve: %v after %v", err, time.Since(start))
			}
			slot.Done()
		}
		wg.Wait()
		var used *DayUsedError
		strict := NewGate(ledger, Limits{Calls: 100, Window: time.Minute, Daily: 1})
		if _, err := strict.acquire(t.Context(), true); !errors.As(err, &used) {
			t.Errorf("a read beyond the day: %v", err)
		}
	})
}

// TestForeignTrafficSlowsDown: others use up to 60 of the tenant's 100 calls a
// minute for an hour, then stop.
func TestForeignTrafficSlowsDown(t *testing.T) {
	for _, kind := range []string{"fixed", "sliding"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				server := &tenant{kind: kind, calls: 100, window: time.Minute, epoch: time.Now()}
				ledger := NewMemoryLedger()
				limits := Limits{Calls: 100, Window: time.Minute}
				var told []int
				var refused, made, late int
				foreign := time.Now().Add(time.Hour)
				end := foreign.Add(40 * time.Minute)
				var wg sync.WaitGroup
				wg.Go(func() {
					for time.Now().Before(foreign) {
						server.arrive()
						time.Sleep(time.Second)
					}
				})
				for time.Now().Before(end) {
					g := NewGate(ledger, limits) // the pace outlives a process
					g.Slowed = func(calls int) { told = append(told, calls) }
					for restart := time.Now().Add(7 * time.Minute); time.Now().Before(restart); {
						slot, err := g.Acquire(t.Context())
						if err != nil {
							t.Fatalf("after %d calls: %v", made, err)
						}
						sent := time.Now()
						ok := server.arrive()
						slot.Done()
						if !ok {
							refused++
							g.throttled(t.Context(), sent, 0)
							continue
						}
						g.answered(sent)
						made++
						if sent.After(end.Add(-10 * time.Minute)) {
							late++
						}
					}
				}
				wg.Wait()
				t.Logf("%d calls, %d refused, slowed to %v, %d calls in the last ten minutes", made, refused, told, late)
				if refused > 20 || len(told) == 0 || len(told) > 20 {
					t.Errorf("%d calls were refused, slowed down %d times", refused, len(told))
				}
				for _, calls := range told {
					if calls < 10 || calls > 50 {
						t.Errorf("slowed to %d calls a minute", calls)
					}
				}
				if made < 60*18+600 || late < 980 {
					t.Errorf("%d calls were made, %d of them in the last ten minutes", made, late)
				}
			})
		})
	}
}

// The pace never falls below a tenth, and rises by a twentieth each window.
func TestSlowing(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	limits := Limits{Calls: 100, Window: time.Minute}
	for _, tt := range []struct {
		share float64
		since time.Duration
		calls int
		full  time.Duration
	}{
		{0, time.Hour, 100, 0}, {0.5, -time.Minute, 50, 11 * time.Minute}, {0.5, 0, 50, 10 * time.Minute}, {0.5, 90 * time.Second, 55, 510 * time.Second},
		{0.5, 10 * time.Minute, 100, 0}, {0.1, 3 * time.Minute, 25, 15 * time.Minute}, {0.5, -5 * time.Hour, 100, 0},
	} {
		calls, full := limits.Slower(tt.share, now.Add(-tt.since), now)
		if calls != tt.calls || full.IsZero() != (tt.full == 0) || tt.full > 0 && !full.Equal(now.Add(tt.full)) {
			t.Errorf("%v for %v: %d calls, full at %v", tt.share, tt.since, calls, full.Sub(now))
		}
	}
	synctest.Test(t, func(t *testing.T) {
		g := NewGate(NewMemoryLedger(), limits)
		for i := range 6 {
			g.throttled(t.Context(), time.Now(), 0)
			time.Sleep(61 * time.Second)
			g.answered(time.Now())
			calls, err := g.callsNow(t.Context(), time.Now().Round(0))
			if err != nil || calls < 10 || i > 3 && calls > 15 {
				t.Errorf("after %d refusals: %d calls a minute, %v", i+1, calls, err)
			}
		}
	})
}
