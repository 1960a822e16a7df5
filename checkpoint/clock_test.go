package checkpoint

import (
	"fmt"
	"testing"
	"time"
)

// A clock that was set back, by seconds or by days, makes no pause longer than
// it was when it was made.
func TestPauseIsNoLongerAfterTheClockWasSetBack(t *testing.T) {
	t.Parallel()
	for _, back := range []time.Duration{2 * time.Second, time.Minute, time.Hour, 30 * day} {
		for _, pause := range []time.Duration{5 * time.Second, time.Minute, 20 * time.Hour} {
			t.Run(fmt.Sprint(back, pause), func(t *testing.T) {
				t.Parallel()
				q := newQuotas(t, "a", "b")
				now := noon()
				if err := q[0].Pause(t.Context(), now, now.Add(pause)); err != nil {
					t.Fatal(err)
				}
				now = now.Add(time.Second - back)
				_, again, why := lease(t, q[1], now, 5, 0)
				if left := again.Sub(now); why != "paused" || left > pause+slack {
					t.Errorf("%q for %v", why, left)
				}
				// Time goes on: the pause ends, however often it is looked at.
				for range 10 {
					now = now.Add(pause / 10)
					if now.Before(again) {
						lease(t, q[0], now, 5, 0)
					}
				}
				now = now.Add(slack)
				if id, again, why := lease(t, q[1], now, 5, 0); id == 0 {
					t.Errorf("%q for %v more", why, again.Sub(now))
				}
			})
		}
	}
}

// A later pause stands, also where the earlier was made before the clock was set back.
func TestPauseAfterTheClockWasSetBack(t *testing.T) {
	t.Parallel()
	q := newQuotas(t, "a")[0]
	now := noon()
	for _, pause := range []time.Duration{time.Minute, 3 * time.Minute, 2 * time.Minute} {
		if err := q.Pause(t.Context(), now, now.Add(pause)); err != nil {
			t.Fatal(err)
		}
		now = now.Add(-time.Hour)
	}
	if _, again, why := lease(t, q, now, 5, 0); why != "paused" || again.Sub(now) != 3*time.Minute {
		t.Errorf("%q for %v", why, again.Sub(now))
	}
}

func TestDayIsNoLongerAfterTheClockWasSetBack(t *testing.T) {
	t.Parallel()
	q := newQuotas(t, "a")[0]
	now := noon()
	for i := range 3 {
		id, _, _ := lease(t, q, now.Add(time.Duration(i)*2*time.Minute), 10, 3)
		free(t, q, id, now.Add(time.Minute))
	}
	now = now.Add(-5 * day)
	_, again, why := lease(t, q, now, 10, 3)
	if left := again.Sub(now); why != "day" || left > day+time.Minute {
		t.Errorf("%q for %v", why, left)
	}
	if id, _, why := lease(t, q, now.Add(day+time.Minute), 10, 3); id == 0 {
		t.Errorf("no call a day later: %s", why)
	}
}

func TestSlowNoteAfterTheClockWasSetBack(t *testing.T) {
	t.Parallel()
	q := newQuotas(t, "a")[0]
	now := noon()
	slow := func(share float64) {
		t.Helper()
		if err := q.Slow(t.Context(), now, share, now.Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	slow(0.5)
	now = now.Add(-day)
	lease(t, q, now, 10, 0)
	slow(0.25)
	if share, from, err := q.Slowed(t.Context()); err != nil || share != 0.25 || !from.Equal(now.Add(time.Minute)) {
		t.Errorf("share %v from %v, %v", share, from, err)
	}
}
