package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// Status is how far a command is. Every figure comes from the caller, who
// counts; what is zero is not shown, but for Done and Total.
type Status struct {
	Phase       string // reading, planning, sending, settling …
	Done, Total int64  // rows; Total 0: not known

	Created, Updated, Deleted, Unchanged int64
	Rejected, Invalid, Skipped, Stale    int64
	InDoubt, Parked                      int64

	Speed     float64       // calls a minute
	QuotaLeft int           // calls left in the window QuotaPer
	QuotaPer  time.Duration // 0: no quota to tell of
	Waiting   time.Time     // nothing is sent before; zero: not waiting
	Why       string        // what is waited for
	ETA       time.Time     // when all is done, as the caller reckons; zero: unknown
}

// Progress shows a Status on stderr, as --progress asks. It may be used by many goroutines.
type Progress struct {
	mu    sync.Mutex
	show  shower
	every time.Duration // least time between two showings
	now   func() time.Time
	shown time.Time
	last  Status
	stale bool // last has not been shown
}

// shower shows a Status in one of the modes.
type shower interface {
	update(Status)
	finish(Status)
}

// newProgress returns the progress of total rows in a mode of --progress; auto
// is a bar on a terminal and lines elsewhere. total 0 means not known yet.
func newProgress(app *App, mode string, total int64) *Progress {
	p := &Progress{now: app.now, last: Status{Total: total}}
	if mode == "auto" {
		mode = "plain"
		if app.errTTY && app.getenv("TERM") != "dumb" {
			mode = "bar"
		}
	}
	if app.general.quiet && mode != "json" {
		mode = "none"
	}
	switch mode {
	case "bar":
		p.show, p.every = newBar(app, total), 100*time.Millisecond
	case "plain":
		p.show = &plainLines{app: app, began: app.now()}
	case "json":
		p.show, p.every = &jsonLines{app: app}, time.Second
	default:
		p.show = nothing{}
	}
	return p
}

// Update shows s, unless the last showing is too recent; a new phase and the
// end are always shown.
func (p *Progress) Update(s Status) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	urgent := s.Phase != p.last.Phase || s.Total > 0 && s.Done >= s.Total && p.last.Done < s.Done
	p.last, p.stale = s, true
	if !urgent && !p.shown.IsZero() && now.Sub(p.shown) < p.every {
		return
	}
	p.shown, p.stale = now, false
	p.show.update(s)
}

// Finish shows the last Status for good and leaves stderr at the start of a line.
func (p *Progress) Finish() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shown.IsZero() && !p.stale {
		p.show = nothing{} // there was nothing to tell
		return
	}
	if p.stale {
		p.show.update(p.last)
		p.stale = false
	}
	p.show.finish(p.last)
	p.show = nothing{}
}

// nothing is --progress none.
type nothing struct{}

func (nothing) update(Status) {}
func (nothing) finish(Status) {}

// bar draws one line that is drawn over again. The library draws the bar; all
// counts and times stand in its description and are the caller's, so that rows
// done before a resume are no speed. It draws at every change of one of its
// parts, so it draws into frames, of which the last is shown.
type bar struct {
	app    *App
	w      io.Writer
	frames bytes.Buffer
	bar    *progressbar.ProgressBar
}

func newBar(app *App, total int64) *bar {
	b := &bar{app: app, w: app.stderr.painter(true)}
	b.bar = progressbar.NewOptions64(max(total, 1),
		progressbar.OptionSetWriter(&b.frames),
		progressbar.OptionSetWidth(20),
		progressbar.OptionSetPredictTime(false),
		progressbar.OptionSetElapsedTime(false),
		progressbar.OptionUseANSICodes(true),
		progressbar.OptionShowDescriptionAtLineEnd(),
		progressbar.OptionSetRenderBlankState(false),
		progressbar.OptionSetTheme(progressbar.Theme{Saucer: "=", SaucerHead: ">", SaucerPadding: " ", BarStart: "[", BarEnd: "]"}),
	)
	return b
}

// barWidth is what percentage, brackets and bar take of the line, and the
// last column, in which a terminal would begin a new one.
const barWidth = 32

func (b *bar) update(s Status) {
	if s.Total > 0 && s.Total != b.bar.GetMax64() {
		b.bar.ChangeMax64(s.Total)
	}
	// The library ends at its maximum and draws no more; the last phases may
	// still have something to tell, so the bar stops one short of the end.
	done := min(max(s.Done, 0), max(b.bar.GetMax64()-1, 0))
	b.bar.Describe(clip(describe(s, b.app.now()), b.app.columns()-barWidth))
	_ = b.bar.Set64(done) // a buffer takes it all
	if last := bytes.LastIndexByte(b.frames.Bytes(), '\r'); last >= 0 {
		_, _ = b.w.Write(b.frames.Bytes()[last:]) // stderr is gone: nobody to tell
	}
	b.frames.Reset()
}

func (b *bar) finish(s Status) {
	b.app.tell("%s\n", describe(s, b.app.now()))
}

// columns returns the width of the terminal on stderr, 80 where it is unknown.
func (app *App) columns() int {
	if f, ok := app.stderr.raw.(*os.File); ok {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
			return width
		}
	}
	return 80
}

// clip cuts s to at most width characters: a line that wraps cannot be drawn over.
func clip(s string, width int) string {
	runes := []rune(s)
	if width < 1 || len(runes) <= width {
		return s
	}
	return string(runes[:width-1]) + "…"
}

// describe words s for people: what is done, of it what is not well, then
// speed, quota and times of the clock.
func describe(s Status, now time.Time) string {
	// What people wait for comes first: a narrow terminal cuts the end off.
	parts := []string{amount(s)}
	if !s.ETA.IsZero() && (s.Total == 0 || s.Done < s.Total) {
		parts = append(parts, "done by "+clock(s.ETA, now))
	}
	if s.Waiting.After(now) {
		parts = append(parts, strings.TrimSpace("waiting until "+clock(s.Waiting, now)+" "+reason(s.Why)))
	}
	for _, c := range s.counts() {
		if c.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", c.n, c.name))
		}
	}
	if s.QuotaPer > 0 {
		parts = append(parts, fmt.Sprintf("quota %d/%s left", s.QuotaLeft, shortDuration(s.QuotaPer)))
	}
	if s.Speed > 0 {
		parts = append(parts, fmt.Sprintf("%.0f/min", s.Speed))
	}
	return oneLine(strings.Join(parts, ", "))
}

func amount(s Status) string {
	text := fmt.Sprintf("%d rows", s.Done)
	if s.Total > 0 {
		text = fmt.Sprintf("%d/%d rows", s.Done, s.Total)
	}
	return strings.TrimSpace(s.Phase + " " + text)
}

func reason(why string) string {
	if why == "" {
		return ""
	}
	return "(" + why + ")"
}

// clock is a time of the day, with the date when it is not today.
func clock(t, now time.Time) string {
	t, now = t.Local(), now.Local()
	if t.Year() == now.Year() && t.YearDay() == now.YearDay() {
		return t.Format(time.TimeOnly)
	}
	return t.Format("2006-01-02 15:04")
}

// tally is one of the counts of a Status.
type tally struct {
	name string
	n    int64
}

// counts returns the counts of s in the order in which they are told.
func (s Status) counts() []tally {
	return []tally{
		{"created", s.Created}, {"updated", s.Updated}, {"deleted", s.Deleted}, {"unchanged", s.Unchanged},
		{"rejected", s.Rejected}, {"invalid", s.Invalid}, {"skipped", s.Skipped}, {"stale", s.Stale},
		{"in doubt", s.InDoubt}, {"parked", s.Parked},
	}
}
