package main

import "time"

// forecast is what the end of a run is reckoned from.
type forecast struct {
	Calls  int64         // calls still to make
	Rate   int           // calls in each Window; 0: no limit
	Window time.Duration // of Rate
	Pace   float64       // calls a second as measured, without the waits for quota; 0: unknown
	Daily  int           // calls in a day; 0: no limit
	Used   int           // of Daily, by now
	// Frees returns how many of Used may be made again by t, counted from now
	// on: those whose 24 hours are over. It is asked for rising t, at most once
	// for each minute of a day. nil: none before a day is over.
	Frees func(t time.Time) int
	// Reset returns the next moment after t at which the day begins anew,
	// where it does so at a fixed hour; nil: a day is any 24 hours.
	Reset func(t time.Time) time.Time
}

// etaStep is how finely a day's allowance is followed.
const etaStep = time.Minute

// standstill is a time in which the day's calls are used.
type standstill struct{ at, until time.Time }

// sameCalm is how soon after a pause another one counts as the same: what
// comes free in between is a trickle.
const sameCalm = 10 * time.Minute

// farthest is how far ahead eta looks.
const farthest = 2 * 365 * 24 * time.Hour

// eta returns the time of the clock at which the last call is made, counting
// the pauses in which the day's allowance is used up. It is zero where nothing
// says how fast calls go, or the end is more than two years off.
func eta(now time.Time, f forecast) time.Time {
	end, _ := schedule(now, f)
	return end
}

// schedule is eta with the pauses before the end; those of an end that cannot
// be told are left out.
func schedule(now time.Time, f forecast) (end time.Time, pauses []standstill) {
	if f.Calls <= 0 {
		return now, nil
	}
	perSecond := f.speed()
	switch {
	case perSecond <= 0:
		return time.Time{}, nil
	case f.Daily <= 0 || f.Calls <= int64(f.Daily-f.Used):
		end = later(now, float64(f.Calls)/perSecond)
	case f.Reset != nil:
		end, pauses = f.byReset(now, perSecond)
	default:
		end, pauses = f.byRolling(now, perSecond)
	}
	if end.IsZero() {
		pauses = nil
	}
	return end, pauses
}

// speed is the slower of what the quota allows and what was measured.
func (f forecast) speed() float64 {
	speed := f.Pace
	if f.Rate > 0 && f.Window > 0 {
		if limit := float64(f.Rate) / f.Window.Seconds(); speed <= 0 || limit < speed {
			speed = limit
		}
	}
	return speed
}

// byReset walks from one beginning of a day to the next.
func (f forecast) byReset(now time.Time, perSecond float64) (end time.Time, pauses []standstill) {
	left, room, at := float64(f.Calls), float64(max(f.Daily-f.Used, 0)), now
	for at.Sub(now) < farthest {
		next := f.Reset(at)
		if !next.After(at) {
			return time.Time{}, nil
		}
		made := min(room, left, perSecond*next.Sub(at).Seconds())
		if made >= left {
			return later(at, left/perSecond), pauses
		}
		if stop := later(at, made/perSecond); next.Sub(stop) >= etaStep {
			pauses = append(pauses, standstill{stop, next})
		}
		left, room, at = left-made, float64(f.Daily), next
	}
	return time.Time{}, nil
}

// byRolling walks in steps, with what each step made kept for a day: it is
// then free again.
func (f forecast) byRolling(now time.Time, perSecond float64) (end time.Time, pauses []standstill) {
	const steps = int(24 * time.Hour / etaStep)
	var made [steps]float64 // a ring: what was made in each step of the last day
	left, room, freed := float64(f.Calls), float64(f.Daily-f.Used), 0.0
	still := now // since when nothing was made
	for i := 0; time.Duration(i)*etaStep < farthest; i++ {
		at := now.Add(time.Duration(i) * etaStep)
		room += made[i%steps]
		if i <= steps {
			free := f.freed(now, at, i == steps)
			room, freed = room+free-freed, free
		}
		n := max(0, min(room, left, perSecond*etaStep.Seconds()))
		if n >= min(1, perSecond*etaStep.Seconds(), left) {
			pauses = addPause(pauses, standstill{still, at})
			still = later(at, n/perSecond)
		}
		if n >= left {
			return later(at, left/perSecond), pauses
		}
		made[i%steps] = n
		left, room = left-n, room-n
	}
	return time.Time{}, nil
}

// addPause adds a pause that is worth the name, to the last one where hardly
// anything is made in between.
func addPause(pauses []standstill, p standstill) []standstill {
	if p.until.Sub(p.at) < etaStep {
		return pauses
	}
	if last := len(pauses) - 1; last >= 0 && p.at.Sub(pauses[last].until) < sameCalm {
		pauses[last].until = p.until
		return pauses
	}
	return append(pauses, p)
}

// freed returns how many of Used are free again at t; all are when a day is over.
func (f forecast) freed(now, t time.Time, over bool) float64 {
	switch {
	case over:
		return float64(f.Used)
	case f.Frees == nil || t.Equal(now):
		return 0
	}
	return float64(min(max(f.Frees(t), 0), f.Used))
}

// later adds seconds, of which there may be too many for a Duration.
func later(t time.Time, seconds float64) time.Time {
	if seconds > farthest.Seconds() {
		return time.Time{}
	}
	return t.Add(time.Duration(seconds * float64(time.Second)))
}
