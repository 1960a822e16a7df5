package main

import (
	"testing"
	"time"
)

func TestETA(t *testing.T) {
	now := time.Date(2025, 3, 4, 12, 0, 0, 0, time.UTC)
	midnight := func(at time.Time) time.Time {
		return time.Date(at.Year(), at.Month(), at.Day()+1, 0, 0, 0, 0, time.UTC)
	}
	tests := []struct {
		name string
		f    forecast
		want time.Duration // after now; -1: not known
	}{
		{"nothing left", forecast{Rate: 100, Window: time.Minute}, 0},
		{"window alone", forecast{Calls: 1000, Rate: 100, Window: time.Minute}, 10 * time.Minute},
		{"slower than the window", forecast{Calls: 1000, Rate: 100, Window: time.Minute, Pace: 0.5}, 2000 * time.Second},
		{"no limit, measured", forecast{Calls: 100, Pace: 10}, 10 * time.Second},
		{"nothing known", forecast{Calls: 100}, -1},
		{"fits the day", forecast{Calls: 50000, Rate: 100, Window: time.Minute, Daily: 50000}, 500 * time.Minute},
		// 50,000 in the first 500 minutes, then a pause until they free, a day after each was made.
		{"two days", forecast{Calls: 60000, Rate: 100, Window: time.Minute, Daily: 50000}, 24*time.Hour + 100*time.Minute},
		{"ten days", forecast{Calls: 500000, Rate: 100, Window: time.Minute, Daily: 50000}, 9*24*time.Hour + 500*time.Minute},
		// All used, none known to free before a day is over.
		{"used up", forecast{Calls: 1000, Rate: 100, Window: time.Minute, Daily: 50000, Used: 50000}, 24*time.Hour + 10*time.Minute},
		{"used up, frees in two hours", forecast{Calls: 1000, Rate: 100, Window: time.Minute, Daily: 50000, Used: 50000,
			Frees: func(at time.Time) int {
				if at.Sub(now) >= 2*time.Hour {
					return 50000
				}
				return 0
			}}, 2*time.Hour + 10*time.Minute},
		{"resets at midnight", forecast{Calls: 1000, Rate: 100, Window: time.Minute, Daily: 50000, Used: 50000, Reset: midnight}, 12*time.Hour + 10*time.Minute},
		{"resets twice", forecast{Calls: 60000, Rate: 100, Window: time.Minute, Daily: 50000, Used: 45000, Reset: midnight}, 36*time.Hour + 50*time.Minute},
		{"hopeless", forecast{Calls: 1 << 60, Rate: 1, Window: time.Hour}, -1},
		{"hopeless by day", forecast{Calls: 1 << 40, Rate: 100, Window: time.Minute, Daily: 1}, -1},
	}
	for _, tt := range tests {
		got := eta(now, tt.f)
		if tt.want < 0 {
			if !got.IsZero() {
				t.Errorf("%s: %v, want none", tt.name, got)
			}
			continue
		}
		if off := got.Sub(now.Add(tt.want)).Abs(); off > time.Second {
			t.Errorf("%s: after %v, want %v", tt.name, got.Sub(now), tt.want)
		}
	}
}

func TestETAAsksSeldom(t *testing.T) {
	asked := 0
	f := forecast{Calls: 1 << 22, Rate: 100, Window: time.Minute, Daily: 50000, Used: 100,
		Frees: func(time.Time) int { asked++; return 0 }}
	if eta(time.Now(), f).IsZero() || asked > 1500 {
		t.Errorf("Frees was asked %d times", asked)
	}
}
