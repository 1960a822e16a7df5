package main

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"gsbatch/checkpoint"
	"gsbatch/gainsight"
)

func newQuota(app *App) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "quota",
		Short:   "Calls used in this minute and day, by whom on this machine, and what is left",
		GroupID: groupRuns,
		Args:    takes(0, 0),
	}
	quota := new(quotaFlags)
	quota.addLimits(cmd)
	cmd.RunE = func(*cobra.Command, []string) error { return runQuota(app, quota) }
	return cmd
}

// quotaJSON is the JSON object of quota. A limit of 0 is none; times that say
// nothing are null.
type quotaJSON struct {
	Tenant      string       `json:"tenant"`
	Rate        string       `json:"rate"`
	Daily       int          `json:"daily"`
	DayReset    string       `json:"day_reset"`
	Share       float64      `json:"share"`   // of rate and daily, in percent
	Reserve     float64      `json:"reserve"` // of the day, in percent, that writes leave
	WindowLimit int          `json:"window_limit"`
	Window      string       `json:"window"`
	WindowUsed  int          `json:"window_used"`
	WindowLeft  int          `json:"window_left"`
	NextFree    *time.Time   `json:"next_free"` // when the next used slot of the window comes back
	DayLimit    int          `json:"day_limit"`
	DayUsed     int          `json:"day_used"`
	DayLeft     int          `json:"day_left"`
	WritesLeft  int          `json:"day_left_for_writes"`
	DaySince    *time.Time   `json:"day_since"`
	DayFree     *time.Time   `json:"day_free"` // when there are calls for writes again
	SlowedTo    *int         `json:"slowed_to"`
	FullSpeedAt *time.Time   `json:"full_speed_at"`
	PausedUntil *time.Time   `json:"paused_until"`
	By          []callerJSON `json:"by"` // the busiest first
}

// callerJSON is what one process of this machine used.
type callerJSON struct {
	Command string    `json:"command"`
	Run     string    `json:"run"`
	Process int       `json:"process"`
	Window  int       `json:"window"`
	Day     int       `json:"day"`
	Last    time.Time `json:"last"`
}

func runQuota(app *App, flags *quotaFlags) error {
	limits, err := flags.limits(app)
	if err != nil {
		return err
	}
	name, err := app.tenantName()
	if err != nil {
		return err
	}
	now := app.now()
	use, err := quotaUse(app, name, dayLimit(limits, false, now))
	if err != nil {
		return err
	}
	q := quotaAt(now, limits, use)
	q.Tenant, q.Rate, q.Daily, q.DayReset = name, flags.rate.String(), limits.Daily, flags.day.String()
	q.Share, q.Reserve = float64(flags.share), float64(flags.reserve)
	if app.general.json {
		return app.emit(q)
	}
	return tellQuota(app, q)
}

// quotaUse reads the books of a tenant; those that were never begun are empty.
func quotaUse(app *App, tenant string, limit checkpoint.DayLimit) (use checkpoint.QuotaUse, err error) {
	folder, err := readFolder(app)
	if err != nil {
		return use, err
	}
	shared, err := folder.ViewTenant(tenant)
	if err != nil || shared == nil {
		return use, err
	}
	use, err = shared.Use(app.hard, app.now(), limit)
	return use, errors.Join(err, shared.Close())
}

// quotaAt sets the books against the limits.
func quotaAt(now time.Time, limits gainsight.Limits, use checkpoint.QuotaUse) quotaJSON {
	q := quotaJSON{
		WindowLimit: limits.PerWindow(), Window: shortDuration(limits.Window), WindowUsed: use.Window, NextFree: moment(use.NextFree),
		DayLimit: limits.PerDay(true), DayUsed: use.Day, DayLeft: max(limits.PerDay(true)-use.Day, 0), WritesLeft: max(limits.PerDay(false)-use.Day, 0),
		DayFree: moment(use.DayFree), PausedUntil: moment(use.PausedUntil), By: []callerJSON{},
	}
	window := q.WindowLimit
	if limits.Calls > 0 {
		if calls, full := limits.Slower(use.SlowShare, use.SlowFrom, now); !full.IsZero() {
			window, q.SlowedTo, q.FullSpeedAt = calls, &calls, moment(full)
		}
	}
	q.WindowLeft = max(window-use.Window, 0)
	if limits.Day.Fixed {
		q.DaySince = moment(limits.Day.Start(now))
		if q.DayLimit > 0 && q.WritesLeft == 0 {
			q.DayFree = moment(limits.Day.Next(now))
		}
	}
	for _, by := range use.By {
		q.By = append(q.By, callerJSON{by.Command, by.Run, by.Process, by.Window, by.Day, by.Last.UTC()})
	}
	return q
}

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC().Truncate(time.Millisecond)
	return &t
}

// mostCallers is how many callers quota lists for people.
const mostCallers = 20

func tellQuota(app *App, q quotaJSON) error {
	t := newTable([]string{q.Tenant, "USED", "LEFT", "LIMIT"}, 1, 2, 3)
	row := func(what string, used, left, limit int) {
		if limit == 0 {
			t.add(what, strconv.Itoa(used), "", "none")
			return
		}
		t.add(what, strconv.Itoa(used), strconv.Itoa(left), strconv.Itoa(limit))
	}
	window, day := "any window", "last 24 hours"
	if q.WindowLimit > 0 {
		window = "window of " + q.Window
	}
	if q.DaySince != nil {
		day = "since " + q.DaySince.Local().Format("Mon 15:04")
	}
	row(window, q.WindowUsed, q.WindowLeft, q.WindowLimit)
	row(day, q.DayUsed, q.DayLeft, q.DayLimit)
	if q.DayLimit > 0 {
		t.add("  of these for writes", "", strconv.Itoa(q.WritesLeft), "")
	}
	if err := t.write(app.stdout); err != nil {
		return err
	}
	for _, line := range quotaNotes(q, app.now()) {
		if _, err := fmt.Fprintln(app.stdout, line); err != nil {
			return fmt.Errorf("stdout: %w", err)
		}
	}
	return tellCallers(app, q)
}

// quotaNotes say what bounds the calls beside the limits, and until when.
func quotaNotes(q quotaJSON, now time.Time) []string {
	var notes []string
	if q.WindowLimit > 0 && (q.Share != 100 || q.DayLimit > 0) {
		notes = append(notes, fmt.Sprintf("this folder may use %g%% of %s and %d a day (%s); writes leave %g%% of it to exports and settling", q.Share, q.Rate, q.Daily, q.DayReset, q.Reserve))
	}
	until := func(what string, at *time.Time) {
		if at != nil {
			notes = append(notes, what+" "+clock(*at, now))
		}
	}
	until("the next slot of the window comes back at", q.NextFree)
	until("throttled by the tenant until", q.PausedUntil)
	if q.SlowedTo != nil {
		until(fmt.Sprintf("others use the quota too: slowed down to %d a %s, at full speed by", *q.SlowedTo, q.Window), q.FullSpeedAt)
	}
	until("the day's calls for writes are used until", q.DayFree)
	return notes
}

// tellCallers lists who on this machine made the day's calls.
func tellCallers(app *App, q quotaJSON) error {
	if len(q.By) == 0 {
		return nil
	}
	t := newTable([]string{"BY", "RUN", "PROCESS", "WINDOW", "DAY", "LAST"}, 3, 4)
	for i, by := range q.By {
		if i == mostCallers {
			t.add(fmt.Sprintf("and %d others", len(q.By)-i))
			break
		}
		t.add(by.Command, by.Run, strconv.Itoa(by.Process), strconv.Itoa(by.Window), strconv.Itoa(by.Day), clock(by.Last, app.now()))
	}
	return t.write(app.stdout)
}
