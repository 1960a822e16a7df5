package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"gsbatch/checkpoint"
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

// quotaJSON is the JSON object of quota. A limit of 0 is none.
type quotaJSON struct {
	Tenant      string         `json:"tenant"`
	WindowLimit int            `json:"window_limit"`
	Window      string         `json:"window"`
	WindowUsed  int            `json:"window_used"`
	WindowLeft  int            `json:"window_left"`
	DayLimit    int            `json:"day_limit"`
	DayUsed     int            `json:"day_used"`
	DayLeft     int            `json:"day_left"`
	By          map[string]int `json:"by"`
	NextFree    *time.Time     `json:"next_free"`
	PausedUntil *time.Time     `json:"paused_until"`
	DayFree     *time.Time     `json:"day_free"`
}

func runQuota(app *App, flags *quotaFlags) (err error) {
	limits, err := flags.limits(app)
	if err != nil {
		return err
	}
	name, err := app.tenantName()
	if err != nil {
		return err
	}
	folder, err := readFolder(app)
	if err != nil {
		return err
	}
	shared, err := folder.ViewTenant(name)
	if err != nil {
		return err
	}
	use := checkpoint.QuotaUse{}
	if shared != nil {
		defer func() { err = errors.Join(err, shared.Close()) }()
		if use, err = shared.Use(app.hard, app.now(), limits.Daily); err != nil {
			return err
		}
	}
	q := quotaJSON{Tenant: name, WindowLimit: limits.Calls, Window: shortDuration(limits.Window), WindowUsed: use.Window,
		WindowLeft: max(limits.Calls-use.Window, 0), DayLimit: limits.Daily, DayUsed: use.Day, DayLeft: max(limits.Daily-use.Day, 0),
		By: use.ByWho, NextFree: moment(use.NextFree), PausedUntil: moment(use.PausedUntil), DayFree: moment(use.DayFree)}
	if app.general.json {
		return app.emit(q)
	}
	return tellQuota(app, q)
}

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC().Truncate(time.Millisecond)
	return &t
}

func tellQuota(app *App, q quotaJSON) error {
	t := newTable([]string{q.Tenant, "USED", "LEFT", "LIMIT"}, 1, 2, 3)
	row := func(what string, used, left, limit int) {
		if limit == 0 {
			t.add(what, strconv.Itoa(used), "", "none")
			return
		}
		t.add(what, strconv.Itoa(used), strconv.Itoa(left), strconv.Itoa(limit))
	}
	window := "any window"
	if q.WindowLimit > 0 {
		window = "window of " + q.Window
	}
	row(window, q.WindowUsed, q.WindowLeft, q.WindowLimit)
	row("last 24 hours", q.DayUsed, q.DayLeft, q.DayLimit)
	for _, who := range slices.Sorted(maps.Keys(q.By)) {
		t.add("  by "+who, strconv.Itoa(q.By[who]))
	}
	if err := t.write(app.stdout); err != nil {
		return err
	}
	for what, at := range map[string]*time.Time{"throttled by the server until": q.PausedUntil, "the day's calls are used until": q.DayFree} {
		if at != nil {
			if _, err := fmt.Fprintf(app.stdout, "%s %s\n", what, at.Local().Format("Mon 2 Jan 15:04:05")); err != nil {
				return err
			}
		}
	}
	return nil
}
