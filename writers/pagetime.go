package writers

import (
	"slices"
	"time"
)

// stretch is a part of a run's time in which no call was made.
type stretch struct {
	Stretch
	kind stretchKind
	why  string
}

type stretchKind string

const (
	stopped   stretchKind = "stopped"   // no process was at work
	throttled stretchKind = "throttled" // the tenant refused calls for its quota
	waiting   stretchKind = "waiting"   // the process waited: for the quota, or to settle rows in doubt
)

func (s *Stretch) lasted() time.Duration { return s.Until.Sub(s.From) }

// leastWait is the shortest wait that is told: under a quota there is one
// before nearly every call.
const leastWait = 10 * time.Second

// leastStop is the shortest time between two processes that is told, but for a crash.
const leastStop = time.Second

// killed is why a process ended that did not say so.
const killed = "the process ended without a word: a crash, a kill or a power cut"

// span is from the first sign of the run to the last; ok is false without one.
func (t *Timeline) span() (s Stretch, ok bool) {
	see := func(at time.Time) {
		if at.IsZero() {
			return
		}
		if s.From.IsZero() || at.Before(s.From) {
			s.From = at
		}
		if at.After(s.Until) {
			s.Until = at
		}
	}
	for i := range t.Sessions {
		see(t.Sessions[i].Began)
		see(t.Sessions[i].Ended)
	}
	for i := range t.Slots {
		see(t.Slots[i].At)
		see(t.Slots[i].At.Add(t.Width))
	}
	return s, s.Until.After(s.From)
}

// calls sums the slots up.
func (t *Timeline) calls() (sum CallSlot, total int) {
	for i := range t.Slots {
		s := &t.Slots[i]
		sum.Done += s.Done
		sum.Refused += s.Refused
		sum.Throttled += s.Throttled
		sum.Lost += s.Lost
	}
	return sum, sum.total()
}

func (s *CallSlot) total() int { return s.Done + s.Refused + s.Throttled + s.Lost }

// silences are the stretches without a call, those of no length left out.
func (t *Timeline) silences(whole Stretch) []Stretch {
	var list []Stretch
	last := whole.From
	for i := range t.Slots {
		at := t.Slots[i].At
		if at.After(last) {
			list = append(list, Stretch{last, at})
		}
		if end := at.Add(t.Width); end.After(last) {
			last = end
		}
	}
	if whole.Until.After(last) {
		list = append(list, Stretch{last, whole.Until})
	}
	return list
}

// stretches tells why no calls were made, by time: between processes, while
// calls were throttled, and in other silences that are worth telling.
func (t *Timeline) stretches(whole Stretch) []stretch {
	list := t.stops()
	for _, s := range t.Throttled {
		list = append(list, stretch{Stretch: s, kind: throttled})
	}
	least := max(leastWait, 2*t.Width, whole.lasted()/500)
	for _, gap := range t.silences(whole) {
		for _, part := range without(gap, list) {
			if part.lasted() >= least {
				list = append(list, stretch{Stretch: part, kind: waiting})
			}
		}
	}
	slices.SortStableFunc(list, func(a, b stretch) int { return a.From.Compare(b.From) })
	return list
}

// stops are the stretches between two processes.
func (t *Timeline) stops() []stretch {
	var list []stretch
	for i := 1; i < len(t.Sessions); i++ {
		before, next := &t.Sessions[i-1], &t.Sessions[i]
		ended, why := before.Ended, before.Why
		if ended.IsZero() {
			ended, why = t.lastCall(before.Began, next.Began), killed
		}
		if pause := next.Began.Sub(ended); pause >= leastStop || pause >= 0 && why == killed {
			list = append(list, stretch{Stretch{ended, next.Began}, stopped, why})
		}
	}
	return list
}

// lastCall is the end of the last slot with calls in a stretch, else its begin.
func (t *Timeline) lastCall(from, until time.Time) time.Time {
	last := from
	for i := range t.Slots {
		if end := t.Slots[i].At.Add(t.Width); t.Slots[i].At.Before(until) && end.After(last) {
			last = end
		}
	}
	if last.After(until) {
		return until
	}
	return last
}

// without is what others leave of a stretch.
func without(s Stretch, others []stretch) []Stretch {
	parts := []Stretch{s}
	for i := range others {
		o := &others[i]
		var left []Stretch
		for _, p := range parts {
			if !o.Until.After(p.From) || !o.From.Before(p.Until) {
				left = append(left, p)
				continue
			}
			if o.From.After(p.From) {
				left = append(left, Stretch{p.From, o.From})
			}
			if o.Until.Before(p.Until) {
				left = append(left, Stretch{o.Until, p.Until})
			}
		}
		parts = left
	}
	return parts
}

// axis lays time out from left to right: to scale, but for long silences, which
// are cut short.
type axis struct {
	parts []axisPart
	shown time.Duration // of the parts that are to scale
}

// axisPart is a stretch of time in its place.
type axisPart struct {
	Stretch
	x0, x1 float64
	cut    bool // it is not to scale
}

// newAxis lays out the whole between x0 and x1; a cut takes cutWidth there.
func newAxis(whole Stretch, silences []Stretch, slot time.Duration, x0, x1, cutWidth float64) axis {
	total := whole.lasted()
	var long []Stretch
	active := total
	for _, s := range silences {
		if s.lasted() > total/20 {
			long = append(long, s)
			active -= s.lasted()
		}
	}
	var cuts []Stretch
	shown := total
	for _, s := range long {
		if s.lasted() < max(active/2, 20*slot) {
			continue
		}
		cuts = append(cuts, s)
		shown -= s.lasted()
	}
	if n := float64(len(cuts)); n > 0 {
		cutWidth = min(cutWidth, (x1-x0)/2/n)
	}
	scale := (x1 - x0 - cutWidth*float64(len(cuts))) / float64(shown)
	a := axis{shown: shown}
	at, x := whole.From, x0
	for _, cut := range cuts {
		width := scale * float64(cut.From.Sub(at))
		if width > 0 {
			a.parts = append(a.parts, axisPart{Stretch{at, cut.From}, x, x + width, false})
		}
		a.parts = append(a.parts, axisPart{cut, x + width, x + width + cutWidth, true})
		at, x = cut.Until, x+width+cutWidth
	}
	if whole.Until.After(at) {
		a.parts = append(a.parts, axisPart{Stretch{at, whole.Until}, x, x1, false})
	}
	return a
}

// x is where a moment stands; one outside stands at the nearest end.
func (a *axis) x(at time.Time) float64 {
	for i := range a.parts {
		p := &a.parts[i]
		if at.Before(p.Until) {
			share := float64(at.Sub(p.From)) / float64(p.lasted())
			return p.x0 + max(0, share)*(p.x1-p.x0)
		}
	}
	return a.parts[len(a.parts)-1].x1
}

// bin is the calls of one bar.
type bin struct {
	Stretch
	CallSlot
}

// perMinute is the bin's pace for a number of its calls.
func (b *bin) perMinute(calls int) float64 {
	return float64(calls) / max(b.lasted().Minutes(), 1e-6)
}

// bins sums the slots up for the bars of the parts that are to scale, each of
// the length width, the last of a part up to half as long again.
func (t *Timeline) bins(a *axis, width time.Duration) []bin {
	var list []bin
	i := 0
	for p := range a.parts {
		part := &a.parts[p]
		if part.cut {
			continue
		}
		for from := part.From; from.Before(part.Until); {
			until := from.Add(width)
			if part.Until.Sub(until) < width/2 {
				until = part.Until
			}
			b := bin{Stretch: Stretch{from, until}}
			for ; i < len(t.Slots) && t.Slots[i].At.Before(until); i++ {
				b.add(&t.Slots[i])
			}
			list = append(list, b)
			from = until
		}
	}
	for ; i < len(t.Slots) && len(list) > 0; i++ { // what a rounded end leaves
		list[len(list)-1].add(&t.Slots[i])
	}
	return list
}

func (s *CallSlot) add(o *CallSlot) {
	s.Done += o.Done
	s.Refused += o.Refused
	s.Throttled += o.Throttled
	s.Lost += o.Lost
}

// barTime is how long a bar's time is: at most most bars, none shorter than a
// slot, and where it can be with some calls in each that has any, so that
// chance does not show.
func (t *Timeline) barTime(a *axis, most float64) time.Duration {
	least := max(t.Width, time.Duration(float64(a.shown)/most))
	if _, total := t.calls(); total > 0 {
		busy := time.Duration(len(t.Slots)) * t.Width
		steady := min(8*busy/time.Duration(total), a.shown/12)
		least = max(least, steady)
	}
	return roundUp(least)
}

// roundUp is the next duration that people count in.
func roundUp(d time.Duration) time.Duration {
	for _, unit := range []time.Duration{100 * time.Millisecond, time.Second, time.Minute} {
		for _, n := range []time.Duration{1, 2, 5, 10, 15, 20, 30} {
			if n*unit >= d && (unit > time.Second/2 || n <= 5) {
				return n * unit
			}
		}
	}
	for _, hours := range []time.Duration{1, 2, 3, 4, 6, 12, 24} {
		if hours*time.Hour >= d {
			return hours * time.Hour
		}
	}
	return (d + 24*time.Hour - 1).Truncate(24 * time.Hour)
}
