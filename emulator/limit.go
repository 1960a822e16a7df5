package emulator

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Limit is how many calls fit into a window of time. The zero Limit is none.
type Limit struct {
	Calls  int
	Window time.Duration
	Kind   WindowKind
}

// WindowKind says where windows begin.
type WindowKind string

// The kinds of windows.
const (
	FixedWindow   WindowKind = "fixed"   // aligned to the tenant's clock
	FirstWindow   WindowKind = "first"   // from the first call after the window before
	SlidingWindow WindowKind = "sliding" // every span of the window's length
)

// String returns the textual form, such as 100/1m0s:fixed, or off.
func (l Limit) String() string {
	if l.Calls == 0 {
		return "off"
	}
	return fmt.Sprintf("%d/%s:%s", l.Calls, l.Window, l.Kind)
}

func limitSetting() setting {
	return setting{
		Setting{"limit", "CALLS/WINDOW[:fixed|first|sliding], on (100/60s:fixed) or off", "off", "calls in a window; refused calls are not counted"},
		func(s *Switches) string { return s.Limit.String() },
		func(s *Switches, v string) (err error) {
			s.Limit, err = parseLimit(v)
			return err
		},
	}
}

func parseLimit(text string) (Limit, error) {
	switch text {
	case "off", "0":
		return Limit{}, nil
	case "on":
		text = "100/60s:fixed"
	}
	rate, kind, found := strings.Cut(text, ":")
	if !found {
		kind = string(FixedWindow)
	}
	calls, window, _ := strings.Cut(rate, "/")
	n, err := strconv.Atoi(calls)
	if err != nil || n < 1 {
		return Limit{}, fmt.Errorf("no number of calls")
	}
	d, err := time.ParseDuration(window)
	if err != nil || d <= 0 {
		return Limit{}, fmt.Errorf("no window")
	}
	switch k := WindowKind(kind); k {
	case FixedWindow, FirstWindow, SlidingWindow:
		return Limit{Calls: n, Window: d, Kind: k}, nil
	}
	return Limit{}, fmt.Errorf("unknown kind of window")
}

// limiter counts the calls that were let in. Its owner locks it.
type limiter struct {
	start  time.Time   // of the current window, fixed and first
	count  int         // in the current window
	recent []time.Time // sliding: a ring of the last Calls admissions
	oldest int
	day    int64
	today  int
}

// take lets a call in, or says when to come again. A limit or a daily cap of
// zero lets every call in.
func (l *limiter) take(now time.Time, limit Limit, daily int) (wait time.Duration, ok bool) {
	day := now.Unix() / 86400
	if now.Unix() < 0 {
		day--
	}
	if day != l.day {
		l.day, l.today = day, 0
	}
	if daily > 0 && l.today >= daily {
		return time.Unix((day+1)*86400, 0).Sub(now), false
	}
	if limit.Calls > 0 {
		wait, ok = l.window(now, limit)
		if !ok {
			return wait, false
		}
	}
	l.today++
	return 0, true
}

func (l *limiter) window(now time.Time, limit Limit) (time.Duration, bool) {
	if limit.Kind == SlidingWindow {
		return l.slide(now, limit)
	}
	begin := l.start
	if limit.Kind == FixedWindow {
		begin = alignedTo(now, limit.Window)
	} else if age := now.Sub(l.start); age >= limit.Window || age < 0 {
		begin = now
	}
	if !begin.Equal(l.start) {
		l.start, l.count = begin, 0
	}
	if l.count >= limit.Calls {
		return begin.Add(limit.Window).Sub(now), false
	}
	l.count++
	return 0, true
}

// slide lets a call in when the one Calls before it is a window old. A call
// exactly a window old no longer counts.
func (l *limiter) slide(now time.Time, limit Limit) (time.Duration, bool) {
	if cap(l.recent) != limit.Calls {
		l.recent, l.oldest = make([]time.Time, 0, limit.Calls), 0
	}
	if len(l.recent) < limit.Calls {
		l.recent = append(l.recent, now)
		return 0, true
	}
	if age := now.Sub(l.recent[l.oldest]); age < limit.Window && age >= 0 {
		return limit.Window - age, false
	}
	l.recent[l.oldest] = now
	l.oldest = (l.oldest + 1) % limit.Calls
	return 0, true
}

// alignedTo returns the start of the window that holds now, counted from the epoch.
func alignedTo(now time.Time, window time.Duration) time.Time {
	ns := now.UnixNano() % int64(window)
	if ns < 0 {
		ns += int64(window)
	}
	// Made anew, not by Add: starts are compared, and two times that keep a
	// monotonic reading differ by the nanoseconds between two clocks.
	return time.Unix(0, now.UnixNano()-ns)
}
