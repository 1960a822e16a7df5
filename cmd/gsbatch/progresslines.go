package main

import (
	"math"
	"strings"
	"time"
)

// When lines are written: after so long, or so much more of the whole, but
// never in a rush; a long run is told of less often.
const (
	lineEvery     = 10 * time.Second
	lineEveryLong = time.Minute
	longRun       = 10 * time.Minute
	lineRush      = time.Second
	lineShare     = 0.05
)

// plainLines writes a line now and then: for logs and for terminals that
// cannot draw.
type plainLines struct {
	app   *App
	began time.Time
	shown time.Time
	done  int64
	phase string
}

func (p *plainLines) update(s Status) {
	now := p.app.now()
	if !p.due(s, now) {
		return
	}
	p.shown, p.done, p.phase = now, s.Done, s.Phase
	p.app.tell("%s\n", describe(s, now))
}

func (p *plainLines) due(s Status, now time.Time) bool {
	if p.shown.IsZero() || s.Phase != p.phase {
		return true
	}
	every, since := lineEvery, now.Sub(p.shown)
	if now.Sub(p.began) > longRun {
		every = lineEveryLong
	}
	step := s.Total > 0 && float64(s.Done-p.done) >= lineShare*float64(s.Total)
	return since >= every || step && since >= lineRush
}

func (p *plainLines) finish(s Status) {
	if p.shown.IsZero() || s.Done != p.done || s.Phase != p.phase {
		p.app.tell("%s\n", describe(s, p.app.now()))
	}
}

// jsonLines writes one JSON object a line. Its keys do not change; counts are
// always there, times only when they are known.
type jsonLines struct{ app *App }

// jsonStatus is a Status as a line of JSON.
type jsonStatus struct {
	Time      string  `json:"time"`
	Event     string  `json:"event"` // progress, done
	Phase     string  `json:"phase"`
	Done      int64   `json:"done"`
	Total     int64   `json:"total"`
	Created   int64   `json:"created"`
	Updated   int64   `json:"updated"`
	Deleted   int64   `json:"deleted"`
	Unchanged int64   `json:"unchanged"`
	Rejected  int64   `json:"rejected"`
	Invalid   int64   `json:"invalid"`
	Skipped   int64   `json:"skipped"`
	Stale     int64   `json:"stale"`
	InDoubt   int64   `json:"in_doubt"`
	Parked    int64   `json:"parked"`
	Speed     float64 `json:"calls_per_minute"`
	QuotaLeft *int    `json:"quota_left,omitempty"`
	QuotaPer  float64 `json:"quota_seconds,omitempty"`
	Waiting   string  `json:"waiting_until,omitempty"`
	Why       string  `json:"waiting_for,omitempty"`
	ETA       string  `json:"eta,omitempty"`
}

func (j *jsonLines) update(s Status) { j.write("progress", s) }
func (j *jsonLines) finish(s Status) { j.write("done", s) }

func (j *jsonLines) write(event string, s Status) {
	out := jsonStatus{
		Time: stamp(j.app.now()), Event: event, Phase: s.Phase, Done: s.Done, Total: s.Total,
		Created: s.Created, Updated: s.Updated, Deleted: s.Deleted, Unchanged: s.Unchanged,
		Rejected: s.Rejected, Invalid: s.Invalid, Skipped: s.Skipped, Stale: s.Stale,
		InDoubt: s.InDoubt, Parked: s.Parked,
		Speed: math.Round(s.Speed*10) / 10, QuotaPer: s.QuotaPer.Seconds(),
		Waiting: stamp(s.Waiting), Why: s.Why, ETA: stamp(s.ETA),
	}
	if s.QuotaPer > 0 {
		out.QuotaLeft = &s.QuotaLeft
	}
	line, err := jsonLine(out)
	if err != nil {
		j.app.log.Error("progress", "error", err)
		return
	}
	j.app.tell("%s\n", escapeJSON(strings.TrimSpace(string(line))))
}

// stamp is a time in RFC 3339, UTC, to the second; "" for the zero time.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
