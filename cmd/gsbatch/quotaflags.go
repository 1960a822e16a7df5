package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gsbatch/checkpoint"
	"gsbatch/gainsight"
)

// quotaFlags are the flags of every command that makes calls.
type quotaFlags struct {
	client         clientFlags
	rate           rate
	daily          int
	day            dayReset
	share, reserve percent
	wait           bool // --wait-quota, of the commands that carry a run out
}

func (q *quotaFlags) add(cmd *cobra.Command) {
	q.client.add(cmd)
	q.addLimits(cmd)
}

// addLimits declares those of the quota alone.
func (q *quotaFlags) addLimits(cmd *cobra.Command) {
	q.rate = rate{calls: 100, window: time.Minute}
	q.share, q.reserve = 100, 5
	fs := cmd.Flags()
	fs.Var(&q.rate, "rate", "calls in any window of that length; 0: no limit, and no --daily (so with --emulator, unless given)")
	fs.IntVar(&q.daily, "daily", 50_000, "calls in a day; 0: no limit")
	fs.Var(&q.day, "day-reset", "a day is any 24 hours (rolling), or begins anew at this time of the clock, as 00:00+00")
	fs.Var(&q.share, "share", "how much of --rate and --daily all processes on this state folder may use together")
	fs.Var(&q.reserve, "reserve", "how much of the day's calls writes leave to exports and to settling")
}

// limits are the quota as the gate wants it. The embedded tenant has no quota
// of its own, so that a rehearsal waits only when it is told to.
func (q *quotaFlags) limits(app *App) (gainsight.Limits, error) {
	if q.client.timeout < 0 {
		return gainsight.Limits{}, usagef("give a duration such as 30s", "%s: %v is negative", app.settings.place("timeout"), q.client.timeout)
	}
	if q.daily < 0 {
		return gainsight.Limits{}, usagef("give the number of calls, or 0 for no limit", "%s: %d is negative", app.settings.place("daily"), q.daily)
	}
	if q.share <= 0 {
		return gainsight.Limits{}, usagef("give a share such as 50%", "%s: %s leaves no call", app.settings.place("share"), q.share.String())
	}
	if q.reserve >= 100 {
		return gainsight.Limits{}, usagef("give a share such as 5%", "%s: %s leaves no call for writes", app.settings.place("reserve"), q.reserve.String())
	}
	if q.rate.calls == 0 || app.general.emulator && app.settings.rank("rate") == fromDefault {
		return gainsight.Limits{WaitDay: q.wait}, nil
	}
	return gainsight.Limits{Calls: q.rate.calls, Window: q.rate.window, Daily: q.daily, Day: q.day.Day,
		Share: float64(q.share) / 100, Reserve: float64(q.reserve) / 100, WaitDay: q.wait}, nil
}

// perMinute is how many calls a minute the limits allow, 0 without a limit.
func perMinute(limits gainsight.Limits) float64 {
	if limits.Window <= 0 {
		return float64(limits.PerWindow())
	}
	return float64(limits.PerWindow()) * float64(time.Minute) / float64(limits.Window)
}

// dayLimit is what a day may see at now, for a read or a write, as the books want it.
func dayLimit(limits gainsight.Limits, read bool, now time.Time) checkpoint.DayLimit {
	return checkpoint.DayLimit{Calls: limits.PerDay(read), Since: limits.Day.Counted(now)}
}

// dayReset is the flag of what a day is.
type dayReset struct{ gainsight.Day }

func (d *dayReset) String() string {
	if !d.Fixed {
		return "rolling"
	}
	return fmt.Sprintf("%02d:%02d+00", int(d.At.Hours()), int(d.At.Minutes())%60)
}

func (d *dayReset) Type() string { return "rolling|HH:MM±ZZ" }

func (d *dayReset) Set(s string) error {
	if s == "rolling" {
		d.Day = gainsight.Day{}
		return nil
	}
	for _, layout := range []string{"15:04Z07", "15:04Z07:00", "15:04Z0700"} {
		if t, err := time.Parse(layout, strings.TrimSpace(s)); err == nil {
			t = t.UTC()
			d.Day = gainsight.Day{Fixed: true, At: time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute}
			return nil
		}
	}
	return &badValue{"not rolling, nor a time of the clock with its zone, like 00:00+00 or 17:30-08"}
}
