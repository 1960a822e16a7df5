package main

import (
	"fmt"
	"math"
	"time"

	"gsbatch/checkpoint"
	"gsbatch/gainsight"
	"gsbatch/writers"
)

// forecastOf is what writes may make of the quota from now on.
func forecastOf(limits gainsight.Limits, use checkpoint.QuotaUse, calls int64) forecast {
	f := forecast{Calls: calls, Rate: limits.PerWindow(), Window: limits.Window, Daily: limits.PerDay(false), Used: use.Day}
	if limits.Day.Fixed {
		f.Reset = limits.Day.Next
	} else {
		f.Frees = use.Freeing()
	}
	return f
}

// forecast is what that many writes cost of the quota, as it stands now; nil
// without a quota.
func (d *desk) forecast(calls int) *writers.Forecast {
	if d.limits.Calls == 0 || calls == 0 {
		return nil
	}
	now := d.app.now()
	use, err := d.shared.Use(d.app.stop, now, dayLimit(d.limits, false, now))
	if err != nil {
		return nil // the run itself will tell
	}
	end, pauses := schedule(now, forecastOf(d.limits, use, int64(calls)))
	cost := &writers.Forecast{Calls: calls, DoneAt: moment(end), Pauses: []writers.Pause{}}
	if daily := d.limits.PerDay(false); daily > 0 {
		days := math.Ceil(100*float64(calls)/float64(daily)) / 100
		cost.Days = &days
	}
	for _, p := range pauses {
		cost.Pauses = append(cost.Pauses, writers.Pause{At: *moment(p.at), Until: *moment(p.until)})
	}
	return cost
}

// costText says how long the quota makes the calls take, and what they cost of
// its days.
func (d *desk) costText(calls int, cost *writers.Forecast) string {
	rate, window := d.limits.PerWindow(), shortDuration(d.limits.Window)
	switch {
	case cost != nil && cost.DoneAt != nil:
		text := fmt.Sprintf(", about %s at %d a %s, done about %s", roughly(cost.DoneAt.Sub(d.app.now())), rate, window, cost.DoneAt.Local().Format("Mon 2 Jan 15:04"))
		if cost.Days != nil {
			text += fmt.Sprintf(" (%.2f days' calls, at %d a day for writes)", *cost.Days, d.limits.PerDay(false))
		}
		return text
	case d.limits.Calls > 0:
		return ""
	case d.tenant.emulated:
		return ", without a limit (the service allows 100 a minute: about " + roughly(time.Duration(calls)*time.Minute/100) + ")"
	}
	return ", without a limit"
}

// mostPauses is how many pauses of a plan are told one by one.
const mostPauses = 30

// tellPauses says when the run will stand still, and when it goes on.
func (d *desk) tellPauses(cost *writers.Forecast) {
	if cost == nil || len(cost.Pauses) == 0 {
		return
	}
	for i, p := range cost.Pauses {
		if i == mostPauses {
			d.app.tell("  and pauses %d times more\n", len(cost.Pauses)-i)
			break
		}
		d.app.tell("  pauses at %s, goes on at %s\n", minuteOf(p.At), minuteOf(p.Until))
	}
	if !d.limits.WaitDay {
		d.app.tell("  a pause ends the command with exit 7, and gsbatch resume goes on; with --wait-quota it waits\n")
	}
}

// minuteOf is a local time to the minute.
func minuteOf(t time.Time) string { return t.Local().Format("2006-01-02 15:04") }
