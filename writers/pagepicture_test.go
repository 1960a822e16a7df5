package writers

import (
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// timelines draws runs of seconds to weeks, with pauses, throttling and crashes.
func timelines() *rapid.Generator[*Timeline] {
	return rapid.Custom(func(t *rapid.T) *Timeline {
		line := &Timeline{Width: 100 * time.Millisecond << rapid.IntRange(0, 12).Draw(t, "width")}
		at := time.Date(2027, 3, 1, 8, 0, 0, 0, time.UTC).Truncate(line.Width)
		for range rapid.IntRange(1, 6).Draw(t, "sessions") {
			back := time.Duration(rapid.SampledFrom([]int{0, 0, 0, 1, 1000}).Draw(t, "clock set back"))
			s := Session{Began: at.Add(-back * line.Width), PerMinute: float64(rapid.IntRange(0, 3).Draw(t, "limit") * 50)}
			for range rapid.IntRange(0, 60).Draw(t, "slots") {
				line.Slots = append(line.Slots, CallSlot{At: at, Done: rapid.IntRange(0, 200).Draw(t, "done"), Refused: rapid.IntRange(0, 2).Draw(t, "refused"),
					Throttled: rapid.IntRange(0, 2).Draw(t, "throttled"), Lost: 1})
				step := time.Duration(1 << rapid.IntRange(0, 7).Draw(t, "step"))
				if step > 16 {
					line.Throttled = append(line.Throttled, Stretch{at, at.Add(step * line.Width)})
				}
				at = at.Add(step * line.Width)
			}
			if rapid.Bool().Draw(t, "ended") {
				s.Ended, s.Why = at, "why"
			}
			line.Sessions = append(line.Sessions, s)
			at = at.Add(time.Duration(rapid.IntRange(0, 5000).Draw(t, "pause")) * line.Width)
		}
		return line
	})
}

// TestPictureProperties wants every call in exactly one bar, every shape inside
// the plot, and time to run from left to right.
func TestPictureProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		line := timelines().Draw(t, "timeline")
		whole, ok := line.span()
		if !ok {
			return
		}
		for _, l := range layouts() {
			a := newAxis(whole, line.silences(whole), line.Width, l.left, float64(l.w)-l.right, l.cut)
			checkAxis(t, &a, whole, l)
			if a.shown > 0 {
				sum := 0
				for _, b := range line.bins(&a, line.barTime(&a, 100)) {
					sum += b.total()
				}
				if _, total := line.calls(); sum != total {
					t.Fatalf("%d of %d calls are drawn", sum, total)
				}
			}
			if p := newPicture(line, l); p != nil {
				if len(p.Marks) > 300 {
					t.Fatalf("%d marks", len(p.Marks))
				}
				checkShapes(t, p)
			}
		}
		for _, s := range line.stretches(whole) {
			if s.lasted() < 0 || s.From.Before(whole.From) || s.Until.After(whole.Until) && s.kind != throttled {
				t.Fatalf("stretch %+v outside %v", s, whole)
			}
		}
		if events, _ := line.events(); len(events) > 2*maxEvents+2 {
			t.Fatalf("%d events", len(events))
		}
	})
}

func checkAxis(t *rapid.T, a *axis, whole Stretch, l layout) {
	if len(a.parts) == 0 {
		t.Fatal("no part")
	}
	x, at := l.left, whole.From
	for _, p := range a.parts {
		if math.Abs(p.x0-x) > 0.01 || p.x1 < p.x0 || !p.From.Equal(at) || p.Until.Before(p.From) {
			t.Fatalf("part %+v after %v at %f", p, at, x)
		}
		x, at = p.x1, p.Until
	}
	if math.Abs(x-(float64(l.w)-l.right)) > 0.01 || !at.Equal(whole.Until) {
		t.Fatalf("the axis ends at %v, %f", at, x)
	}
}

func checkShapes(t *rapid.T, p *picture) {
	if len(p.Ticks) == 0 || len(p.Ticks) > 40 || len(p.Grid) < 2 || len(p.Grid) > 8 {
		t.Fatalf("%d ticks, %d lines", len(p.Ticks), len(p.Grid))
	}
	size := 0
	for _, s := range append(p.Bars, p.Bands...) {
		size += len(s.Path)
		for rectangle := range strings.SplitSeq(strings.TrimPrefix(s.Path, "M"), "M") {
			var v []float64
			for number := range strings.FieldsFuncSeq(rectangle, func(r rune) bool { return strings.ContainsRune(" hvz", r) }) {
				f, err := strconv.ParseFloat(number, 64)
				if err != nil {
					t.Fatalf("%s: %v", rectangle, err)
				}
				v = append(v, f)
			}
			if len(v) != 5 || v[0] < p.X0-0.2 || v[0]+v[2] > p.X1+2 || v[2] < 0 || v[1] < p.Y0-1.2 || v[1]+v[3] > p.Y1+0.2 {
				t.Fatalf("%s: %v outside %v–%v, %v–%v", s.Class, v, p.X0, p.X1, p.Y0, p.Y1)
			}
		}
	}
	if size > 60_000 {
		t.Fatalf("%d bytes of shapes", size)
	}
}

func TestNiceSteps(t *testing.T) {
	for in, want := range map[float64]float64{0.2: 1, 1: 1, 3: 5, 7: 10, 26: 50, 100: 100, 101: 200} {
		if got := niceStep(in); got != want {
			t.Errorf("%v: %v, want %v", in, got, want)
		}
	}
	for in, want := range map[time.Duration]time.Duration{time.Millisecond: 100 * time.Millisecond, 300 * time.Millisecond: 500 * time.Millisecond, 31 * time.Second: time.Minute,
		36 * time.Minute: time.Hour, 5 * time.Hour: 6 * time.Hour, 25 * time.Hour: 48 * time.Hour} {
		if got := roundUp(in); got != want {
			t.Errorf("%v: %v, want %v", in, got, want)
		}
	}
}
