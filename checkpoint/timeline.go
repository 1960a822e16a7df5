package checkpoint

import (
	"cmp"
	"context"
	"slices"
)

// Timeline is when a run's rows were sent, and what came of that. Its
// size is bounded, however long the run took: slots grow wider with it, and
// only those with calls are kept.
type Timeline struct {
	Width     int64  // of a slot, in milliseconds
	Slots     []Slot // by time
	Throttled []Span // from a call that was throttled to the next one made, by time
}

// Slot counts the rows that calls were answered for in [At, At+Width), At in epoch milliseconds by
// the machine's clock.
type Slot struct {
	At        int64
	Done      int // the record was written or deleted
	Refused   int // rejected, or refused with the whole call
	Throttled int // refused for the quota
	Lost      int // no answer was seen
}

// Calls are all of the slot's.
func (s *Slot) Calls() int { return s.Done + s.Refused + s.Throttled + s.Lost }

// Span is a stretch of time, in epoch milliseconds.
type Span struct{ From, Until int64 }

// The bounds of a Timeline.
const (
	firstWidth = 100 // milliseconds
	maxSlots   = 4096
	maxSpans   = 256
)

// Timeline reads the journal once. throttles says whether an answer of that
// status and code refused a call for the quota.
func (r *Run) Timeline(ctx context.Context, throttles func(status int, code string) bool) (Timeline, error) {
	w := timeWalk{throttles: throttles, open: map[int64]int64{}, slots: slots{width: firstWidth, byNumber: map[int64]*Slot{}}}
	err := r.eachRecord(ctx, r.db.read, 0, func(_ int64, text string) (bool, error) {
		return true, eachEvent(text, func(e *Event) error {
			w.event(e)
			return nil
		})
	})
	for _, at := range w.open { // the process ended before their answers
		w.slots.at(at).Lost++
	}
	w.release(w.last)
	return Timeline{Width: w.slots.width, Slots: w.slots.list(), Throttled: w.spans.list}, err
}

// timeWalk follows the events of a run.
type timeWalk struct {
	open      map[int64]int64 // when intents were made that have no outcome so far, by row
	slots     slots
	spans     spans
	throttled int64 // since when calls have been held up; 0: they are not
	last      int64
	throttles func(status int, code string) bool
}

func (w *timeWalk) event(e *Event) {
	if e.At <= 0 {
		return
	}
	w.last = max(w.last, e.At)
	switch e.Kind {
	case Intent:
		if at, lost := w.open[e.Seq]; lost { // an earlier process ended before its outcome
			w.slots.at(at).Lost++
		}
		w.open[e.Seq] = e.At
		w.release(e.At)
	case Outcome:
		_, sent := w.open[e.Seq]
		delete(w.open, e.Seq)
		if sent {
			w.outcome(e)
		}
	}
}

func (w *timeWalk) outcome(e *Event) {
	switch {
	case e.Status == Pending && e.HTTP == 0: // it did not leave
	case e.Status == Pending && w.throttles(e.HTTP, e.Code):
		w.slots.at(e.At).Throttled++
		if w.throttled == 0 {
			w.throttled = e.At
		}
	case e.Status == Pending, e.Status == Rejected:
		w.slots.at(e.At).Refused++
	case e.Status == InDoubt:
		w.slots.at(e.At).Lost++
	default:
		w.slots.at(e.At).Done++
	}
}

// release ends a stretch in which calls were held up.
func (w *timeWalk) release(at int64) {
	if w.throttled > 0 && at > w.throttled {
		w.spans.add(Span{w.throttled, at})
		w.throttled = 0
	}
}

// slots are the slots that have calls. Once they are too many they are made
// twice as wide.
type slots struct {
	width    int64
	byNumber map[int64]*Slot
}

func (s *slots) at(at int64) *Slot {
	number := at / s.width
	if slot := s.byNumber[number]; slot != nil {
		return slot
	}
	for len(s.byNumber) >= maxSlots {
		s.widen()
		number = at / s.width
	}
	slot := s.byNumber[number]
	if slot == nil {
		slot = &Slot{At: number * s.width}
		s.byNumber[number] = slot
	}
	return slot
}

func (s *slots) widen() {
	wide := slots{width: 2 * s.width, byNumber: make(map[int64]*Slot, maxSlots)}
	for _, slot := range s.byNumber {
		sum := wide.byNumber[slot.At/wide.width]
		if sum == nil {
			sum = &Slot{At: slot.At / wide.width * wide.width}
			wide.byNumber[slot.At/wide.width] = sum
		}
		sum.Done += slot.Done
		sum.Refused += slot.Refused
		sum.Throttled += slot.Throttled
		sum.Lost += slot.Lost
	}
	*s = wide
}

func (s *slots) list() []Slot {
	list := make([]Slot, 0, len(s.byNumber))
	for _, slot := range s.byNumber {
		list = append(list, *slot)
	}
	slices.SortFunc(list, func(a, b Slot) int { return cmp.Compare(a.At, b.At) })
	return list
}

// spans are stretches that come in the order of their time; those that lie
// closer together than apart are one. Once they are too many it grows.
type spans struct {
	list  []Span
	apart int64
}

func (s *spans) add(next Span) {
	if n := len(s.list); n > 0 && next.From-s.list[n-1].Until <= s.apart {
		s.list[n-1].Until = max(s.list[n-1].Until, next.Until)
		return
	}
	s.list = append(s.list, next)
	for len(s.list) > maxSpans {
		s.apart = max(1000, 2*s.apart)
		all := spans{apart: s.apart}
		for _, one := range s.list {
			all.add(one)
		}
		s.list = all.list
	}
}
