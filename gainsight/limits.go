package gainsight

import "time"

// Limits are a tenant's quota, and how much of it may be used by all processes
// on one ledger together.
type Limits struct {
	Calls  int           // in one Window; 0: no limit, and no Daily either
	Window time.Duration // 0: a minute
	Daily  int           // in a Day; 0: no limit
	Day    Day           // the zero Day is any 24 hours
	Share  float64       // of Calls and Daily that may be used, in (0, 1]; 0: all of it
	// Reserve is the part of the day's calls, once shared, that writes leave to
	// reads: in [0, 1).
	Reserve float64
	// WaitDay says to wait when the day's calls are used, for hours, instead of
	// returning *DayUsedError.
	WaitDay bool
}

// PerWindow is how many calls may be made in a window; 0: no limit.
func (l Limits) PerWindow() int { return portion(l.Calls, l.Share) }

// PerDay is how many calls a day may have seen when a read, or a write, is
// made; 0: no limit.
func (l Limits) PerDay(read bool) int {
	calls := portion(l.Daily, l.Share)
	if read || calls == 0 {
		return calls
	}
	return max(1, calls-int(float64(calls)*l.Reserve))
}

// portion is a share of calls, one at least where there is any.
func portion(calls int, share float64) int {
	if calls <= 0 || share <= 0 {
		return max(calls, 0)
	}
	return max(1, int(float64(calls)*share+1e-9))
}

// Day is what a day of the quota is.
type Day struct {
	Fixed bool          // it begins anew at one time of the clock; else it is any 24 hours
	At    time.Duration // that time, after midnight UTC, in [0, 24 h)
}

// Start is when the fixed day of t began.
func (d Day) Start(t time.Time) time.Time {
	start := t.UTC().Truncate(day).Add(d.At)
	if start.After(t) {
		start = start.Add(-day)
	}
	return start
}

// Next is when the fixed day after that of t begins.
func (d Day) Next(t time.Time) time.Time { return d.Start(t).Add(day) }

// Counted is the moment from which calls count for the day of t: a minute
// before it began, since the server's clock may be behind. It is zero for any
// 24 hours.
func (d Day) Counted(t time.Time) time.Time {
	if !d.Fixed {
		return time.Time{}
	}
	return d.Start(t).Add(-time.Minute)
}

// The steps of slowing down.
const (
	slowerBy  = 2    // after a throttled call a window has so many times fewer calls,
	slowest   = 0.1  // of Calls at least,
	fasterBy  = 0.05 // and each window after it so much of Calls more
	fullSpeed = 1.0
)

// slowing is how the pace was lowered after calls were throttled: to share of
// the calls until from, and up again step by step after it. The zero slowing
// is full speed.
type slowing struct {
	share float64
	from  time.Time
}

// at is the share of a window's calls that may be made at t.
func (s slowing) at(t time.Time, window time.Duration) float64 {
	ahead := s.from.Sub(t)
	if s.share <= 0 || ahead > 2*longWindows*window { // the clock was set back
		return fullSpeed
	}
	steps := max(0, int64(-ahead/window))
	return min(fullSpeed, s.share+fasterBy*float64(steps))
}

// Slower is how many calls a window has at t, where a ledger says that the
// pace was lowered to share until from, and when it has all of them again; the
// time is zero where it has them.
func (l Limits) Slower(share float64, from, t time.Time) (calls int, full time.Time) {
	s := slowing{share, from}
	now := s.at(t, l.Window)
	if now >= fullSpeed {
		return l.PerWindow(), time.Time{}
	}
	steps := time.Duration((fullSpeed-share)/fasterBy + 1 - 1e-9)
	return portion(l.PerWindow(), now), from.Add(steps * l.Window)
}
