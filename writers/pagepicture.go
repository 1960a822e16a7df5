package writers

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// picture is calls over time, laid out for one width. Its shapes are paths, one
// a kind, so that its size does not grow with the run.
type picture struct {
	ID             string // of its title, unique in the page
	Class          string
	Desc           string // in words
	Unit           string // calls or records
	W, H           int
	X0, X1, Y0, Y1 float64 // of the plot
	Grid           []gridLine
	Limit          *gridLine // the quota; nil where there is none, or far above all calls
	Bands          []shape   // silences
	Bars           []shape   // calls
	Breaks         string    // path of the places where the axis is not to scale
	Labels         []label   // of bands, from bottom to top
	Marks          []label   // where processes began
	Ticks          []tick
}

// shape is a path of a class, with the colour for programs that know no styles.
type shape struct{ Class, Fill, Path string }

type gridLine struct {
	Y    float64
	Text string
}

type label struct {
	X, Y float64
	Text string
}

type tick struct {
	X         float64
	Anchor    string
	Time, Day string
}

// layout is the measures of a picture.
type layout struct {
	id, class         string
	w, h              int
	left, right       float64
	bar, cut, tickGap float64
}

// layouts are for wide windows and for narrow ones; a page shows one of them.
func layouts() [2]layout {
	return [2]layout{
		{id: "wide", class: "wide", w: 880, h: 290, left: 44, right: 10, bar: 6, cut: 44, tickGap: 96},
		{id: "narrow", class: "narrow", w: 320, h: 260, left: 38, right: 6, bar: 6, cut: 26, tickGap: 72},
	}
}

const (
	plotTop    = 38.0
	plotBottom = 44.0 // below the plot
	labelled   = 15.0 // the narrowest band that bears a label
)

// leastDrawn is the shortest time at work that is worth a picture.
const leastDrawn = 2 * time.Second

// newPicture draws the timeline; nil where there is too little to be seen.
func newPicture(t *Timeline, l layout) *picture {
	whole, ok := t.span()
	if _, total := t.calls(); !ok || total == 0 {
		return nil
	}
	p := &picture{Desc: t.said(), Unit: t.unit(), ID: l.id, Class: l.class, W: l.w, H: l.h, X0: l.left, X1: float64(l.w) - l.right, Y0: plotTop, Y1: float64(l.h) - plotBottom}
	a := newAxis(whole, t.silences(whole), t.Width, p.X0, p.X1, l.cut)
	if a.shown < leastDrawn {
		return nil
	}
	width := t.barTime(&a, (p.X1-p.X0)/l.bar)
	bins := t.bins(&a, width)
	top := p.scale(bins, t.limit())
	p.bars(bins, &a, top)
	p.bands(t.stretches(whole), &a)
	p.marks(t, &a)
	p.ticks(&a, l.tickGap)
	p.breaks(&a)
	return p
}

// unit is what is counted.
func (t *Timeline) unit() string {
	if t.Records {
		return "records"
	}
	return "calls"
}

// limit is the quota of the last session, where it is of what is counted.
func (t *Timeline) limit() float64 {
	if len(t.Sessions) == 0 || t.Records {
		return 0
	}
	return t.Sessions[len(t.Sessions)-1].PerMinute
}

// scale draws the grid and returns the calls a minute at the plot's top.
func (p *picture) scale(bins []bin, limit float64) float64 {
	top := 0.0
	for i := range bins {
		top = max(top, bins[i].perMinute(bins[i].total()))
	}
	drawLimit := limit > 0 && limit < 3*top
	if drawLimit {
		top = max(top, limit)
	}
	top *= 1.05
	step := niceStep(top / 4)
	top = step * math.Ceil(top/step)
	for v := 0.0; v <= top+step/2; v += step {
		p.Grid = append(p.Grid, gridLine{p.y(v, top), strconv.FormatFloat(v, 'f', -1, 64)})
	}
	for i := range p.Grid {
		if len(p.Grid[i].Text) > 4 { // the margin is made for four digits
			p.Grid[i].Text = strings.TrimSuffix(p.Grid[i].Text, "000") + "k"
		}
	}
	if drawLimit {
		p.Limit = &gridLine{p.y(limit, top), "quota: " + strconv.FormatFloat(limit, 'f', -1, 64) + " a minute"}
	}
	return top
}

// niceStep is the next of 1, 2, 5, 10, 20 …
func niceStep(v float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(max(v, 1))))
	for _, n := range []float64{1, 2, 5} {
		if n*power >= v {
			return n * power
		}
	}
	return 10 * power
}

func (p *picture) y(v, top float64) float64 { return p.Y1 - (p.Y1-p.Y0)*v/top }

// bars stacks the calls of each bin by what came of them.
func (p *picture) bars(bins []bin, a *axis, top float64) {
	paths := map[string]*strings.Builder{}
	for i := range bins {
		b := &bins[i]
		x0, x1 := a.x(b.From), a.end(b.Until)
		gap := min(1.0, (x1-x0)/4)
		base := 0
		for _, part := range []struct {
			class string
			calls int
		}{{"done", b.Done}, {"refused", b.Refused}, {"throttled", b.Throttled}, {"lost", b.Lost}} {
			if part.calls == 0 {
				continue
			}
			from := p.y(b.perMinute(base), top)
			base += part.calls
			to := p.y(b.perMinute(base), top)
			if from-to < 1 { // what is rare must still be seen
				to = from - 1
			}
			if paths[part.class] == nil {
				paths[part.class] = &strings.Builder{}
			}
			rect(paths[part.class], x0, to, x1-x0-gap, from-to)
		}
	}
	for _, kind := range callKinds() {
		if path := paths[kind.Class]; path != nil {
			p.Bars = append(p.Bars, shape{kind.Class, kind.Fill, path.String()})
		}
	}
}

// breaks crosses the axis out where it is cut.
func (p *picture) breaks(a *axis) {
	var b strings.Builder
	for i := range a.parts {
		if part := &a.parts[i]; part.cut {
			x := (part.x0 + part.x1) / 2
			for _, left := range []float64{-5, 0} {
				fmt.Fprintf(&b, "M%s %sl5 -10", short(x+left), short(p.Y1+5))
			}
		}
	}
	p.Breaks = b.String()
}

// end is where a moment stands at the end of a part rather than at the begin of
// the next.
func (a *axis) end(at time.Time) float64 {
	for i := range a.parts {
		if p := &a.parts[i]; !at.After(p.Until) {
			return p.x0 + float64(at.Sub(p.From))/float64(p.lasted())*(p.x1-p.x0)
		}
	}
	return a.parts[len(a.parts)-1].x1
}

// callKinds are what may come of a call, with their colours.
func callKinds() []shape {
	return []shape{{"done", "#1a7f37", "written"}, {"refused", "#cf222e", "rejected"}, {"throttled", "#bf8700", "throttled"}, {"lost", "#8250df", "no answer seen"}}
}

func rect(b *strings.Builder, x, y, w, h float64) {
	fmt.Fprintf(b, "M%s %sh%sv%sh-%sz", short(x), short(y), short(w), short(h), short(w))
}

// short is a number with a digit behind its point.
func short(v float64) string { return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64) }

// bands draws the silences behind the bars, and labels those that are wide
// enough.
func (p *picture) bands(list []stretch, a *axis) {
	paths := map[stretchKind]*strings.Builder{}
	for i := range list {
		s := &list[i]
		x0, x1 := a.x(s.From), a.x(s.Until)
		if paths[s.kind] == nil {
			paths[s.kind] = &strings.Builder{}
		}
		rect(paths[s.kind], x0, p.Y0, max(x1-x0, 1.5), p.Y1-p.Y0)
		if x1-x0 >= labelled {
			p.Labels = append(p.Labels, label{(x0 + x1) / 2, (p.Y0 + p.Y1) / 2, s.word() + " " + lasted(s.lasted())})
		}
	}
	for _, kind := range []stretchKind{stopped, waiting, throttled} {
		if path := paths[kind]; path != nil {
			p.Bands = append(p.Bands, shape{string(kind), bandFill(kind), path.String()})
		}
	}
}

func (s *stretch) word() string {
	if s.kind == stopped {
		return "paused"
	}
	return string(s.kind)
}

func bandFill(kind stretchKind) string {
	return map[stretchKind]string{stopped: "#d0d7de", waiting: "#b6d4fe", throttled: "#f2d38b"}[kind]
}

// marks shows where processes began, once there were several; where they are
// too close together the first has the number.
func (p *picture) marks(t *Timeline, a *axis) {
	if len(t.Sessions)+t.Earlier < 2 {
		return
	}
	last, drawn := math.Inf(-1), math.Inf(-1)
	for i := range t.Sessions {
		m := label{X: a.x(t.Sessions[i].Began), Y: p.Y0 - 9}
		if m.X-last >= labelled {
			m.Text, last = strconv.Itoa(t.Earlier+i+1), m.X
		} else if m.X-drawn < 3 {
			continue
		}
		drawn = m.X
		p.Marks = append(p.Marks, m)
	}
}

// charWidth is about the width of a digit.
const charWidth = 7.5

// ticks writes times below the plot, and days where a new one begins.
func (p *picture) ticks(a *axis, gap float64) {
	perPixel := float64(a.shown) / (p.X1 - p.X0)
	step := roundUp(max(time.Second, time.Duration(gap*perPixel)))
	form := "15:04"
	if step < time.Minute {
		form = "15:04:05"
	}
	day, free := "", math.Inf(-1) // what is right of free bears no text yet
	add := func(at time.Time) {
		t := tick{X: a.x(at), Anchor: "middle", Time: at.UTC().Format(form)}
		half := charWidth / 2 * float64(len(t.Time))
		from := t.X - half
		switch {
		case from < p.X0-half/2:
			t.Anchor, from = "start", t.X
		case t.X+half > p.X1:
			t.Anchor, from = "end", t.X-2*half
		}
		if from < free || len(p.Ticks) > 0 && p.Ticks[len(p.Ticks)-1].Time == t.Time {
			return
		}
		if d := at.UTC().Format("2 Jan"); d != day {
			t.Day, day = d, d
		}
		p.Ticks = append(p.Ticks, t)
		free = from + 2*half + 2*charWidth
	}
	for i := range a.parts {
		part := &a.parts[i]
		if part.cut {
			continue
		}
		add(part.From)
		for at := part.From.UTC().Truncate(step).Add(step); at.Before(part.Until); at = at.Add(step) {
			add(at)
		}
	}
}
